//! What the coordinator and the generating threads share: how many requests may still be sent,
//! whether answers count, and whether to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by the coordinator and all generating threads of one load.
#[derive(Debug)]
pub(super) struct Control {
    /// Requests to record; no limit if absent.
    limit: Option<u64>,
    /// Requests of those that may still be sent.
    budget: AtomicU64,
    recording: AtomicBool,
    stopped: AtomicBool,
    /// Answers so far, recorded or not; for progress.
    answered: AtomicU64,
}

/// Requests that may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    /// How many; 0: the load is done.
    pub(super) count: u64,
    /// Whether their answers count if they come while answers are recorded.
    pub(super) is_counted: bool,
}

impl Control {
    /// Nothing is recorded yet; of what is recorded later, there will be at most `limit`.
    pub(super) fn new(limit: Option<u64>) -> Control {
        Control {
            limit,
            budget: AtomicU64::new(limit.unwrap_or(0)),
            recording: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            answered: AtomicU64::new(0),
        }
    }

    /// Makes answers count, or count no more; the load goes on either way.
    pub(super) fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Release);
    }

    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Acquire)
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// How many of `wanted` requests may be sent. Those that count are taken from the limit.
    pub(super) fn take(&self, wanted: u64) -> Grant {
        if self.limit.is_none() || !self.is_recording() {
            return Grant {
                count: wanted,
                is_counted: self.limit.is_none(),
            };
        }
        let taken = |left: u64| left.min(wanted);
        let before = self
            .budget
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                Some(left - taken(left))
            })
            .unwrap_or_else(|left| left);
        Grant {
            count: taken(before),
            is_counted: true,
        }
    }

    pub(super) fn count_answers(&self, count: u64) {
        self.answered.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(limit: Option<u64>) -> Control {
        let control = Control::new(limit);
        control.set_recording(true);
        control
    }

    #[test]
    fn a_load_without_a_limit_is_never_refused() {
        let grant = Grant {
            count: 16,
            is_counted: true,
        };
        assert_eq!(Control::new(None).take(16), grant);
        assert_eq!(recording(None).take(16), grant);
    }

    #[test]
    fn a_limit_is_shared_out_exactly() {
        let control = recording(Some(10));
        let counts = [4, 4, 4, 4].map(|wanted| control.take(wanted).count);
        assert_eq!(counts, [4, 4, 2, 0]);
    }

    #[test]
    fn a_warm_up_takes_nothing_from_the_limit_and_does_not_count() {
        let control = Control::new(Some(10));
        let grant = Grant {
            count: 100,
            is_counted: false,
        };
        assert_eq!(control.take(100), grant);
        control.set_recording(true);
        assert_eq!(control.take(100).count, 10);
    }

    #[test]
    fn threads_never_take_more_than_the_limit() {
        let control = recording(Some(10_001));
        let taken: u64 = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        std::iter::repeat_with(|| control.take(7).count)
                            .take_while(|taken| *taken > 0)
                            .sum::<u64>()
                    })
                })
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(taken, 10_001);
    }
}
