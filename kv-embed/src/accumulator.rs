//! A sum of signed features in whole numbers.
//!
//! 1. The order of additions does not matter: integers are added, nothing is rounded.
//! 2. Nothing overflows. A word of the greatest weight is [`WORD_ONE`] long; if all its features met
//!    in one place, ten times that; and a text has [`WORDS_MAX`](crate::word::WORDS_MAX) words.
//! 3. Normalising takes one square root and one division, which IEEE 754 rounds in one way only.

/// The length of a word's vector of the greatest weight, in the accumulator's unit.
pub(crate) const WORD_ONE: i32 = 1 << 15;

/// Dimensions of a sum.
pub(crate) const DIMS: usize = 512;
const DIMS_BITS: u32 = DIMS.trailing_zeros();

/// The sum.
#[derive(Debug)]
pub(crate) struct Accumulator {
    sums: [i32; DIMS],
}

impl Accumulator {
    pub(crate) fn new() -> Accumulator {
        Accumulator { sums: [0; DIMS] }
    }

    /// Adds a feature: `amount` with the hash's sign in each of `PLACES` places.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below the number of dimensions"
    )]
    pub(crate) fn add<const PLACES: usize>(&mut self, hash: u64, amount: i32) {
        let mut bits = hash;
        for _ in 0..PLACES {
            bits = bits.rotate_left(DIMS_BITS + 1);
            let place = (bits & (DIMS as u64 - 1)) as usize;
            let negative = i32::from(bits & DIMS as u64 != 0);
            self.sums[place] += (amount ^ -negative) + negative;
        }
    }

    /// Writes the sum at unit length, or zeros if it is zero.
    pub(crate) fn write(&self, out: &mut [f32]) {
        normalise(&self.sums, out);
    }
}

/// Writes `sums` at unit length, or zeros if they are all zero.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn normalise(sums: &[i32], out: &mut [f32]) {
    assert_eq!(
        sums.len(),
        out.len(),
        "a vector has the embedder's dimensions"
    );
    let square: u64 = sums
        .iter()
        .map(|sum| u64::from(sum.unsigned_abs()))
        .map(|sum| sum * sum)
        .sum();
    let scale = reciprocal_of_root(whole(square));
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = single(f64::from(*sum) * scale);
    }
}

/// 1/√square, and 0 for 0.
pub(crate) fn reciprocal_of_root(square: f64) -> f64 {
    match square {
        0.0 => 0.0,
        square => 1.0 / square.sqrt(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounded once, the same everywhere"
)]
fn whole(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded once, the same everywhere"
)]
fn single(number: f64) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter() {
        let features: [(u64, i32); 4] =
            [(u64::MAX, 7), (12_345 << 40, 9), (1, 1_000), (77 << 50, -3)];
        let sum_of = |features: &[(u64, i32)]| {
            let mut sum = Accumulator::new();
            features
                .iter()
                .for_each(|(hash, amount)| sum.add::<3>(*hash, *amount));
            sum.sums
        };
        let mut backwards = features;
        backwards.reverse();
        assert_eq!(sum_of(&features), sum_of(&backwards));
    }

    #[test]
    fn vectors_have_unit_length_or_are_zero() {
        let mut out = [1.0; 3];
        normalise(&[0, 0, 0], &mut out);
        assert_eq!(out, [0.0; 3]);
        normalise(&[3, 0, -4], &mut out);
        assert_eq!(out, [0.6, 0.0, -0.8]);
        normalise(&[1 << 28, 1 << 28, i32::MIN >> 3], &mut out);
        let square: f32 = out.iter().map(|number| number * number).sum();
        assert!((square - 1.0).abs() < 1e-6);
    }
}
