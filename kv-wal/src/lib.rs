//! Segmented write-ahead log with group commit.
//!
//! What it is: numbered records, as opaque bytes, that survive a crash and a power cut once they are
//! committed. Many callers share one sync, which is what a durable write costs. [`Wal`] is the log on
//! threads, [`Log`] the same without, for simulators; [`Storage`] is the disk that both take,
//! [`DiskStorage`] the real one, and [`SimStorage`] one that fails on purpose. [`inspect`] looks into
//! a log without opening it.
//!
//! What it never does: look into a record, hand out one that was not appended, or drop one that was
//! committed. Where it cannot tell a torn tail from damage to committed records, it refuses to open
//! and says which file and offset.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//!
//! use kv_wal::{Lsn, Options, SimStorage, Wal};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk = SimStorage::new(1); // DiskStorage::open("data")? outside of an example
//! let dir = Path::new("wal");
//! let options = Options { segment_bytes_first: 64 << 10, ..Options::default() };
//!
//! let wal = Wal::open(Arc::new(disk.clone()), dir, options.clone(), Lsn::ZERO, &mut |_, _| Ok(()))?;
//! let lsn = wal.append(1, 0, &[b"hello, ", b"log"])?;
//! wal.wait(lsn)?; // returns once the record is on the disk
//! drop(wal);
//!
//! let rebooted = Arc::new(disk.reboot()); // the power is cut: unsynced bytes are lost
//! let mut records = Vec::new();
//! let wal = Wal::open(rebooted, dir, options, Lsn::ZERO, &mut |lsn, record| {
//!     records.push((lsn, record.body.to_vec()));
//!     Ok(())
//! })?;
//! assert_eq!(records, [(Lsn(1), b"hello, log".to_vec())]);
//! wal.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Snapshots and purging
//!
//! A user that keeps a snapshot covering every record up to some number opens the log with that
//! number as `after`, sees only what came later, and may [`purge`](Wal::purge) what came before.
//!
//! # Feature
//!
//! `planted-bugs` adds deliberate faults to [`Options`], so that crash tests can show that they
//! would notice real ones. Never for production.
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
