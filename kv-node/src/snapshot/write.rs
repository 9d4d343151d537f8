//! Writes one generation from a cut.

use std::collections::HashSet;
use std::path::Path;

use kv_wal::Storage;

use super::part::{PartId, PartWriter};
use super::{
    Generation, Manifest, PART_COUNT, PartSummary, SNAPSHOT_DIR, SnapshotError, io_error, part_of,
};
use crate::db::{Cut, Db};

/// Slows a snapshot down so that others get at the disk, or stops it.
pub trait Pace {
    /// Called after each write, with its length.
    ///
    /// # Errors
    /// `Cancelled` to give up.
    fn wrote(&mut self, bytes: u64) -> Result<(), SnapshotError>;
}

/// As fast as the disk takes it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unpaced;

impl Pace for Unpaced {
    fn wrote(&mut self, _bytes: u64) -> Result<(), SnapshotError> {
        Ok(())
    }
}

/// Writes the files of a generation and makes them durable, names included. They are not a
/// snapshot before a manifest names them.
///
/// # Errors
/// If the disk refuses, or `pace` gives up; then the files are removed as far as possible.
pub fn write(
    storage: &dyn Storage,
    db: &Db,
    cut: &Cut,
    pace: &mut dyn Pace,
) -> Result<Vec<PartSummary>, SnapshotError> {
    let written = write_parts(storage, db, cut, pace);
    if written.is_err() {
        for id in part_ids(cut) {
            // Whatever stays is removed at the next start.
            drop(storage.remove(&id.path()));
        }
    }
    written
}

fn part_ids(cut: &Cut) -> impl Iterator<Item = PartId> {
    let stamp = cut.stamp();
    (0..PART_COUNT).map(move |part| PartId {
        stamp,
        part,
        part_count: PART_COUNT,
    })
}

fn write_parts(
    storage: &dyn Storage,
    db: &Db,
    cut: &Cut,
    pace: &mut dyn Pace,
) -> Result<Vec<PartSummary>, SnapshotError> {
    let dir = Path::new(SNAPSHOT_DIR);
    storage
        .create_dir_all(dir)
        .map_err(io_error("create", dir))?;
    // Before a manifest can name what is in it.
    storage
        .sync_dir(Path::new(""))
        .map_err(io_error("sync", "the data directory"))?;
    let parts = part_ids(cut).map(|id| PartWriter::create(storage, id));
    let mut parts: Vec<PartWriter> = parts.collect::<Result<_, _>>()?;
    for shard in 0..Cut::PART_COUNT {
        for entry in cut.take(db, shard) {
            let part = usize::from(part_of(entry.key(), PART_COUNT));
            match parts[part].push(&entry)? {
                0 => {}
                bytes => pace.wrote(bytes)?,
            }
        }
    }
    let summaries = parts.into_iter().map(PartWriter::finish);
    let summaries = summaries.collect::<Result<_, _>>()?;
    storage.sync_dir(dir).map_err(io_error("sync", dir))?;
    Ok(summaries)
}

/// Removes the files of a generation that no manifest names any more, but for those that one of
/// `kept` has too.
///
/// # Errors
/// If the disk refuses.
pub fn remove(
    storage: &dyn Storage,
    generation: &Generation,
    kept: &Manifest,
) -> Result<(), SnapshotError> {
    let kept: HashSet<_> = kept
        .generations
        .iter()
        .flat_map(Generation::paths)
        .collect();
    for path in generation.paths().filter(|path| !kept.contains(path)) {
        if storage.exists(&path).map_err(io_error("look for", &path))? {
            storage.remove(&path).map_err(io_error("remove", &path))?;
        }
    }
    Ok(())
}

/// Removes the files that no generation of `manifest` has.
///
/// # Errors
/// If the disk refuses.
pub fn remove_unnamed(storage: &dyn Storage, manifest: &Manifest) -> Result<(), SnapshotError> {
    let dir = Path::new(SNAPSHOT_DIR);
    if !storage.exists(dir).map_err(io_error("look for", dir))? {
        return Ok(());
    }
    let paths = manifest.generations.iter().flat_map(Generation::paths);
    let named: HashSet<_> = paths.collect();
    for name in storage.list(dir).map_err(io_error("list", dir))? {
        let path = dir.join(name);
        if !named.contains(&path) {
            storage.remove(&path).map_err(io_error("remove", &path))?;
        }
    }
    Ok(())
}
