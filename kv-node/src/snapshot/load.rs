//! Loads one generation, its parts in parallel.

use kv_proto::Entry;
use kv_wal::Storage;
use rayon::prelude::*;

use super::part::{PartId, PartReader};
use super::{Damage, Generation, PartSummary, SnapshotError};
use crate::db::Writer;

/// Below this, starting threads takes longer than they save.
const PARALLEL_BYTES_MIN: u64 = 1 << 20;

/// Stores the entries of `generation` in an empty `Db`.
///
/// # Errors
/// If the disk refuses or a file is damaged; the `Db` then holds some of the entries.
pub fn load(
    storage: &dyn Storage,
    generation: &Generation,
    writer: &mut Writer<'_>,
) -> Result<(), SnapshotError> {
    let readers = generation
        .part_ids()
        .zip(&generation.parts)
        .map(|(id, summary)| open(storage, id, summary))
        .collect::<Result<Vec<_>, _>>()?;
    writer.reserve(generation.entry_count());
    let expiring = match generation.file_bytes() {
        ..PARALLEL_BYTES_MIN => load_in_turn(&readers, writer)?,
        _ => load_in_parallel(&readers, writer)?,
    };
    writer.finish_load(generation.stamp, expiring.concat());
    Ok(())
}

/// Entries that have an expiry, by part.
type Expiring = Vec<Vec<Entry>>;

fn load_in_turn(readers: &[PartReader], writer: &Writer<'_>) -> Result<Expiring, SnapshotError> {
    let loaded = readers.iter().map(|reader| load_part(reader, writer));
    loaded.collect()
}

/// On threads of its own, which end with it.
fn load_in_parallel(
    readers: &[PartReader],
    writer: &Writer<'_>,
) -> Result<Expiring, SnapshotError> {
    let threads = rayon::ThreadPoolBuilder::new()
        .build()
        .map_err(|error| SnapshotError::Threads(error.to_string()))?;
    threads.install(|| {
        let loaded = readers.par_iter().map(|reader| load_part(reader, writer));
        loaded.collect()
    })
}

pub(super) fn open(
    storage: &dyn Storage,
    id: PartId,
    summary: &PartSummary,
) -> Result<PartReader, SnapshotError> {
    let reader = PartReader::open(storage, id)?;
    let is_same =
        reader.trailer_crc() == summary.trailer_crc && reader.entry_count() == summary.entry_count;
    match is_same {
        true => Ok(reader),
        false => Err(SnapshotError::Corrupt {
            path: id.path(),
            offset: 0,
            damage: Damage::Misplaced,
        }),
    }
}

/// The entries that have an expiry.
fn load_part(reader: &PartReader, writer: &Writer<'_>) -> Result<Vec<Entry>, SnapshotError> {
    let mut expiring = Vec::new();
    reader.read(|entries| {
        let with_expiry = entries
            .iter()
            .filter(|entry| entry.expires_at_ms().is_some());
        expiring.extend(with_expiry.cloned());
        writer.load(entries);
    })?;
    Ok(expiring)
}
