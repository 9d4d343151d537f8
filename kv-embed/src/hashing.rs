//! The default embedder: signed hashing of what words look like.
//!
//! A text's vector is the sum of its words' vectors, each weighed by how rare the word is and by
//! 1 + ln(times it comes up). A word's vector is the sum of its features (letter runs, the word, its
//! stem, …), each at a few places with a sign that its hash decides. So texts are alike when they share
//! rare words or words that are spelled alike; nothing is learnt, nothing is stored.
//!
//! 1. Only integers are added, so the order of features cannot matter; see [`accumulator`].
//! 2. No function of the platform's mathematics library is called.
//! 3. A text's vector never depends on what else is stored. A query's does if it is given the weights
//!    of the stored words; it can be compared all the same.
//!
//! Signed hashing: Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature hashing for large scale
//! multitask learning, 2009. Letter runs: Bojanowski, Grave, Joulin, Mikolov: Enriching word vectors
//! with subword information, 2017.
//!
//! [`accumulator`]: crate::accumulator

use std::fmt;
use std::sync::Arc;

use crate::accumulator::{Accumulator, DIMS};
use crate::embedder::Embedder;
use crate::features;
use crate::idf::{self, FIXED, Idf, Weight};
use crate::tally::Tally;
use crate::word::{Word, Words};

/// Vectors of 512 dimensions from what words look like. The first
/// [`WORDS_MAX`](crate::word::WORDS_MAX) words of a text count.
#[derive(Clone, Default)]
pub struct HashingEmbedder {
    live: Option<Arc<dyn Idf>>,
}

impl HashingEmbedder {
    /// Weighs the words of queries by the fixed table, as those of documents.
    #[must_use]
    pub fn new() -> HashingEmbedder {
        HashingEmbedder::default()
    }

    /// Weighs the words of queries by `idf` where it knows them.
    #[must_use]
    pub fn with_live_idf(idf: Arc<dyn Idf>) -> HashingEmbedder {
        HashingEmbedder { live: Some(idf) }
    }

    fn query_weight(&self, word: &Word, hash: u64) -> Weight {
        let live = self.live.as_ref().and_then(|live| live.idf(word));
        live.map_or_else(|| FIXED.weight(hash), idf::quantised)
    }
}

impl Embedder for HashingEmbedder {
    fn name(&self) -> String {
        "hashing".to_owned()
    }

    fn dims(&self) -> usize {
        DIMS
    }

    fn embed_document(&self, text: &str, out: &mut [f32]) {
        sum(text, |_, hash| FIXED.weight(hash)).write(out);
    }

    fn embed_query(&self, text: &str, out: &mut [f32]) {
        sum(text, |word, hash| self.query_weight(word, hash)).write(out);
    }
}

impl fmt::Debug for HashingEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingEmbedder")
            .field("has_live_idf", &self.live.is_some())
            .finish()
    }
}

/// The sum of a text's words, weighed by `weight`.
pub(crate) fn sum(text: &str, weight: impl Fn(&Word, u64) -> Weight) -> Accumulator {
    let mut sum = Accumulator::new();
    let mut tally = Tally::for_text(text);
    let mut words = Words::new(text);
    while let Some(word) = words.next() {
        let hash = idf::word_hash(word.letters());
        let weight = i32::from(weight(word, hash)) * share(tally.count(hash));
        features::add(&mut sum, word, hash, weight);
    }
    sum
}

/// What the nth occurrence of a word adds to 1 + ln n, in 1/256: near enough 2 / (2n - 1), which
/// needs no logarithm.
#[expect(clippy::cast_possible_wrap, reason = "at most 512 / 1")]
fn share(nth: u32) -> i32 {
    if nth == 1 {
        256
    } else {
        (512 / (2 * nth - 1)) as i32
    }
}
