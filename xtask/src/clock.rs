//! The time, for reports, limits and histories.

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a condition.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Now.
pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a driver reads the time")]
    Instant::now()
}

/// Looks until there is an answer or `limit` is over.
pub(crate) fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = now();
    loop {
        match look() {
            None if started.elapsed() < limit => thread::sleep(LOOK_PAUSE),
            answer => return answer,
        }
    }
}
