//! The server's three clocks. The only place here that asks the operating system for the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Time since the server started, and the time of day.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    coarse_ms: AtomicU64,
}

impl Clock {
    /// Starts at 0.
    pub(crate) fn start() -> Clock {
        Clock {
            started: now(),
            coarse_ms: AtomicU64::new(0),
        }
    }

    /// Milliseconds since the start when [`Clock::advance`] was called last: a plain load, for
    /// paths that must not ask the operating system.
    pub(crate) fn coarse_ms(&self) -> u64 {
        self.coarse_ms.load(Ordering::Relaxed)
    }

    /// Brings the coarse clock up to date and returns it.
    pub(crate) fn advance(&self) -> u64 {
        let now_ms = self.exact_ms();
        self.coarse_ms.store(now_ms, Ordering::Relaxed);
        now_ms
    }

    /// Milliseconds since the start.
    pub(crate) fn exact_ms(&self) -> u64 {
        u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX)
    }

    /// Exact time since the start.
    pub(crate) fn uptime(&self) -> Duration {
        now() - self.started
    }

    /// Microseconds since 1970.
    pub(crate) fn unix_us() -> u64 {
        #[expect(clippy::disallowed_methods, reason = "the server's clock")]
        let now = SystemTime::now();
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the server's clock")]
    Instant::now()
}
