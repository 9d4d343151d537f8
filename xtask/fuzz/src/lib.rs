//! What the fuzz targets share: where their first inputs go, how a stream arrives, and how much
//! memory a decoder may ask for.

mod allocation;

pub use allocation::assert_modest;

use std::fs;
use std::path::Path;

/// Directory that a target writes its seeds to instead of waiting for inputs.
const SEED_DIR: &str = "FUZZ_SEED_DIR";

/// Writes `seeds` to the directory that `FUZZ_SEED_DIR` names, if it names one.
///
/// # Panics
///
/// When they cannot be written.
pub fn offer_seeds(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(dir) = std::env::var_os(SEED_DIR) else {
        return;
    };
    for (number, seed) in seeds.into_iter().enumerate() {
        let path = Path::new(&dir).join(format!("seed-{number:03}"));
        fs::write(path, seed).expect("seeds can be written");
    }
}

/// `stream` in pieces of one to `len_max` bytes, by a fixed pattern.
pub fn pieces(stream: &[u8], len_max: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    let mut number = 0_usize;
    std::iter::from_fn(move || {
        number += 1;
        let len = 1 + number.wrapping_mul(7) % len_max.max(1);
        let (piece, tail) = rest.split_at(len.min(rest.len()));
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}
