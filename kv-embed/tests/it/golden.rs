//! Vectors as they always were. Stored ones depend on it: a change needs a new embedder, not new
//! golden vectors.

use kv_embed::{Embedder, HashingEmbedder, TrainedEmbedder, Trainer};

use crate::document;

const HASHING: &str = include_str!("../../testdata/hashing.txt");
const TRAINED: &str = include_str!("../../testdata/trained.txt");

/// FNV-1a over the bits of all numbers, and the first eight numbers' bits.
fn digest(vector: &[f32]) -> String {
    let bytes = vector
        .iter()
        .flat_map(|number| number.to_bits().to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let first = vector
        .iter()
        .take(8)
        .map(|number| format!(" {:08x}", number.to_bits()));
    format!("{hash:016x}{}", first.collect::<String>())
}

/// Lines of a text in Rust's notation, a tab, and its vector's digest.
fn assert_golden(golden: &str, embedder: &dyn Embedder) {
    let found = golden.lines().map(|line| {
        let (text, _) = line.split_once('\t').expect("text, tab, digest");
        let unescaped = text.replace("\\n", "\n").replace("\\t", "\t");
        format!("{text}\t{}\n", digest(&document(embedder, &unescaped)))
    });
    assert_eq!(golden, found.collect::<String>());
}

#[test]
fn hashed_vectors_are_what_they_always_were() {
    assert_golden(HASHING, &HashingEmbedder::new());
}

#[test]
fn learnt_vectors_are_what_they_always_were() {
    let mut trainer = Trainer::new();
    for line in HASHING.lines().chain(HASHING.lines()) {
        trainer.add(line.split('\t').next().unwrap());
    }
    assert_golden(TRAINED, &TrainedEmbedder::new(trainer.finish().into()));
}
