//! What there was before: unsigned hashing of runs of three characters.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use kv_embed::Embedder;

const DIMS: usize = 512;

/// The frequencies of hashed three-character runs of the lower-cased text, at unit length.
#[derive(Debug)]
pub(super) struct Baseline;

impl Embedder for Baseline {
    fn name(&self) -> String {
        "unsigned 3-grams".to_owned()
    }

    fn dims(&self) -> usize {
        DIMS
    }

    fn embed_document(&self, text: &str, out: &mut [f32]) {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let letters: Vec<char> = text.to_lowercase().chars().collect();
        out.fill(0.0);
        for run in letters.windows(3) {
            let place = hasher.hash_one(run) % DIMS as u64;
            out[usize::try_from(place).expect("below 512")] += 1.0;
        }
        let square: f32 = out.iter().map(|count| count * count).sum();
        if square > 0.0 {
            let scale = 1.0 / square.sqrt();
            out.iter_mut().for_each(|count| *count *= scale);
        }
    }

    fn embed_query(&self, text: &str, out: &mut [f32]) {
        self.embed_document(text, out);
    }
}
