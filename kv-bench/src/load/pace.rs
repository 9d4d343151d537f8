//! When requests are due at a fixed rate.
//!
//! A request that is due while every connection still waits for an answer is late because the
//! server is slow, so its latency counts from when it was due. (Counting from when it was sent
//! would hide a stall behind the few requests that were in flight: coordinated omission.) One that
//! is sent late only because this thread slept counts from when it was sent.

use std::time::{Duration, Instant};

/// One thread's schedule of batches.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    next: Instant,
    interval: Duration,
}

impl Pace {
    /// Batches every `interval`, the first at `start`.
    pub(super) fn new(start: Instant, interval: Duration) -> Pace {
        Pace {
            next: start,
            interval,
        }
    }

    /// When the next batch was due, if that is not after `now`; it is then taken.
    pub(super) fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next;
        if due > now {
            return None;
        }
        self.next += self.interval;
        Some(due)
    }

    /// How long until the next batch is due.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_due_one_interval_apart_however_late_they_are_taken() {
        let start = crate::clock::now();
        let step = Duration::from_millis(10);
        let mut pace = Pace::new(start, step);
        assert_eq!(pace.take(start), Some(start));
        assert_eq!(pace.take(start + step / 2), None);
        assert_eq!(pace.wait(start + step / 2), step / 2);
        let late = start + step * 3;
        assert_eq!(pace.take(late), Some(start + step));
        assert_eq!(pace.take(late), Some(start + step * 2));
        assert_eq!(pace.take(late), Some(late));
        assert_eq!(pace.take(late), None);
    }
}
