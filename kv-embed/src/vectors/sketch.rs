//! One bit a component, to find the few rows worth a closer look.
//!
//! A sketch is the signs of the rotated vector: 64 bytes for 512 dimensions. A query is rotated as
//! well and rounded to 15 levels; the cosine is estimated from the sum of the query's components
//! under the signs (Gao and Long, *RaBitQ*, 2024):
//!
//! ```text
//! cosine ≈ Σ ±query[i] / Σ |vector[i]|      both rotated; ± as the vector's sign
//! ```
//!
//! The estimate's error is about 0.75 / √dims, so the best by estimate are candidates, no more.
//! Sums of four components under each of 16 combinations of signs are tabulated once a query, so a
//! byte of a sketch costs two lookups.
//!
//! 1. A sketch follows from the quantised row alone, so sketches can be made at any time.
//! 2. Four table entries have a sum of at most 224, and a row's sum is at most 57,344.

use super::{
    interleaved::Interleaved,
    kernel::{CELL, Kernel, SKETCH_LANES, SketchStripe, Tables},
    quantized::{Query, unbiased},
    rotation::Rotation,
};

/// A query's components are rounded to -7 to 7.
const LEVEL_MAX: i8 = 7;
/// What a table entry says more than the sum of four components: enough to be never negative.
const ENTRY_BIAS: u8 = 28;
/// The fewest components, so that a block has an even number of stripes.
const COMPONENTS_MIN: usize = 64;
const SCAN_BLOCKS: usize = 8;

/// The sketches of all rows.
#[derive(Debug)]
pub(super) struct Sketches {
    rotation: Rotation,
    components: usize,
    signs: Interleaved<u8, SKETCH_LANES>,
    factors: Vec<f32>,
}

impl Sketches {
    /// None yet, of vectors with `dims` components.
    pub(super) fn new(dims: usize) -> Self {
        let components = dims.next_power_of_two().max(COMPONENTS_MIN);
        Self {
            rotation: Rotation::new(components),
            components,
            signs: Interleaved::new(components / 8),
            factors: Vec::new(),
        }
    }

    /// Appends the sketch of a row with these cells.
    pub(super) fn push(&mut self, cells: &[[u8; CELL]]) {
        let (signs, factor) = self.sketch(cells);
        self.signs.push(&signs);
        self.factors.push(factor);
    }

    /// Replaces the sketch of `row`.
    pub(super) fn set(&mut self, row: usize, cells: &[[u8; CELL]]) {
        let (signs, factor) = self.sketch(cells);
        self.signs.set(row, &signs);
        self.factors[row] = factor;
    }

    pub(super) fn swap_remove(&mut self, row: usize) {
        self.signs.swap_remove(row);
        self.factors.swap_remove(row);
    }

    pub(super) fn shrink(&mut self) {
        self.signs.shrink();
        self.factors.shrink_to_fit();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let factors = self.factors.capacity() * size_of::<f32>();
        self.signs.memory_bytes() + factors + self.rotation.memory_bytes()
    }

    /// Shows `visit` an estimate for every row: a number that grows with the cosine.
    pub(super) fn scan(&self, kernel: Kernel, query: &Query, mut visit: impl FnMut(usize, &[f32])) {
        let tables = self.tables(query);
        let excess = self.components / 4 * usize::from(ENTRY_BIAS);
        let excess = u16::try_from(excess).expect("invariant 2");
        let mut first = 0;
        let mut sums = [[0; SKETCH_LANES]; SCAN_BLOCKS];
        let mut estimates = [0.0; SKETCH_LANES * SCAN_BLOCKS];
        for stripes in self.runs(tables.len() * SCAN_BLOCKS) {
            let sums = &mut sums[..stripes.len() / tables.len()];
            kernel.lookups(&tables, stripes, sums);
            let rows = sums.as_flattened().iter().zip(&self.factors[first..]);
            let filled = rows.len();
            for (out, (sum, factor)) in estimates.iter_mut().zip(rows) {
                *out = (f32::from(*sum) - f32::from(excess)) * factor;
            }
            visit(first, &estimates[..filled]);
            first += filled;
        }
    }

