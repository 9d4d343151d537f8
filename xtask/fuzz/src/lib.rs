//! What the fuzz targets share: where their first inputs go.

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
        fs::write(Path::new(&dir).join(format!("seed-{number:03}")), seed)
            .expect("seeds are written");
    }
}
