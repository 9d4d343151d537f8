//! Snapshots are written on a thread of their own, and not as fast as they could be: the log's syncs
//! come first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kv_node::snapshot::{Pace, SnapshotError};

use super::inbox::Submission;
use super::{Driver, shared};
use crate::SnapshotJob;

impl Driver {
    pub(super) fn start_snapshot(&self, job: SnapshotJob) {
        let shared = Arc::clone(&self.shared);
        let mut pace = Steady::new(self.snapshot_bytes_per_second);
        let thread = std::thread::Builder::new().name("kv-snapshot".to_owned());
        let spawned = thread.spawn(move || {
            let written = job.run(&mut pace);
            shared.inbox.push(Submission::Snapshot(written));
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "cannot start a thread for a snapshot");
        }
    }
}

/// Writes at a steady rate.
struct Steady {
    bytes_per_second: u64,
    written_bytes: u64,
    begun: Instant,
}

impl Steady {
    /// A rate of 0 is no limit.
    fn new(bytes_per_second: u64) -> Steady {
        Steady {
            bytes_per_second,
            written_bytes: 0,
            begun: shared::now(),
        }
    }

    /// How long the bytes written so far should have taken.
    fn due(&self) -> Duration {
        let nanos = u128::from(self.written_bytes) * 1_000_000_000;
        match nanos.checked_div(u128::from(self.bytes_per_second)) {
            Some(nanos) => Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            None => Duration::ZERO,
        }
    }
}

impl Pace for Steady {
    fn wrote(&mut self, bytes: u64) -> Result<(), SnapshotError> {
        self.written_bytes += bytes;
        std::thread::sleep(self.due().saturating_sub(self.begun.elapsed()));
        Ok(())
    }
}
