//! The default embedder: signed hashing of what words look like.
//!
//! A text's vector is the sum of its words' vectors, each weighed by how rare the word is and by
//! 1 + ln(times it comes up). A word's vector is the sum of its features (letter runs, the word, its
//! stem, …), each at a few places with a sign that its hash decides. So texts are alike when they share
//! rare words or words that are spelled alike; nothing is learnt, nothing is stored.
//!
//! 1. Only integers are added, so the order of features cannot matter; see [`accumulator`].
//! 2. No function of the platform's mathematics library is called.
//! 3. A text's vector never depends on what else is stored.
//!
//! Signed hashing: Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature hashing for large scale
//! multitask learning, 2009. Letter runs: Bojanowski, Grave, Joulin, Mikolov: Enriching word vectors
//! with subword information, 2017.
//!
//! [`accumulator`]: crate::accumulator

use crate::accumulator::{Accumulator, DIMS};
use crate::embedder::Embedder;
use crate::features;
use crate::idf::{self, FIXED};
use crate::tally::Tally;
use crate::word::Words;

/// Vectors of 512 dimensions from what words look like. The first
/// [`WORDS_MAX`](crate::word::WORDS_MAX) words of a text count.
#[derive(Debug, Clone, Default)]
pub struct HashingEmbedder(());

impl HashingEmbedder {
    /// There is nothing to choose.
    #[must_use]
    pub fn new() -> HashingEmbedder {
        HashingEmbedder::default()
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
        sum(text).write(out);
    }

    fn embed_query(&self, text: &str, out: &mut [f32]) {
        self.embed_document(text, out);
    }
}

/// The weighed sum of a text's words.
fn sum(text: &str) -> Accumulator {
    let mut sum = Accumulator::new();
    let mut tally = Tally::for_text(text);
    let mut words = Words::new(text);
    while let Some(word) = words.next() {
        let hash = idf::word_hash(word.letters());
        let weight = i32::from(FIXED.weight(hash)) * share(tally.count(hash));
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
