//! The clocks of one simulated node.
//!
//! 1. The monotonic clock never goes back and never jumps; it runs fast or slow by at most
//!    [`DRIFT_PPM_MAX`]. That is what a lease may rely on.
//! 2. The wall clock may show anything, and jump either way.
//! 3. A pause stops the node, not its clocks.
//!
//! Never reads a real clock: true time is an argument, in µs from the start of the simulation.

/// How far a monotonic clock is off, at most: 4 %, far more than any real one.
pub const DRIFT_PPM_MAX: u64 = 40_000;

/// The clocks of one node.
#[derive(Clone, Debug)]
pub struct NodeClock {
    /// When the drift was last set, and what the monotonic clock showed then.
    since_us: u64,
    shown_us: u64,
    drift_ppm: i64,
    wall_offset_ms: i64,
}

impl NodeClock {
    /// Clocks that agree with true time, the wall clock with an epoch of its own.
    #[must_use]
    pub fn new(epoch_ms: u64) -> NodeClock {
        NodeClock {
            since_us: 0,
            shown_us: 0,
            drift_ppm: 0,
            wall_offset_ms: i64::try_from(epoch_ms).unwrap_or(i64::MAX),
        }
    }

    /// What the monotonic clock shows, in µs.
    #[must_use]
    pub fn monotonic_us(&self, now_us: u64) -> u64 {
        let passed = now_us.saturating_sub(self.since_us);
        let drift = i128::from(passed) * i128::from(self.drift_ppm) / 1_000_000;
        let shown = i128::from(self.shown_us) + i128::from(passed) + drift;
        u64::try_from(shown).unwrap_or(0)
    }

    /// What the monotonic clock shows, in ms.
    #[must_use]
    pub fn monotonic_ms(&self, now_us: u64) -> u64 {
        self.monotonic_us(now_us) / 1000
    }

    /// What the wall clock shows, in ms since the Unix epoch.
    #[must_use]
    pub fn wall_ms(&self, now_us: u64) -> u64 {
        self.monotonic_ms(now_us)
            .saturating_add_signed(self.wall_offset_ms)
    }

    /// True time at which the monotonic clock will show at least this, in µs.
    #[must_use]
    pub fn when_monotonic_us(&self, shown_us: u64) -> u64 {
        let to_go = i128::from(shown_us.saturating_sub(self.shown_us));
        let passed = to_go * 1_000_000 / (1_000_000 + i128::from(self.drift_ppm));
        let mut at_us = self
            .since_us
            .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
        // Both divisions round; one step either way makes up for it.
        while at_us > self.since_us && self.monotonic_us(at_us - 1) >= shown_us {
            at_us -= 1;
        }
        while self.monotonic_us(at_us) < shown_us {
            at_us += 1;
        }
        at_us
    }

    /// Makes the clocks run fast (positive) or slow from now on.
    ///
    /// # Panics
    /// Beyond [`DRIFT_PPM_MAX`].
    pub fn set_drift(&mut self, now_us: u64, drift_ppm: i64) {
        assert!(
            drift_ppm.unsigned_abs() <= DRIFT_PPM_MAX,
            "no clock drifts by {drift_ppm} ppm"
        );
        self.shown_us = self.monotonic_us(now_us);
        self.since_us = now_us;
        self.drift_ppm = drift_ppm;
    }

    /// Moves the wall clock.
    pub fn jump_wall(&mut self, by_ms: i64) {
        self.wall_offset_ms = self.wall_offset_ms.saturating_add(by_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drifting_clock_is_off_in_proportion_and_goes_on_from_where_it_was() {
        let mut clock = NodeClock::new(0);
        clock.set_drift(1_000_000, 10_000);
        assert_eq!(clock.monotonic_ms(2_000_000), 2_010);
        clock.set_drift(2_000_000, -10_000);
        assert_eq!(clock.monotonic_ms(2_000_000), 2_010);
        assert_eq!(clock.monotonic_ms(3_000_000), 3_000);
    }

    #[test]
    fn a_time_is_shown_when_it_says_so_and_not_before() {
        let mut clock = NodeClock::new(0);
        clock.set_drift(10, -33_333);
        for shown_us in [11, 500, 123_456, 9_999_999] {
            let at_us = clock.when_monotonic_us(shown_us);
            assert!(clock.monotonic_us(at_us) >= shown_us);
            assert!(clock.monotonic_us(at_us - 1) < shown_us);
        }
    }

    #[test]
    fn the_wall_clock_jumps_and_the_monotonic_does_not() {
        let mut clock = NodeClock::new(1_000_000);
        clock.jump_wall(-10_000);
        assert_eq!(clock.wall_ms(5_000_000), 995_000);
        assert_eq!(clock.monotonic_ms(5_000_000), 5_000);
    }
}
