//! The one place where a load generator reads the clock.

use std::time::Instant;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "measuring time is what this crate is for"
)]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}