    /// Whether the sketch of `row` is the one that these cells have.
    #[cfg(test)]
    pub(super) fn is_sketch_of(&self, row: usize, cells: &[[u8; CELL]]) -> bool {
        let (signs, factor) = self.sketch(cells);
        self.signs.row(row).eq(signs) && self.factors[row].to_bits() == factor.to_bits()
    }

    fn runs(&self, stripes: usize) -> impl Iterator<Item = &[SketchStripe]> {
        self.signs
            .segments()
            .flat_map(move |segment| segment.chunks(stripes))
    }

    /// The signs of a row once it is rotated, and its length through the sum of its absolute
    /// components.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "to the precision of an estimate"
    )]
    #[expect(
        clippy::cast_precision_loss,
        reason = "to the precision of an estimate"
    )]
    fn sketch(&self, cells: &[[u8; CELL]]) -> (Vec<u8>, f32) {
        let row = cells
            .as_flattened()
            .iter()
            .map(|byte| i32::from(unbiased(*byte)));
        let squares: i32 = row.clone().map(|v| v * v).sum();
        let mut rotated = vec![0; self.components];
        for (to, component) in rotated.iter_mut().zip(row) {
            *to = component;
        }
        self.rotation.apply(&mut rotated);
        let length = f64::from(squares).sqrt() * self.components as f64;
        let sum: i64 = rotated.iter().map(|v| i64::from(v.abs())).sum();
        let signs = rotated.as_chunks().0.iter().map(signs_of);
        (signs.collect(), (length / sum as f64) as f32)
    }

    fn tables(&self, query: &Query) -> Vec<Tables> {
        let levels = self.levels(query);
        let octets = levels.as_chunks::<8>().0.iter();
        octets
            .map(|[a, b, c, d, e, f, g, h]| [table([a, b, c, d]), table([e, f, g, h])])
            .collect()
    }

    /// The rotated query, rounded.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is at most the highest level"
    )]
    fn levels(&self, query: &Query) -> Vec<i8> {
        let mut rotated = vec![0.0; self.components];
        for (to, component) in rotated.iter_mut().zip(&query.exact) {
            *to = *component;
        }
        self.rotation.apply(&mut rotated);
        let largest = rotated
            .iter()
            .fold(0.0_f64, |largest, v| largest.max(v.abs()));
        let factor = f64::from(LEVEL_MAX) / largest;
        rotated.iter().map(|v| (v * factor).round() as i8).collect()
    }
}

/// A bit a component, the first lowest: whether it is positive.
fn signs_of(components: &[i32; 8]) -> u8 {
    let bits = components.iter().rev();
    bits.fold(0, |signs, component| signs << 1 | u8::from(*component > 0))
}

/// The sum of four components, biased: an entry for each combination of signs.
fn table(components: [&i8; 4]) -> [u8; 16] {
    let mut table = [ENTRY_BIAS; 16];
    for (signs, entry) in table.iter_mut().enumerate() {
        for (bit, component) in components.into_iter().enumerate() {
            let is_positive = signs >> bit & 1 == 1;
            *entry = entry.wrapping_add_signed(if is_positive { *component } else { -component });
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::quantized::Quantized;

    #[test]
    fn tables_hold_the_sums_under_each_combination_of_signs() {
        let table = table([&7, &-3, &1, &0]);
        assert_eq!(table[0b0000], 28 - 5);
        assert_eq!(table[0b0001], 28 + 9);
        assert_eq!(table[0b1111], 28 + 5);
        assert_eq!(table[0b0010], 28 - 11);
    }

    #[test]
    fn a_vector_is_estimated_positive_and_its_opposite_negative() {
        for dims in [1, 3, 64, 100, 512] {
            let vector: Vec<f32> = (0..dims).map(|n| (n as f32 + 1.0).sin()).collect();
            let opposite: Vec<f32> = vector.iter().map(|v| -v).collect();
            let mut sketches = Sketches::new(dims);
            for vector in [&vector, &opposite] {
                let cells = Quantized::new(vector).unwrap().cells;
                sketches.push(&cells);
            }
            let query = Query::new(&vector).unwrap();
            sketches.scan(Kernel::detect(), &query, |first, estimates| {
                assert_eq!((first, estimates.len()), (0, 2));
                assert!(
                    estimates[0] > 0.0 && estimates[1] < 0.0,
                    "{dims}: {estimates:?}"
                );
            });
        }
    }
}
