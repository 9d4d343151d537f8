//! Segmented write-ahead log with group commit.
//!
//! What it is: numbered records, as opaque bytes, that survive a crash and a power cut once they are
//! committed. Many callers share one sync. See [`Wal`] for the log on threads, [`Log`] for the same
//! without, [`Storage`] for the disk that both take, and [`SimStorage`] for one that fails on
//! purpose.
//!
//! What it never does: look into a record, hand out a record that was not appended, or drop one that
//! was committed; where it cannot tell, it refuses to open and says which file and offset.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod catalog;
mod cursor;
mod error;
mod group;
pub mod inspect;
mod log;
mod lsn;
mod options;
mod planted;
mod preparer;
mod progress;
mod record;
mod recovery;
mod scan;
mod segment;
mod staging;
mod stats;
pub mod storage;
mod wal;
mod writer;

pub use error::{Damage, ErrorKind, VisitError, WalError};
pub use group::GroupHeader;
pub use log::Log;
pub use lsn::Lsn;
pub use options::{Options, SyncPolicy};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use progress::Health;
pub use record::{KIND_TRUNCATE, KIND_USER_MAX, RECORD_HEADER_BYTES, RecordRef};
pub use recovery::RecoveryReport;
pub use segment::{SECTOR_BYTES, SEGMENT_VERSION, SegmentHeader, SegmentInfo};
pub use stats::{SYNC_BUCKET_COUNT, Stats};
pub use storage::{DiskStorage, LockGuard, OpenMode, SimStorage, Storage, StorageFile, Survival};
pub use wal::Wal;
