//! An embedder that has learnt from documents which words go together.
//!
//! Its vectors are those of the [`HashingEmbedder`] with 256 more dimensions behind them, in which
//! words are alike that keep the same company (`doctor`, `patient`). They come from random indexing:
//! each word has a fixed, sparse, random-looking vector, and what a word means is the sum of those of
//! the words beside it.
//!
//! 1. A model is a function of the multiset of documents: their order, and which [`Trainer`] saw
//!    which of them before [`merge`](Trainer::merge), do not matter. So replicas agree bit for bit.
//! 2. A document can be taken out of a trainer again, exactly.
//! 3. Words share 2^17 buckets by the hash of their stem, so a trainer has at most 128 MiB and a model
//!    at most [`MODEL_WORDS_MAX`] words, 17 MB.
//! 4. Only a model decides vectors: who stores vectors, stores the model's version with them, and
//!    embeds anew under another model.
//!
//! Kanerva, Kristoferson, Holst: Random indexing of text samples for latent semantic analysis, 2000.
//!
//! ```
//! use kv_embed::{Embedder, TrainedEmbedder, Trainer};
//!
//! let mut trainer = Trainer::new();
//! for text in ["the doctor saw a patient", "a patient asked the doctor", "a ship left port"] {
//!     trainer.add(text);
//! }
//! let model = trainer.finish();
//! let bytes = model.to_bytes();
//! let model = kv_embed::TrainedModel::from_bytes(&bytes)?;
//!
//! let embedder = TrainedEmbedder::new(model.into());
//! let mut vector = vec![0.0; embedder.dims()];
//! embedder.embed_document("a doctor", &mut vector);
//! # Ok::<(), kv_embed::ModelError>(())
//! ```

use std::sync::Arc;

use crate::accumulator;
use crate::embedder::Embedder;
use crate::hashing::HashingEmbedder;
use crate::stem::stem;
use crate::word::{Word, Words};

mod format;
mod model;
mod trainer;

pub use format::ModelError;
pub use model::{MODEL_WORDS_MAX, TrainedModel};
pub use trainer::Trainer;

/// Dimensions that are learnt.
pub(crate) const DIMS: usize = 256;

/// Buckets that words share.
const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 17;

/// The share of a vector's square that its learnt part has.
const LEARNT_SHARE: f32 = 0.2;

/// The bucket of a word: the hash of its stem, cut down.
fn bucket(word: &Word) -> u32 {
    (crate::features::stem_hash(stem(word.letters())) >> (64 - BUCKET_BITS)) as u32
}

/// What words look like, and the company they keep: 768 dimensions. The first
/// [`WORDS_MAX`](crate::word::WORDS_MAX) words of a text count.
#[derive(Debug, Clone)]
pub struct TrainedEmbedder {
    hashing: HashingEmbedder,
    model: Arc<TrainedModel>,
}

impl TrainedEmbedder {
    /// Embeds by a model.
    #[must_use]
    pub fn new(model: Arc<TrainedModel>) -> TrainedEmbedder {
        TrainedEmbedder {
            hashing: HashingEmbedder::new(),
            model,
        }
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &TrainedModel {
        &self.model
    }

    /// Behind the first part, `out` gets what is learnt of the text's words.
    fn add_learnt(&self, text: &str, out: &mut [f32]) {
        let (look, learnt) = out.split_at_mut(accumulator::DIMS);
        let sums = self.learnt(text);
        accumulator::normalise(&sums, learnt);
        if sums != [0; DIMS] {
            look.iter_mut()
                .for_each(|number| *number *= (1.0 - LEARNT_SHARE).sqrt());
            learnt
                .iter_mut()
                .for_each(|number| *number *= LEARNT_SHARE.sqrt());
        }
    }

    fn learnt(&self, text: &str) -> [i32; DIMS] {
        let mut sums = [0; DIMS];
        let mut words = Words::new(text);
        while let Some(word) = words.next() {
            let Some((weight, vector)) = self.model.word(bucket(word)) else {
                continue;
            };
            for (sum, number) in sums.iter_mut().zip(vector) {
                *sum += i32::from(weight) * i32::from(*number);
            }
        }
        sums
    }
}

impl Embedder for TrainedEmbedder {
    fn name(&self) -> String {
        format!("trained on {} documents", self.model.documents())
    }

    fn dims(&self) -> usize {
        accumulator::DIMS + DIMS
    }

    fn embed_document(&self, text: &str, out: &mut [f32]) {
        assert_eq!(
            out.len(),
            self.dims(),
            "a vector has the embedder's dimensions"
        );
        self.hashing
            .embed_document(text, &mut out[..accumulator::DIMS]);
        self.add_learnt(text, out);
    }

    fn embed_query(&self, text: &str, out: &mut [f32]) {
        self.embed_document(text, out);
    }
}

#[cfg(test)]
mod tests;
