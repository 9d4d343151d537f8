//! What a trainer learnt, ready to embed.

use super::trainer::Bucket;
use super::{BUCKETS, DIMS};
use crate::idf::Weight;

/// Most words of a model; the most frequent ones count.
pub const MODEL_WORDS_MAX: usize = 1 << 16;

/// Documents that a word is in at least; one alone says nothing but what the document says.
const DOCUMENTS_MIN: u64 = 2;

/// Bits of a whole number's base-2 logarithm behind the point.
const LOG_BITS: u32 = 16;

/// Marks a bucket without a word.
const NONE: u32 = u32::MAX;

/// A vector for each word that was seen often enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainedModel {
    pub(super) documents: u64,
    /// By bucket.
    pub(super) words: Vec<ModelWord>,
    /// For each bucket its word's place.
    places: Box<[u32]>,
}

/// A word of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelWord {
    pub(super) bucket: u32,
    pub(super) weight: Weight,
    pub(super) vector: [i8; DIMS],
}

impl TrainedModel {
    /// Of buckets in ascending order.
    pub(super) fn of(documents: u64, mut buckets: Vec<(u32, &Bucket)>) -> TrainedModel {
        let common = Common::of(&buckets);
        buckets.retain(|(_, bucket)| bucket.documents >= DOCUMENTS_MIN);
        if buckets.len() > MODEL_WORDS_MAX {
            buckets.sort_by_key(|(_, bucket)| std::cmp::Reverse(bucket.documents));
            buckets.truncate(MODEL_WORDS_MAX);
            buckets.sort_by_key(|(number, _)| *number);
        }
        let word = |(number, bucket): (u32, &Bucket)| ModelWord {
            bucket: number,
            weight: idf(documents, bucket.documents),
            vector: quantised(&common.removed(bucket)),
        };
        TrainedModel::from_words(documents, buckets.into_iter().map(word).collect())
    }

    pub(super) fn from_words(documents: u64, words: Vec<ModelWord>) -> TrainedModel {
        let mut places = vec![NONE; BUCKETS].into_boxed_slice();
        for (word, place) in words.iter().zip(0..) {
            places[word.bucket as usize] = place;
        }
        TrainedModel {
            documents,
            words,
            places,
        }
    }

    /// How many documents it was learnt from.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// How many words it knows.
    #[must_use]
    pub fn word_count(&self) -> usize {
        self.words.len()
    }

    /// The weight and the vector of a bucket's word.
    pub(super) fn word(&self, bucket: u32) -> Option<(Weight, &[i8; DIMS])> {
        let place = self.places[bucket as usize];
        let word = self.words.get(place as usize)?;
        Some((word.weight, &word.vector))
    }
}

/// What all words have in common, which tells none from another.
struct Common {
    sum: [i64; DIMS],
    documents: i64,
}

impl Common {
    fn of(buckets: &[(u32, &Bucket)]) -> Common {
        let mut common = Common {
            sum: [0; DIMS],
            documents: 0,
        };
        for (_, bucket) in buckets {
            common.documents += i64::try_from(bucket.documents).unwrap_or(0);
            for (sum, number) in common.sum.iter_mut().zip(bucket.company) {
                *sum += i64::from(number);
            }
        }
        common
    }

    /// A bucket's company without its share of the common part.
    fn removed(&self, bucket: &Bucket) -> [i64; DIMS] {
        let documents = i128::from(bucket.documents);
        let whole = i128::from(self.documents.max(1));
        std::array::from_fn(|place| {
            let share = i128::from(self.sum[place]) * documents / whole;
            i64::from(bucket.company[place]) - i64::try_from(share).unwrap_or(0)
        })
    }
}

/// The same direction in bytes.
fn quantised(vector: &[i64; DIMS]) -> [i8; DIMS] {
    let square: u128 = vector
        .iter()
        .map(|number| u128::from(number.unsigned_abs()).pow(2))
        .sum();
    let length = i128::try_from(square.isqrt()).unwrap_or(i128::MAX).max(1);
    vector.map(|number| {
        let scaled = i128::from(number) * 16 * UNIT / length;
        let rounded = (scaled + 8).div_euclid(16).clamp(-127, 127);
        i8::try_from(rounded).unwrap_or(0)
    })
}

/// The length of a vector in bytes: its numbers are about 30, few are beyond 127.
const UNIT: i128 = 30 * 16;

/// ln(documents / with) in sixteenths, from whole numbers alone.
fn idf(documents: u64, with: u64) -> Weight {
    /// ln 2 in 1/2^16.
    const LN_2: u64 = 45_426;
    let bits = log2(documents.max(1)).saturating_sub(log2(with.max(1)));
    let nats = (bits * LN_2) >> LOG_BITS;
    Weight::try_from(nats >> (LOG_BITS - 4)).unwrap_or(Weight::MAX)
}

/// The base-2 logarithm of a number from 1 on, with [`LOG_BITS`] bits behind the point: squaring
/// doubles a logarithm, so each square yields a bit.
fn log2(number: u64) -> u64 {
    let whole = number.ilog2();
    let mut mantissa = (u128::from(number) << 63) >> whole;
    let mut log = u64::from(whole);
    for _ in 0..LOG_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let is_two = mantissa >> 64;
        mantissa >>= is_two;
        log = (log << 1) | u64::from(is_two != 0);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_the_mathematics_library() {
        for number in [1, 2, 3, 10, 117_659, u64::MAX] {
            let exact = (number as f64).log2() * 65_536.0;
            let found = log2(number) as f64;
            assert!((exact - found).abs() <= 1.0, "{number}: {found} {exact}");
        }
        assert_eq!(idf(117_659, 100), 113);
        assert_eq!(idf(u64::MAX, 1), Weight::MAX);
        assert_eq!(idf(0, 0), 0);
    }

    #[test]
    fn a_direction_survives_in_bytes() {
        let mut vector = [0_i64; DIMS];
        vector[3] = 1 << 40;
        assert_eq!(quantised(&vector)[3], 127);
        let even = quantised(&[-1_000; DIMS]);
        assert!(even.iter().all(|number| *number == -30));
        assert_eq!(quantised(&[0; DIMS]), [0; DIMS]);
    }
}
