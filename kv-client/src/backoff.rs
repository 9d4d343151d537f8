//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits that double from `min` to `max`, the later half of each random, so that clients that
/// failed together do not come back together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The wait after failure number `failures` (from 1); `random` is any number.
    pub(crate) fn wait(self, failures: u32, random: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.min.saturating_mul(1 << doublings).min(self.max);
        let half = full / 2;
        let jitter_us_max = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(random % jitter_us_max.max(1))
    }
}

/// Any number; not for secrets.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        min: Duration::from_millis(10),
        max: Duration::from_millis(100),
    };

    #[test]
    fn waits_double_up_to_the_maximum() {
        let waits: Vec<_> = (1..7).map(|n| BACKOFF.wait(n, 0).as_millis()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 50, 50]);
        assert!(BACKOFF.wait(u32::MAX, u64::MAX) <= BACKOFF.max);
    }
}
