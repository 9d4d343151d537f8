//! Vectors as small integers.
//!
//! A stored vector's largest component becomes 127 or -127, and the others follow; only the
//! direction is kept. Its `scale` turns the integers into a vector of unit length. The bytes are
//! the integers plus 128, because the fastest instruction multiplies unsigned by signed bytes.
//!
//! 1. A byte is 1 to 255. Components that pad the last cell are 0: their byte is 128.
//! 2. The same vector becomes the same bytes on every machine.

use super::kernel::CELL;

/// What a byte says more than the component that it stands for.
pub(super) const BIAS: u8 = 128;

/// A vector to be stored.
#[derive(Clone, Debug)]
pub(super) struct Quantized {
    /// The biased components.
    pub(super) cells: Vec<[u8; CELL]>,
    /// One through the integers' length.
    pub(super) scale: f32,
}

impl Quantized {
    /// `None` if all of the (finite) components are 0.
    pub(super) fn new(vector: &[f32]) -> Option<Self> {
        let factor = factor(vector)?;
        let mut cells = vec![[BIAS; CELL]; vector.len().div_ceil(CELL)];
        for (byte, component) in cells.as_flattened_mut().iter_mut().zip(vector) {
            *byte = low_byte(f64::from(*component) * factor + f64::from(BIAS));
        }
        let scale = scale(&cells);
        Some(Self { cells, scale })
    }
}

/// What a search compares with the stored vectors.
#[derive(Debug)]
pub(super) struct Query {
    /// Of unit length, padded as the cells are.
    pub(super) exact: Vec<f64>,
    /// As stored vectors are, but without the bias.
    pub(super) cells: Vec<[i8; CELL]>,
    /// What the bias of stored bytes adds to a scalar product with `cells`.
    pub(super) excess: i32,
}

impl Query {
    /// `None` if all of the (finite) components are 0.
    pub(super) fn new(vector: &[f32]) -> Option<Self> {
        let quantized = Quantized::new(vector)?;
        let cells: Vec<_> = quantized
            .cells
            .iter()
            .map(|cell| cell.map(unbiased))
            .collect();
        let sum: i32 = cells.as_flattened().iter().map(|v| i32::from(*v)).sum();
        let squares = vector.iter().map(|v| f64::from(*v) * f64::from(*v));
        let length = squares.sum::<f64>().sqrt();
        let mut exact = vec![0.0; cells.len() * CELL];
        for (exact, component) in exact.iter_mut().zip(vector) {
            *exact = f64::from(*component) / length;
        }
        Some(Self {
            exact,
            cells,
            excess: sum * i32::from(BIAS),
        })
    }

    /// The cosine of the query and the vector stored as `cells`.
    ///
    /// Adds up in a fixed order, so that the sum is the same on every machine.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "to the precision of a score"
    )]
    pub(super) fn cosine(&self, cells: impl Iterator<Item = [u8; CELL]>, scale: f32) -> f32 {
        let mut lanes = [0.0_f64; 8];
        for (query, cell) in self.exact.as_chunks::<CELL>().0.iter().zip(cells) {
            for (query, bytes) in query.as_chunks::<8>().0.iter().zip(cell.as_chunks::<8>().0) {
                for ((lane, query), byte) in lanes.iter_mut().zip(query).zip(bytes) {
                    *lane += query * f64::from(unbiased(*byte));
                }
            }
        }
        let cosine = lanes.iter().sum::<f64>() * f64::from(scale);
        // Adding zero makes a negative zero positive, which would rank below it.
        cosine.clamp(-1.0, 1.0) as f32 + 0.0
    }
}

/// The component that a byte stands for.
pub(super) const fn unbiased(byte: u8) -> i8 {
    byte.wrapping_sub(BIAS).cast_signed()
}

/// What makes the largest component 127.
fn factor(vector: &[f32]) -> Option<f64> {
    // Positive numbers order as their bits do, and integers are compared several at a time.
    let magnitudes = vector.iter().map(|component| component.abs().to_bits());
    let largest = f32::from_bits(magnitudes.max().unwrap_or(0));
    (largest > 0.0).then(|| 127.0 / f64::from(largest))
}

/// The nearest integer to `value`, which is one of 0 to 255.
///
/// Adding 1.5 · 2⁵² leaves no bits for a fraction, so the sum is rounded to an integer, which then
/// are its lowest bits. Rounding by a call would cost more than all the rest of quantising.
const fn low_byte(value: f64) -> u8 {
    let [byte, ..] = (value + 6_755_399_441_055_744.0).to_bits().to_le_bytes();
    byte
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "to the precision of a scale"
)]
fn scale(cells: &[[u8; CELL]]) -> f32 {
    let components = cells
        .as_flattened()
        .iter()
        .map(|byte| i32::from(unbiased(*byte)));
    let squares: i32 = components.map(|v| v * v).sum();
    f64::from(squares).sqrt().recip() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_round_to_the_nearest_step() {
        let vector = [1.0, -1.0, 0.0, 0.5, -0.5, 3.4 / 127.0, -3.6 / 127.0];
        let quantized = Quantized::new(&vector).unwrap();
        let components: Vec<i8> = quantized.cells[0].iter().map(|b| unbiased(*b)).collect();
        assert_eq!(components[..8], [127, -127, 0, 64, -64, 3, -4, 0]);
        assert!(components[8..].iter().all(|v| *v == 0));
    }

    #[test]
    fn the_smallest_and_the_largest_numbers_are_directions_too() {
        for length in [f32::from_bits(1), f32::MAX] {
            let query = Query::new(&[length, -length, 0.0]).unwrap();
            let stored = Quantized::new(&[length, -length, 0.0]).unwrap();
            let cosine = query.cosine(stored.cells.iter().copied(), stored.scale);
            assert!((cosine - 1.0).abs() < 1e-6, "{cosine}");
        }
    }

    #[test]
    fn zero_has_no_direction() {
        assert!(Quantized::new(&[0.0, -0.0]).is_none());
        assert!(Query::new(&[0.0; 100]).is_none());
    }
}
