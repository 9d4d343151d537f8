//! Snapshots: all entries at one index, in files that load in parallel.
//!
//! ```text
//! MANIFEST                              which generations there are, the newest first
//! snapshot/{index:016x}-{part:02x}.snap one part of a generation
//! snapshot/{index:016x}-{tag:016x}.annex what its owner has to say besides
//! ```
//!
//! 1. A generation exists once the manifest names it, and the manifest changes in one step (write
//!    beside it, sync, rename, sync the directory): so a generation is whole or not there.
//! 2. A key's part follows from the key alone, for ever: [`part_of`].
//! 3. Every byte of every file is covered by a checksum; a file tells its own index and part.
//! 4. Two generations are kept, and the log after the older one: a damaged newest is no loss.
//!
//! Never decides when; see [`crate::store`].

use std::io;
use std::path::PathBuf;

mod annex;
mod block;
mod load;
mod manifest;
mod part;
mod write;

#[cfg(test)]
mod tests;

pub use annex::{ANNEX_BYTES_MAX, AnnexSummary, annex_path, read_annex, write_annex};
pub use load::load;
pub use manifest::{Generation, MANIFEST, Manifest, PartSummary};
pub use part::{PartId, PartReader, PartWriter};
pub use write::{Pace, Unpaced, remove, remove_unnamed, write};

/// Where the parts are, in the data directory.
pub const SNAPSHOT_DIR: &str = "snapshot";

/// Parts of a generation written today; the manifest says how many an older one has.
pub const PART_COUNT: u16 = 16;

/// Generations kept.
pub const GENERATIONS_MAX: usize = 2;

/// Which of `part_count` parts holds `key`.
#[must_use]
pub fn part_of(key: &[u8], part_count: u16) -> u16 {
    let hash = u64::from(crc32c::crc32c(key));
    let part = (hash * u64::from(part_count)) >> 32;
    u16::try_from(part).expect("the product's upper half is below part_count")
}

/// Why a snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file, relative to the data directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Bytes are not what was written.
    #[error("corrupt snapshot: {path} at byte {offset}: {damage}")]
    Corrupt {
        /// The file, relative to the data directory.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// The system has no threads for loading.
    #[error("cannot start threads to load a snapshot: {0}")]
    Threads(String),
    /// Another one is being written.
    #[error("a snapshot is being written already")]
    Busy,
    /// The node is stopping.
    #[error("the snapshot was given up")]
    Cancelled,
}

/// How the bytes of a snapshot are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file is not as long as it was made.
    #[error("the file has {found} bytes, expected {expected}")]
    Length {
        /// Bytes there are.
        found: u64,
        /// Bytes there were.
        expected: u64,
    },
    /// A checksum does not match.
    #[error("crc {found:#010x}, expected {expected:#010x}")]
    Crc {
        /// Of the bytes there are.
        found: u32,
        /// That was written.
        expected: u32,
    },
    /// The file does not begin or end as a snapshot does.
    #[error("the file is not one of a snapshot of this version")]
    Magic,
    /// The file belongs to another place.
    #[error("the file belongs to another generation or part")]
    Misplaced,
    /// Lengths or counts do not add up.
    #[error("{0}")]
    Malformed(&'static str),
}

impl SnapshotError {
    /// Whether the files are to blame, so that an older generation may still be whole.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            SnapshotError::Corrupt { .. } => true,
            SnapshotError::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
            ),
            _ => false,
        }
    }
}

fn io_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.into();
    move |source| SnapshotError::Io {
        action,
        path,
        source,
    }
}
