//! Whether others want the processor that a gate waits on.
//!
//! A gate that waits for clients gives up the processor in between, for they may run on the same
//! one. Where a program runs there that computes all the time, the kernel gives it a whole slice,
//! milliseconds, for every such courtesy. So what a courtesy cost is compared with what it brought,
//! and if it was too dear there are none for a while.
//!
//! No clock of its own.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// A client that runs meanwhile brings a request in less than this.
const PER_REQUEST: Duration = Duration::from_micros(40);

/// A courtesy that takes no longer is cheap, whatever it brings.
const CHEAP: Duration = Duration::from_micros(100);

/// How long there are none after one that was too dear.
const PAUSE: Duration = Duration::from_millis(50);

/// What the last courtesies cost.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    until: Cell<Option<Instant>>,
}

impl Crowd {
    /// Whether the processor had better not be given up.
    pub(super) fn is_near(&self, now: Instant) -> bool {
        self.until.get().is_some_and(|until| now < until)
    }

    /// Takes note of a courtesy that lasted from `start` to `end` and brought so many requests.
    pub(super) fn judge(&self, start: Instant, end: Instant, request_count: u64) {
        let worth = PER_REQUEST * u32::try_from(request_count).unwrap_or(u32::MAX);
        if end - start > worth.max(CHEAP) {
            self.until.set(Some(end + PAUSE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment, and one `us` later.
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn moments(us: u64) -> (Instant, Instant) {
        let start = Instant::now();
        (start, start + Duration::from_micros(us))
    }

    #[test]
    fn a_slice_given_away_for_nothing_ends_the_courtesies_for_a_while() {
        let crowd = Crowd::default();
        let (start, end) = moments(2800);
        crowd.judge(start, end, 50);
        assert!(crowd.is_near(end));
        assert!(!crowd.is_near(end + PAUSE));
    }

    #[test]
    fn a_client_on_the_same_processor_is_worth_its_time() {
        let crowd = Crowd::default();
        let (start, end) = moments(400);
        crowd.judge(start, end, 40);
        assert!(!crowd.is_near(end));
    }

    #[test]
    fn a_short_courtesy_may_bring_nothing() {
        let crowd = Crowd::default();
        let (start, end) = moments(90);
        crowd.judge(start, end, 0);
        assert!(!crowd.is_near(end));
    }
}
