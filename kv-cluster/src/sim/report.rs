//! What a run of a seed has shown.

use std::fmt;

use kv_sim::{Checked, Coverage};

use crate::Counters;

/// What has to happen in a run of many seeds; see [`Coverage`].
pub(super) const EXPECTED: &[&str] = &[
    "elections",
    "truncations",
    "lease reads",
    "read rounds",
    "stale reads",
    "redirects",
    "forwards",
    "retries answered",
    "snapshots taken",
    "snapshots sent",
    "snapshots installed",
    "membership changes",
    "leader transfers",
    "crashes",
    "crashes during a change to the disk",
    "crashes after a vote",
    "failed logs",
    "full disks",
    "partitions",
    "pauses",
    "rolling restarts",
    "wiped disks",
    "wiped disks refused",
    "members that joined",
    "members removed",
    "unknown outcomes",
];

/// A seed that went through.
#[derive(Clone, Debug)]
pub struct SimReport {
    /// The seed.
    pub seed: u64,
    /// Two runs of a seed are the same run if this is equal.
    pub trace_hash: u64,
    /// Things that happened.
    pub events: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// How long it was, in simulated µs.
    pub simulated_us: u64,
    /// From the repair of everything until all clients were answered, in simulated µs.
    pub recovery_us: u64,
    /// What the clients' history holds.
    pub checked: Checked,
    /// How often each thing of interest happened.
    pub coverage: Coverage,
}

/// A seed that did not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, at {at_us} µs: {problem}")]
pub struct SimFailure {
    /// The seed.
    pub seed: u64,
    /// When, in simulated µs.
    pub at_us: u64,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for SimReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: trace {:016x}, {} events, {} faults, {:.1} s simulated, back in {:.2} s, {}",
            self.seed,
            self.trace_hash,
            self.events,
            self.faults,
            seconds(self.simulated_us),
            seconds(self.recovery_us),
            self.checked
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

/// Adds what a member has done since it was opened.
pub(super) fn count(coverage: &mut Coverage, counters: &Counters) {
    let all = [
        ("elections", counters.elections_won),
        ("truncations", counters.truncations),
        ("lease reads", counters.lease_reads),
        ("read rounds", counters.read_rounds),
        ("stale reads", counters.stale_reads),
        ("redirects", counters.redirects),
        ("forwards", counters.forwards),
        ("retries answered", counters.retries_answered),
        ("snapshots taken", counters.snapshots_taken),
        ("snapshots sent", counters.snapshots_sent),
        ("snapshots installed", counters.snapshots_installed),
    ];
    for (name, count) in all {
        coverage.add(name, count);
    }
}
