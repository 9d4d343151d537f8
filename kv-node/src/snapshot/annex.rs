//! A file of a generation that holds what the entries do not say; whoever replicates a node has
//! something to put there, a standalone node has not.
//!
//! ```text
//! snapshot/{index:016x}-{tag:016x}.annex      bytes of their owner's, below 256 MiB
//! ```
//!
//! The manifest has its length and its checksum.

use std::path::{Path, PathBuf};

use kv_wal::{OpenMode, Storage};

use super::{Damage, SNAPSHOT_DIR, SnapshotError, io_error};
use crate::db::Stamp;

/// An annex is at most so long.
pub const ANNEX_BYTES_MAX: u64 = 256 << 20;

/// What is known of an annex without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnexSummary {
    /// Its owner's number: tells generations at the same write apart.
    pub tag: u64,
    /// Its length.
    pub file_bytes: u64,
    /// CRC-32C of its bytes.
    pub crc: u32,
    /// The log's records up to this number say nothing that the generation does not.
    pub log_index: u64,
}

impl AnnexSummary {
    /// The file, relative to the data directory, in a generation of `stamp`.
    #[must_use]
    pub fn path(&self, stamp: Stamp) -> PathBuf {
        annex_path(stamp, self.tag)
    }

    /// Whether `bytes` are the annex.
    ///
    /// # Errors
    /// Says how they differ.
    pub fn check(&self, stamp: Stamp, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (found, expected) = (bytes.len() as u64, self.file_bytes);
        let damage = match crc32c::crc32c(bytes) {
            _ if found != expected => Damage::Length { found, expected },
            crc if crc != self.crc => Damage::Crc {
                found: crc,
                expected: self.crc,
            },
            _ => return Ok(()),
        };
        Err(SnapshotError::Corrupt {
            path: self.path(stamp),
            offset: 0,
            damage,
        })
    }
}

/// Where the annex with this tag is, relative to the data directory.
#[must_use]
pub fn annex_path(stamp: Stamp, tag: u64) -> PathBuf {
    Path::new(SNAPSHOT_DIR).join(format!("{:016x}-{tag:016x}.annex", stamp.index))
}

/// Writes an annex and makes it durable, its name included. It counts once a manifest names it.
///
/// # Errors
/// If the disk refuses.
pub fn write_annex(
    storage: &dyn Storage,
    stamp: Stamp,
    tag: u64,
    log_index: u64,
    bytes: &[u8],
) -> Result<AnnexSummary, SnapshotError> {
    let path = annex_path(stamp, tag);
    if storage.exists(&path).map_err(io_error("look for", &path))? {
        storage.remove(&path).map_err(io_error("remove", &path))?;
    }
    let file = storage
        .open(&path, OpenMode::CreateNew)
        .map_err(io_error("create", &path))?;
    file.write_at(bytes, 0).map_err(io_error("write", &path))?;
    file.sync_all().map_err(io_error("sync", &path))?;
    let dir = Path::new(SNAPSHOT_DIR);
    storage.sync_dir(dir).map_err(io_error("sync", dir))?;
    Ok(AnnexSummary {
        tag,
        file_bytes: bytes.len() as u64,
        crc: crc32c::crc32c(bytes),
        log_index,
    })
}

/// Reads the annex of a generation of `stamp`.
///
/// # Errors
/// If the disk refuses, or the file is not what was written.
pub fn read_annex(
    storage: &dyn Storage,
    stamp: Stamp,
    annex: &AnnexSummary,
) -> Result<Vec<u8>, SnapshotError> {
    let path = annex.path(stamp);
    let file = storage
        .open(&path, OpenMode::Read)
        .map_err(io_error("open", &path))?;
    let found = file.len().map_err(io_error("read", &path))?;
    let expected = annex.file_bytes;
    if found != expected || found > ANNEX_BYTES_MAX {
        let damage = Damage::Length { found, expected };
        let offset = 0;
        return Err(SnapshotError::Corrupt {
            path,
            offset,
            damage,
        });
    }
    let mut bytes = vec![0; usize::try_from(found).unwrap_or_default()];
    file.read_exact_at(&mut bytes, 0)
        .map_err(io_error("read", &path))?;
    annex.check(stamp, &bytes)?;
    Ok(bytes)
}
