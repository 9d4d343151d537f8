//! Power cuts: at every operation of a workload, and at every operation of the recovery from it.

use kv_wal::{Options, SimStorage, Survival, SyncPolicy};

use crate::workload::{Broken, Ledger, Random, options, run};

/// Enough for several segments and purges.
const STEPS: usize = 40;
/// A recovery is cut at every operation for each cut of the workload: a shorter one.
const STEPS_SHORT: usize = 16;

/// A disk and what was promised on it.
struct Life {
    disk: SimStorage,
    ledger: Ledger,
}

/// Runs the workload of `seed` on an empty disk whose power goes at operation `cut_at`.
fn live(seed: u64, steps: usize, cut_at: Option<u64>, options: &Options) -> Life {
    let disk = SimStorage::new(seed);
    if let Some(cut_at) = cut_at {
        disk.cut_at(cut_at);
    }
    let mut ledger = Ledger::default();
    if let Ok(mut log) = ledger.open(&disk, options) {
        run(&mut log, &mut ledger, &mut Random(seed), steps);
    }
    Life { disk, ledger }
}

/// Every way of losing unsynced data that a sweep tries.
fn survivals(seed: u64) -> impl Iterator<Item = Survival> {
    let random = (0..3).map(move |round| Survival::Random(Random(seed ^ (round << 48)).next()));
    [Survival::Nothing, Survival::Everything]
        .into_iter()
        .chain(random)
}

/// Cuts the workload of `seed` at every operation, and checks every outcome with `check`.
fn sweep(
    seed: u64,
    steps: usize,
    options: &Options,
    mut check: impl FnMut(&Life, SimStorage) -> Result<(), Broken>,
) -> Result<u64, (u64, Survival, Broken)> {
    let operations = live(seed, steps, None, options).disk.operations();
    for cut_at in 1..=operations {
        let life = live(seed, steps, Some(cut_at), options);
        assert!(life.disk.is_cut(), "the workload is the same each time");
        for survival in survivals(seed ^ cut_at) {
            let rebooted = life.disk.reboot_with(survival);
            check(&life, rebooted).map_err(|broken| (cut_at, survival, broken))?;
        }
    }
    Ok(operations)
}

/// Opens, checks, writes on, and opens again after another cut.
fn live_on(life: &Life, disk: &SimStorage, options: &Options) -> Result<(), Broken> {
    let mut ledger = life.ledger.clone();
    let mut log = ledger.open(disk, options)?;
    run(&mut log, &mut ledger, &mut Random(disk.operations()), 6);
    drop(log);
    ledger.open(&disk.reboot(), options).map(drop)
}

#[test]
fn a_cut_at_any_operation_loses_nothing_acknowledged() {
    for seed in 0..3 {
        let options = options(SyncPolicy::Always);
        let operations = sweep(seed, STEPS, &options, |life, disk| {
            live_on(life, &disk, &options)
        });
        assert!(operations.unwrap_or_else(|broken| panic!("seed {seed}: {broken:?}")) > 150);
    }
}

#[test]
fn without_a_sync_per_group_a_cut_loses_only_what_was_not_synced() {
    let policies = [
        SyncPolicy::Interval(std::time::Duration::from_secs(1)),
        SyncPolicy::Never,
    ];
    for (seed, policy) in (10..).zip(policies) {
        let options = options(policy);
        let operations = sweep(seed, STEPS, &options, |life, disk| {
            live_on(life, &disk, &options)
        });
        assert!(operations.unwrap_or_else(|broken| panic!("seed {seed}: {broken:?}")) > 100);
    }
}

#[test]
fn a_cut_at_any_operation_of_a_recovery_changes_nothing() {
    for (seed, policy) in [(20, SyncPolicy::Always), (21, SyncPolicy::Never)] {
        let options = options(policy);
        let swept = sweep(seed, STEPS_SHORT, &options, |life, disk| {
            let mut whole = life.ledger.clone();
            let undisturbed = disk.reboot_with(Survival::Everything);
            drop(whole.open(&undisturbed, &options)?);
            recover_cut_everywhere(life, &disk, &whole, undisturbed.operations(), &options)
        });
        swept.unwrap_or_else(|broken| panic!("seed {seed}: {broken:?}"));
    }
}

/// Cuts the recovery of `disk` at each of its operations; after each, cuts the next one as well.
fn recover_cut_everywhere(
    life: &Life,
    disk: &SimStorage,
    whole: &Ledger,
    operations: u64,
    options: &Options,
) -> Result<(), Broken> {
    for cut_at in 1..=operations {
        let mut survivor = disk.reboot_with(Survival::Everything);
        for again in [cut_at, 1 + (cut_at * 7) % operations] {
            survivor.cut_at(again);
            drop(life.ledger.clone().open(&survivor, options));
            survivor = survivor.reboot();
        }
        let mut ledger = life.ledger.clone();
        drop(ledger.open(&survivor, options)?);
        assert_eq!(
            ledger.acknowledged, whole.acknowledged,
            "recovery cut at {cut_at}"
        );
    }
    Ok(())
}

#[test]
fn crash_after_crash_the_log_stays_whole() {
    let options = options(SyncPolicy::Always);
    for seed in 30..40 {
        let mut random = Random(seed);
        let mut disk = SimStorage::new(seed);
        let mut ledger = Ledger::default();
        for life in 0..30 {
            disk.cut_at(1 + random.below(200));
            match ledger.open(&disk, &options) {
                Ok(mut log) => run(&mut log, &mut ledger, &mut random, 100),
                Err(broken) => assert!(disk.is_cut(), "seed {seed}, life {life}: {broken:?}"),
            }
            disk = disk.reboot();
        }
        drop(ledger.open(&disk, &options).unwrap());
        assert!(
            ledger.appended.0 > 100,
            "the lives were too short to show anything"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let options = options(SyncPolicy::Always);
    let files = |life: &Life| -> Vec<Option<Vec<u8>>> {
        let names = kv_wal::Storage::list(&life.disk, "wal".as_ref()).unwrap();
        names
            .iter()
            .map(|name| life.disk.contents(format!("wal/{name}").as_ref()))
            .collect()
    };
    let (one, other) = (
        live(5, STEPS, None, &options),
        live(5, STEPS, None, &options),
    );
    assert_eq!(one.disk.operations(), other.disk.operations());
    assert_eq!(files(&one), files(&other));
}

/// A test suite that cannot fail proves nothing: each of these bugs must be noticed.
#[cfg(feature = "planted-bugs")]
mod planted {
    use kv_wal::Bug;

    use super::*;

    fn is_caught(bug: Bug) -> bool {
        let options = Options {
            planted: Some(bug),
            ..options(SyncPolicy::Always)
        };
        (0..3).any(|seed| {
            sweep(seed, STEPS, &options, |life, disk| {
                live_on(life, &disk, &options)
            })
            .is_err()
        })
    }

    #[test]
    fn acknowledging_before_the_sync_is_caught() {
        assert!(is_caught(Bug::AckBeforeSync));
    }

    #[test]
    fn forgetting_to_sync_the_directory_is_caught() {
        assert!(is_caught(Bug::NoDirectorySync));
    }

    #[test]
    fn accepting_a_torn_group_is_caught() {
        assert!(is_caught(Bug::TornBatch));
    }

    #[test]
    fn purging_a_segment_too_early_is_caught() {
        assert!(is_caught(Bug::PurgeEarly));
    }
}
