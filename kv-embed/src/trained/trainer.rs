//! Counts which words stand in the same documents.
//!
//! 1. A document adds a vector of the same length whatever its length, in whole numbers, and removing
//!    it subtracts the same numbers.
//! 2. Sums wrap around, so that 1 holds for any number of documents; only words that stand in millions
//!    of documents can come near, and those say nothing.

use super::model::TrainedModel;
use super::{BUCKETS, DIMS, bucket};
use crate::hash::Rolling;
use crate::idf::{FIXED, word_hash};
use crate::word::Words;

/// Places of a word's fixed vector that are not zero.
const PLACES: usize = 8;
const PLACES_SEED: u64 = 6;

/// The length of what a document adds.
const DOCUMENT_ONE: i64 = 1 << 10;

/// A word weighs what it has above this, in sixteenths; those below say nothing of their company.
const WEIGHT_FLOOR: i32 = 48;

/// Learns from documents which words stand beside which, for a [`TrainedModel`]. The order of
/// documents does not matter. Takes at most 128 MiB.
#[derive(Debug, Clone)]
pub struct Trainer {
    documents: u64,
    buckets: Vec<Option<Box<Bucket>>>,
}

/// What is known of the words of a bucket.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// How many documents have one of them.
    pub(super) documents: u64,
    /// The sum of the vectors of the words beside them.
    pub(super) company: [i32; DIMS],
}

impl Bucket {
    fn new() -> Box<Bucket> {
        Box::new(Bucket {
            documents: 0,
            company: [0; DIMS],
        })
    }

    fn is_empty(&self) -> bool {
        self.documents == 0 && self.company == [0; DIMS]
    }
}

/// A word of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Term {
    bucket: u32,
    weight: i32,
}

impl Term {
    /// The term's fixed vector, as places and amounts.
    fn places(self) -> impl Iterator<Item = (usize, i32)> {
        let mut bits = Rolling::new(PLACES_SEED)
            .add_bits(u64::from(self.bucket))
            .finish();
        (0..PLACES).map(move |turn| {
            let place = usize::from(bits.to_le_bytes()[0]);
            let sign = if turn % 2 == 0 { 1 } else { -1 };
            bits = bits.rotate_left(8);
            (place, sign * self.weight)
        })
    }
}

impl Default for Trainer {
    fn default() -> Trainer {
        Trainer::new()
    }
}

impl Trainer {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Trainer {
        Trainer {
            documents: 0,
            buckets: vec![None; BUCKETS],
        }
    }

    /// How many documents were added and not removed.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Learns from a document.
    pub fn add(&mut self, text: &str) {
        self.documents = self.documents.wrapping_add(1);
        self.change(text, 1);
    }

    /// Unlearns a document that was added.
    pub fn remove(&mut self, text: &str) {
        self.documents = self.documents.wrapping_sub(1);
        self.change(text, -1);
    }

    /// Learns what another trainer learnt.
    pub fn merge(&mut self, other: &Trainer) {
        self.documents = self.documents.wrapping_add(other.documents);
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            let Some(theirs) = theirs else { continue };
            let mine = mine.get_or_insert_with(Bucket::new);
            mine.documents = mine.documents.wrapping_add(theirs.documents);
            for (sum, number) in mine.company.iter_mut().zip(&theirs.company) {
                *sum = sum.wrapping_add(*number);
            }
        }
    }

    /// What was learnt.
    #[must_use]
    pub fn finish(&self) -> TrainedModel {
        let buckets = self.buckets.iter().zip(0..);
        TrainedModel::of(
            self.documents,
            buckets
                .filter_map(|(bucket, number)| Some((number, bucket.as_deref()?)))
                .collect(),
        )
    }

    fn change(&mut self, text: &str, times: i32) {
        let terms = terms(text);
        let (sum, length) = sum(&terms);
        if length == 0 {
            return;
        }
        for term in &terms {
            self.change_term(*term, &sum, length, times);
        }
    }

    /// Adds the document without the term itself, `times` times.
    fn change_term(&mut self, term: Term, sum: &[i32; DIMS], length: i64, times: i32) {
        let mut company = *sum;
        for (place, amount) in term.places() {
            company[place] -= amount;
        }
        let slot = &mut self.buckets[term.bucket as usize];
        let bucket = slot.get_or_insert_with(Bucket::new);
        bucket.documents = bucket.documents.wrapping_add_signed(times.into());
        for (to, from) in bucket.company.iter_mut().zip(company) {
            *to = to.wrapping_add(times * scaled(from, length));
        }
        if bucket.is_empty() {
            *slot = None;
        }
    }
}

/// `number` of a vector of that length, of one of length [`DOCUMENT_ONE`].
fn scaled(number: i32, length: i64) -> i32 {
    let scaled = i64::from(number) * DOCUMENT_ONE / length;
    i32::try_from(scaled).unwrap_or(0)
}

/// The document's distinct terms.
fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut words = Words::new(text);
    while let Some(word) = words.next() {
        let weight = i32::from(FIXED.weight(word_hash(word.letters()))) - WEIGHT_FLOOR;
        terms.push(Term {
            bucket: bucket(word),
            weight: weight.max(0),
        });
    }
    terms.sort_unstable();
    terms.dedup_by_key(|term| term.bucket);
    terms
}

/// The sum of the terms' vectors, and its length.
fn sum(terms: &[Term]) -> ([i32; DIMS], i64) {
    let mut sum = [0; DIMS];
    for (place, amount) in terms.iter().flat_map(|term| term.places()) {
        sum[place] += amount;
    }
    let square: i64 = sum.iter().map(|number| i64::from(*number).pow(2)).sum();
    (sum, square.isqrt())
}
