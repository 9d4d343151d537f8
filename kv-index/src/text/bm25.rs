//! The score of a word in a document: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
//! Framework", 2009, section 3.2), with the never negative idf that Lucene uses.
//!
//! ```text
//! idf = ln(1 + (N - n + 0.5) / (n + 0.5))
//! score = idf · tf · (k1 + 1) / (tf + k1 · (1 - b + b · length / average length))
//! ```

use super::bound::Bound;
use super::length;

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Sums of scores in another order may differ by less than this, so what is pruned by a sum leaves
/// room for it. A single word's bound is met exactly by its best document, and gets no room: texts
/// of one length score the same, and blocks full of them must be skipped.
const SLACK: f32 = 1.000_005;

/// Bounds the sum of some scores by the sum of their bounds.
#[inline]
pub(super) fn bound_of_sum(first: f32, others: f32) -> f32 {
    if others == 0.0 {
        first
    } else {
        (first + others) * SLACK
    }
}

/// What a word counts for that occurs in `with_word` of `documents` documents.
#[must_use]
pub fn idf(documents: u64, with_word: u64) -> f32 {
    let absent = documents.saturating_sub(with_word) as f32;
    ((absent + 0.5) / (with_word as f32 + 0.5)).ln_1p()
}

/// What a length adds below the fraction, by its code.
#[derive(Debug)]
pub(super) struct Norms([f32; 256]);

impl Norms {
    /// For documents of `average` words.
    pub(super) fn new(average: f32) -> Norms {
        Norms(LENGTHS.map(|length| K1 * (1.0 - B + B * length / average)))
    }
}

/// The lengths that the codes stand for.
static LENGTHS: [f32; 256] = {
    let mut lengths = [0.0; 256];
    let mut code = 0;
    while code < length::NONE {
        lengths[code as usize] = length::decode(code) as f32;
        code += 1;
    }
    lengths[length::NONE as usize] = f32::MAX;
    lengths
};

/// Scores one word.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    factor: f32,
    norms: &'a Norms,
    /// Scores of a word that occurs once, which most do, by the length's code.
    once: [f32; 256],
}

impl Scorer<'_> {
    /// For a word that counts for `weight`, which is its idf if nothing is to raise or lower it.
    pub(super) fn new(weight: f32, norms: &Norms) -> Scorer<'_> {
        let factor = weight * (K1 + 1.0);
        let once = norms.0.map(|norm| factor / (1.0 + norm));
        Scorer {
            factor,
            norms,
            once,
        }
    }

    /// The score of `count` occurrences in a document whose length has the code `length`.
    #[inline]
    pub(super) fn score(&self, count: u8, length: u8) -> f32 {
        if count == 1 {
            return self.once[usize::from(length)];
        }
        self.repeated(count, length)
    }

    #[inline]
    pub(super) fn once(&self, length: u8) -> f32 {
        self.once[usize::from(length)]
    }

    fn repeated(&self, count: u8, length: u8) -> f32 {
        let count = f32::from(count);
        self.factor * count / (count + self.norms.0[usize::from(length)])
    }

    /// No document that `bound` covers scores more.
    #[inline]
    pub(super) fn bound(&self, bound: Bound) -> f32 {
        let mut max = self.once(bound.once);
        if bound.twice != length::NONE {
            max = max.max(self.repeated(2, bound.twice));
        }
        if bound.count_max > 2 {
            max = max.max(self.repeated(bound.count_max, bound.more) * SLACK);
        }
        max
    }
}
