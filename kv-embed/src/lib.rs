//! Text to vectors, and the vectors most like another one.
//!
//! ```
//! use kv_embed::{Embedder, HashingEmbedder};
//!
//! let embedder = HashingEmbedder::new();
//! let mut query = vec![0.0; embedder.dims()];
//! embedder.embed_query("nueral network", &mut query);
//!
//! let similarity = |text: &str| -> f32 {
//!     let mut document = vec![0.0; embedder.dims()];
//!     embedder.embed_document(text, &mut document);
//!     query.iter().zip(&document).map(|(a, b)| a * b).sum()
//! };
//! let alike = similarity("A neural net has layers of artificial neurons.");
//! let other = similarity("A recipe for bread with olives.");
//! assert!(alike > 0.1 && other < 0.05);
//! ```
//!
//! - [`Embedder`]: what turns text into vectors;
//! - [`HashingEmbedder`]: the default, from what words look like;
//! - [`WordVectors`]: word vectors that were learnt elsewhere, from a file;
//! - [`TrainedEmbedder`]: has learnt from documents which words go together, too;
//! - [`vectors`]: stores vectors and finds the nearest.
//!
//! Never does I/O, never reads a clock, never draws a random number: equal texts have the same bits
//! on every machine.

mod accumulator;
mod embedder;
mod features;
mod hash;
mod hashing;
mod idf;
mod stem;
mod tally;
mod trained;
pub mod vectors;
pub mod word;
mod word_vectors;

pub use embedder::Embedder;
pub use hashing::HashingEmbedder;
pub use trained::{MODEL_WORDS_MAX, ModelError, TrainedEmbedder, TrainedModel, Trainer};
pub use word_vectors::{FILE_WORDS_MAX, WordVectors, WordVectorsError};
