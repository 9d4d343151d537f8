//! Tests of the simulation: that a seed is one run, and a few seeds of everything.

use super::*;

fn small(seed: u64) -> SimSettings {
    SimSettings {
        operations_min: 400,
        faults: 10,
        ..SimSettings::new(seed)
    }
}

#[test]
fn a_seed_is_one_run() {
    for seed in 0..5 {
        let (first, second) = (run(&small(seed)), run(&small(seed)));
        let hash = |report: Result<SimReport, SimFailure>| report.map(|report| report.trace_hash);
        let first = hash(first);
        assert!(first.is_ok(), "{first:?}");
        assert_eq!(first, hash(second), "seed {seed}");
    }
}

#[test]
fn seeds_differ() {
    let hash = |seed| run(&small(seed)).unwrap().trace_hash;
    assert_ne!(hash(100), hash(101));
}
