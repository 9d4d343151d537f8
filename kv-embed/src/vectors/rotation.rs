//! A fixed rotation: it spreads a vector's length evenly over all components, so that the
//! components' signs say much about its direction.
//!
//! Twice: flip the signs of some components, fixed by a seed; then a Walsh-Hadamard transform
//! (Ailon and Chazelle, *The fast Johnson-Lindenstrauss transform*, 2009). Not normalised: lengths
//! grow by the number of components. One round leaves a vector with few components in a lattice;
//! two do not.
//!
//! 1. The dimension is a power of two from 8 on; a shorter vector is padded with zeros.
//! 2. Integers stay exact: 127 · 4096² is less than 2³¹.
//! 3. The seed never changes within a process; sketches and queries must agree on it.

use std::ops::{Add, Neg, Sub};

const SEED: u64 = 0x6b76_2d65_6d62_6564;

/// See the module.
#[derive(Debug)]
pub(super) struct Rotation {
    /// For either round, whether a component's sign is flipped.
    flips: [Vec<bool>; 2],
}

impl Rotation {
    /// The rotation of vectors with `dims` components, a power of two.
    pub(super) fn new(dims: usize) -> Self {
        assert!(dims.is_power_of_two() && dims >= 8);
        let mut state = SEED;
        let mut round = || {
            (0..dims)
                .map(|_| split_mix(&mut state) >> 63 == 1)
                .collect()
        };
        Self {
            flips: [round(), round()],
        }
    }

    /// Rotates `vector` where it is.
    pub(super) fn apply<T>(&self, vector: &mut [T])
    where
        T: Copy + Add<Output = T> + Sub<Output = T> + Neg<Output = T>,
    {
        for flips in &self.flips {
            for (component, flip) in vector.iter_mut().zip(flips) {
                *component = if *flip { -*component } else { *component };
            }
            walsh_hadamard(vector);
        }
    }

    /// How many bytes are allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.flips.iter().map(Vec::capacity).sum()
    }
}

fn walsh_hadamard<T>(vector: &mut [T])
where
    T: Copy + Add<Output = T> + Sub<Output = T>,
{
    let (octets, []) = vector.as_chunks_mut() else {
        panic!("a power of two from 8 on");
    };
    octets.iter_mut().for_each(walsh_hadamard_8);
    let mut half = 8;
    while half < vector.len() {
        for pair in vector.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// The steps whose strides are shorter than a register.
fn walsh_hadamard_8<T>(octet: &mut [T; 8])
where
    T: Copy + Add<Output = T> + Sub<Output = T>,
{
    for half in [4, 2, 1] {
        let old = *octet;
        for (place, new) in octet.iter_mut().enumerate() {
            let other = old[place ^ half];
            *new = if place & half == 0 {
                old[place] + other
            } else {
                other - old[place]
            };
        }
    }
}

/// The next number of `SplitMix64` (Steele, Lea, Flood, 2014).
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_products_are_kept_but_for_the_factor() {
        let rotation = Rotation::new(64);
        let mut a: Vec<i32> = (0..64).map(|n| n * 37 % 255 - 127).collect();
        let mut b: Vec<i32> = (0..64).map(|n| n * 91 % 255 - 127).collect();
        let before = dot(&a, &b);
        rotation.apply(&mut a);
        rotation.apply(&mut b);
        assert_eq!(dot(&a, &b), before * 64 * 64);
    }

    #[test]
    fn the_largest_vector_does_not_overflow() {
        let mut vector: Vec<i32> = vec![127; 4096];
        Rotation::new(4096).apply(&mut vector);
        let length: i64 = vector.iter().map(|v| i64::from(*v) * i64::from(*v)).sum();
        assert_eq!(length, 4096 * 127 * 127 * 4096 * 4096);
    }

    #[test]
    fn a_single_component_is_spread_over_all() {
        let mut vector = vec![0_i32; 512];
        vector[5] = 1;
        Rotation::new(512).apply(&mut vector);
        assert!(vector.iter().all(|v| v.abs() < 512 / 4));
    }

    fn dot(a: &[i32], b: &[i32]) -> i64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| i64::from(*a) * i64::from(*b))
            .sum()
    }
}
