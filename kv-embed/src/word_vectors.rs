//! An embedder from word vectors that were learnt elsewhere: word2vec, GloVe, fastText.
//!
//! A text's vector is what its words look like (the [`HashingEmbedder`]'s, 512 dimensions), and behind
//! it the weighted mean of its words' vectors. So words that the file does not know, misspelt ones
//! among them, are found by their looks, as long as both parts fit into [`DIMS_MAX`] dimensions; else
//! there is only the second part, and words that are not known do not count.
//!
//! A word weighs a / (a + p), p its probability: Arora, Liang, Ma: A simple but tough-to-beat baseline
//! for sentence embeddings, 2017. Such files list words by how frequent they are, so p is taken from a
//! word's place in it by Zipf's law.
//!
//! 1. Words are folded as those of texts are; of equal ones the first counts, and what is not one word
//!    does not count.
//! 2. At most [`FILE_WORDS_MAX`] words of a file count, each at one byte a dimension.
//! 3. No function of the platform's mathematics library is called but the square root.

use std::collections::HashMap;
use std::fmt;

use crate::accumulator::{DIMS as LOOK_DIMS, reciprocal_of_root};
use crate::embedder::Embedder;
use crate::hashing::HashingEmbedder;
use crate::idf::word_hash;
use crate::vectors::DIMS_MAX;
use crate::word::Words;

mod read;

pub use read::WordVectorsError;

/// Words of a file that count; those behind them are the rarest.
pub const FILE_WORDS_MAX: usize = 4_000_000;

/// The share of a vector's square that the words' vectors have.
const MEANING_SHARE: f32 = 0.5;

/// A word of this probability weighs half as much as a rare one.
const HALF_WEIGHT: f64 = 1e-3;

/// Word vectors from a file. The first [`WORDS_MAX`](crate::word::WORDS_MAX) words of a text count.
///
/// ```
/// use kv_embed::{Embedder, WordVectors};
///
/// let file = "car 0.9 0.1\nauto 0.8 0.2\nbanana 0.0 1.0\n";
/// let embedder = WordVectors::read(&mut file.as_bytes())?;
/// let vector = |text: &str| {
///     let mut vector = vec![0.0; embedder.dims()];
///     embedder.embed_document(text, &mut vector);
///     vector
/// };
/// let cosine = |a: &str, b: &str| -> f32 {
///     vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum()
/// };
/// assert!(cosine("a car", "an auto") > cosine("a car", "a banana"));
/// # Ok::<(), kv_embed::WordVectorsError>(())
/// ```
pub struct WordVectors {
    look: Option<HashingEmbedder>,
    dims: usize,
    /// Rows by the hash of the word.
    rows: HashMap<u64, u32>,
    cells: Vec<i8>,
    /// What a row's cells are multiplied by: the word's weight is in it.
    scales: Vec<f64>,
    /// Each row's place in the file, from 1 on, until the weights are known.
    ranks: Vec<u32>,
}

impl fmt::Debug for WordVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordVectors")
            .field("words", &self.word_count())
            .field("dims", &self.dims)
            .finish_non_exhaustive()
    }
}

impl WordVectors {
    /// Without words.
    fn new(dims: usize) -> WordVectors {
        WordVectors {
            look: (dims + LOOK_DIMS <= DIMS_MAX).then(HashingEmbedder::new),
            dims,
            rows: HashMap::new(),
            cells: Vec::new(),
            scales: Vec::new(),
            ranks: Vec::new(),
        }
    }

    /// How many words there are.
    #[must_use]
    pub fn word_count(&self) -> usize {
        self.rows.len()
    }

    /// Adds a word of the file, `rank` words from its front.
    fn push(&mut self, word: &str, rank: u32, vector: &[f32]) {
        let Some(hash) = hash_of_one(word) else {
            return;
        };
        let largest = vector.iter().fold(0.0, |max: f32, v| max.max(v.abs()));
        let row = u32::try_from(self.scales.len()).expect("a file's words are bounded");
        if largest == 0.0 || self.rows.contains_key(&hash) {
            return;
        }
        self.rows.insert(hash, row);
        let factor = 127.0 / f64::from(largest);
        let cells = vector.iter().map(|v| cell(f64::from(*v) * factor));
        self.cells.extend(cells);
        self.scales.push(factor.recip());
        self.ranks.push(rank);
    }

    /// Weighs the words, of which the file had `count`.
    fn finish(mut self, count: u32) -> WordVectors {
        let harmonic: f64 = (1..=count).map(|rank| f64::from(rank).recip()).sum();
        for (scale, rank) in self.scales.iter_mut().zip(&self.ranks) {
            let probability = (f64::from(*rank) * harmonic).recip();
            *scale *= HALF_WEIGHT / (HALF_WEIGHT + probability);
        }
        self.ranks = Vec::new();
        self.cells.shrink_to_fit();
        self
    }

    /// Writes the mean of the words' vectors at unit length; whether there was one.
    fn mean(&self, text: &str, out: &mut [f32]) -> bool {
        let mut sums = vec![0.0f64; self.dims];
        let mut words = Words::new(text);
        while let Some(word) = words.next() {
            let Some(row) = self.rows.get(&word_hash(word.letters())) else {
                continue;
            };
            let row = *row as usize;
            let cells = &self.cells[row * self.dims..][..self.dims];
            for (sum, cell) in sums.iter_mut().zip(cells) {
                *sum += self.scales[row] * f64::from(*cell);
            }
        }
        let square: f64 = sums.iter().map(|sum| sum * sum).sum();
        let scale = reciprocal_of_root(square);
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = single(sum * scale);
        }
        square > 0.0
    }
}

/// The hash of a text that is one word.
fn hash_of_one(text: &str) -> Option<u64> {
    let mut words = Words::new(text);
    let hash = word_hash(words.next()?.letters());
    words.next().is_none().then_some(hash)
}

#[expect(clippy::cast_possible_truncation, reason = "it is from -127 to 127")]
fn cell(value: f64) -> i8 {
    value.round() as i8
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded once, the same everywhere"
)]
fn single(number: f64) -> f32 {
    number as f32
}

impl Embedder for WordVectors {
    fn name(&self) -> String {
        let (words, dims) = (self.word_count(), self.dims);
        format!("word vectors ({words} words of {dims} dimensions)")
    }

    fn dims(&self) -> usize {
        self.dims + self.look.as_ref().map_or(0, Embedder::dims)
    }

    fn embed_document(&self, text: &str, out: &mut [f32]) {
        assert_eq!(
            out.len(),
            self.dims(),
            "a vector has the embedder's dimensions"
        );
        let (look, mean) = out.split_at_mut(out.len() - self.dims);
        let has_mean = self.mean(text, mean);
        let Some(embedder) = &self.look else {
            return;
        };
        embedder.embed_document(text, look);
        if has_mean {
            let scale = |part: &mut [f32], share: f32| {
                part.iter_mut().for_each(|number| *number *= share.sqrt());
            };
            scale(look, 1.0 - MEANING_SHARE);
            scale(mean, MEANING_SHARE);
        }
    }

    fn embed_query(&self, text: &str, out: &mut [f32]) {
        self.embed_document(text, out);
    }
}

#[cfg(test)]
mod tests;
