//! What holds for every text, and vectors that never change.

mod golden;
mod properties;

use kv_embed::Embedder;

fn document(embedder: &dyn Embedder, text: &str) -> Vec<f32> {
    let mut vector = vec![f32::NAN; embedder.dims()];
    embedder.embed_document(text, &mut vector);
    vector
}

fn query(embedder: &dyn Embedder, text: &str) -> Vec<f32> {
    let mut vector = vec![f32::NAN; embedder.dims()];
    embedder.embed_query(text, &mut vector);
    vector
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
