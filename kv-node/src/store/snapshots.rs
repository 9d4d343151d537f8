//! When a snapshot is due, taking one, and dropping the log that it makes superfluous.

use std::sync::atomic::{AtomicBool, Ordering};

use kv_wal::Lsn;
use parking_lot::Mutex;

use super::Store;
use super::planted::Bug;
use crate::db::Stamp;
use crate::snapshot::{self, Generation, Manifest, Pace, SnapshotError};
use crate::status::SnapshotStatus;

/// Settings of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// One is due when the log has grown by so many bytes since the last one, or by that one's
    /// size if it is larger: then writing snapshots costs no more than writing the log. Default
    /// 256 MiB; 0: only on demand.
    pub wal_bytes: u64,
    /// How fast it is written in the background, in bytes a second. Default 16 MiB, which
    /// writes hardly notice; 0: no limit.
    pub bytes_per_second: u64,
}

impl Default for SnapshotOptions {
    fn default() -> SnapshotOptions {
        SnapshotOptions {
            wal_bytes: 256 << 20,
            bytes_per_second: 16 << 20,
        }
    }
}

/// What a store knows of its snapshots.
pub(super) struct Snapshots {
    is_running: AtomicBool,
    is_requested: AtomicBool,
    state: Mutex<State>,
}

struct State {
    manifest: Manifest,
    last_error: Option<String>,
    /// Written to the log before this process, and in need of a snapshot.
    replayed_bytes: u64,
    /// What the log had written when the last snapshot was taken or tried.
    counted_bytes: u64,
}

/// Tells others, when dropped, that no snapshot is running.
struct Running<'a>(&'a AtomicBool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Snapshots {
    pub(super) fn new(manifest: Manifest, replayed_bytes: u64, damage: Option<String>) -> Self {
        Snapshots {
            is_running: AtomicBool::new(false),
            is_requested: AtomicBool::new(false),
            state: Mutex::new(State {
                manifest,
                last_error: damage,
                replayed_bytes,
                counted_bytes: 0,
            }),
        }
    }

    /// Whether one is being written or was asked for.
    fn is_expected(&self) -> bool {
        // In this order: a request is forgotten only once its snapshot is running.
        self.is_requested.load(Ordering::Acquire) || self.is_running.load(Ordering::Acquire)
    }

    fn run(&self) -> Result<Running<'_>, SnapshotError> {
        match self.is_running.swap(true, Ordering::Acquire) {
            true => Err(SnapshotError::Busy),
            false => Ok(Running(&self.is_running)),
        }
    }
}

impl Store {
    /// Writes a snapshot of everything applied so far, and returns the last write in it. Writes go
    /// on meanwhile. If nothing was written since the newest one, that one will do.
    ///
    /// # Errors
    /// If the disk refuses, another one is being written, or `pace` gives up. Nothing is lost.
    pub fn snapshot(&self, pace: &mut dyn Pace) -> Result<Stamp, SnapshotError> {
        let _running = self.snapshots.run()?;
        self.snapshots.is_requested.store(false, Ordering::Release);
        let logged_bytes = self.journal.stats().stats.bytes;
        let taken = self.write_snapshot(pace);
        let mut state = self.snapshots.state.lock();
        match &taken {
            Ok(_) => {
                state.last_error = None;
                state.replayed_bytes = 0;
                state.counted_bytes = logged_bytes;
            }
            Err(error) => {
                state.last_error = Some(error.to_string());
                let retry_bytes = self.options.snapshot.wal_bytes / 8;
                state.replayed_bytes = self.options.snapshot.wal_bytes - retry_bytes;
                state.counted_bytes = logged_bytes;
            }
        }
        taken
    }

    fn write_snapshot(&self, pace: &mut dyn Pace) -> Result<Stamp, SnapshotError> {
        let Some(cut) = self.db.writer().cut() else {
            return Err(SnapshotError::Busy);
        };
        let before = self.snapshots.state.lock().manifest.clone();
        let newest = before.generations.first();
        if newest.map_or(0, |newest| newest.stamp.index) == cut.stamp().index {
            return Ok(cut.stamp());
        }
        if self.options.plants(Bug::PurgeEarly) {
            self.journal.purge(Lsn(cut.stamp().index));
        }
        let parts = snapshot::write(&*self.storage, &self.db, &cut, pace)?;
        let manifest = before.with(Generation {
            stamp: cut.stamp(),
            finished_at_ms: self.now_ms(),
            parts,
            annex: None,
        });
        manifest.store(&*self.storage)?;
        self.snapshots.state.lock().manifest = manifest.clone();
        self.purge(&manifest);
        snapshot::remove_unnamed(&*self.storage, &manifest)?;
        Ok(cut.stamp())
    }

    pub(super) fn purge(&self, manifest: &Manifest) {
        if let Some(index) = manifest.purgeable_index() {
            self.journal.purge(Lsn(index));
        }
    }

    /// Asks for a snapshot soon, whether one is due or not.
    pub fn request_snapshot(&self) {
        self.snapshots.is_requested.store(true, Ordering::Release);
    }

    /// Whether a snapshot should be taken now.
    pub fn is_snapshot_due(&self) -> bool {
        if self.snapshots.is_running.load(Ordering::Acquire) || self.db.is_training() {
            return false;
        }
        self.snapshots.is_requested.load(Ordering::Acquire) || self.has_log_grown()
    }

    fn has_log_grown(&self) -> bool {
        let wal_bytes = self.options.snapshot.wal_bytes;
        if wal_bytes == 0 {
            return false;
        }
        let state = self.snapshots.state.lock();
        let newest = state.manifest.generations.first();
        let due_bytes = wal_bytes.max(newest.map_or(0, Generation::file_bytes));
        let logged_bytes = self.journal.stats().stats.bytes - state.counted_bytes;
        logged_bytes + state.replayed_bytes >= due_bytes
    }

    /// What is known of the snapshots.
    pub fn snapshot_status(&self) -> SnapshotStatus {
        let state = self.snapshots.state.lock();
        let newest = state.manifest.generations.first();
        SnapshotStatus {
            index: newest.map_or(0, |newest| newest.stamp.index),
            finished_at_ms: newest.map_or(0, |newest| newest.finished_at_ms),
            running: self.snapshots.is_expected(),
            last_error: state.last_error.clone(),
        }
    }
}
