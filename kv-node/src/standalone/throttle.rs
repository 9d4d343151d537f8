//! Lets a snapshot write at a steady rate, so that the log's syncs find the disk idle.

use std::time::{Duration, Instant};

use super::housekeeper::Stop;
use crate::snapshot::{Pace, SnapshotError};

pub(super) struct Throttle<'a> {
    bytes_per_second: u64,
    written_bytes: u64,
    started: Instant,
    stop: &'a Stop,
}

impl Throttle<'_> {
    /// A rate of 0 is no limit.
    #[expect(
        clippy::disallowed_methods,
        reason = "drives a background thread in real time"
    )]
    pub(super) fn new(bytes_per_second: u64, stop: &Stop) -> Throttle<'_> {
        Throttle {
            bytes_per_second,
            written_bytes: 0,
            started: Instant::now(),
            stop,
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

impl Pace for Throttle<'_> {
    fn wrote(&mut self, bytes: u64) -> Result<(), SnapshotError> {
        self.written_bytes += bytes;
        let ahead = self.due().saturating_sub(self.started.elapsed());
        match self.stop.wait(ahead) {
            true => Ok(()),
            false => Err(SnapshotError::Cancelled),
        }
    }
}
