//! Each planted bug is caught, and within how many seeds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{SimSettings, run};
use crate::Bug;

/// A bug that it takes more seeds to catch is not caught.
const SEEDS_MAX: u64 = 200;

fn is_caught(bug: Bug, seed: u64) -> bool {
    let settings = SimSettings {
        planted: Some(bug),
        ..SimSettings::new(seed)
    };
    // A panic is an invariant of the code itself that was broken.
    !matches!(catch_unwind(AssertUnwindSafe(|| run(&settings))), Ok(Ok(_)))
}

fn caught(bug: Bug) {
    let seed = (0..SEEDS_MAX).find(|seed| is_caught(bug, *seed));
    assert!(seed.is_some(), "{bug:?} is not caught in {SEEDS_MAX} seeds");
}

#[test]
fn a_vote_that_is_not_synced_is_caught() {
    caught(Bug::VoteNotSynced);
}

#[test]
fn an_answer_before_a_quorum_is_caught() {
    caught(Bug::AckBeforeQuorum);
}

#[test]
fn a_local_read_called_linearizable_is_caught() {
    caught(Bug::LocalRead);
}

#[test]
fn a_lease_that_outlives_a_pause_is_caught() {
    caught(Bug::LeaseAfterPause);
}

#[test]
fn a_retry_applied_twice_is_caught() {
    caught(Bug::RetryTwice);
}

#[test]
fn a_snapshot_that_drops_the_tail_is_caught() {
    caught(Bug::SnapshotDropsTail);
}

#[test]
fn a_term_logged_apart_from_its_entries_is_caught() {
    caught(Bug::HardStateApart);
}

#[test]
fn an_old_entry_committed_by_count_is_caught() {
    caught(Bug::OldTermByCount);
}
