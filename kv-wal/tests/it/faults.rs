//! A disk that fails or is full, without a power cut.

use std::{path::Path, sync::Arc};

use kv_wal::{Health, Log, Lsn, Options, SimStorage, Survival, SyncPolicy, WalError};

use crate::workload::{self, DIR, Ledger, Random, options, run};

/// Runs a workload on `disk` until something fails; the log, and what it promised.
fn run_until_failure(disk: &SimStorage, ledger: &mut Ledger) -> Option<Log> {
    run_with(SyncPolicy::Always, disk, ledger)
}

fn run_with(policy: SyncPolicy, disk: &SimStorage, ledger: &mut Ledger) -> Option<Log> {
    let mut log = ledger.open(disk, &options(policy)).ok()?;
    run(&mut log, ledger, &mut Random(3), 40);
    Some(log)
}

/// After a failure nothing more may be acknowledged, and everything acknowledged must be there.
fn check_after_failure(disk: &SimStorage, ledger: &mut Ledger, log: Option<Log>) {
    if let Some(mut log) = log {
        let committed = log.committed_lsn();
        assert!(
            matches!(log.health(), Health::Poisoned(_)),
            "{:?}",
            log.health()
        );
        assert!(matches!(
            workload::append(&mut log),
            Err(WalError::Poisoned(_))
        ));
        assert!(matches!(log.commit(), Err(WalError::Poisoned(_))));
        assert!(matches!(log.sync(), Err(WalError::Poisoned(_))));
        assert!(matches!(log.purge(Lsn(1)), Err(WalError::Poisoned(_))));
        assert_eq!(
            log.committed_lsn(),
            committed,
            "acknowledged after a failure"
        );
    }
    ledger
        .open(
            &disk.reboot_with(Survival::Nothing),
            &options(SyncPolicy::Always),
        )
        .unwrap();
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_any_more() {
    let whole = SimStorage::new(1);
    run_until_failure(&whole, &mut Ledger::default()).unwrap();
    for nth in 1..=whole.syncs() {
        let disk = SimStorage::new(1);
        disk.fail_sync_at(nth);
        let mut ledger = Ledger::default();
        let log = run_until_failure(&disk, &mut ledger);
        check_after_failure(&disk, &mut ledger, log);
    }
}

#[test]
fn after_any_failed_operation_nothing_is_acknowledged_any_more() {
    let whole = SimStorage::new(1);
    run_until_failure(&whole, &mut Ledger::default()).unwrap();
    for nth in 1..=whole.operations() {
        let disk = SimStorage::new(1);
        disk.fail_operation_at(nth);
        let mut ledger = Ledger::default();
        let log = run_until_failure(&disk, &mut ledger);
        check_after_failure(&disk, &mut ledger, log);
    }
}

/// Linux drops the pages that it could not write and calls them clean: a process that starts again
/// reads them back from the cache, and a sync succeeds without writing them.
#[test]
fn what_a_restart_after_a_failed_sync_shows_survives_a_power_cut() {
    for policy in [SyncPolicy::Always, SyncPolicy::Never] {
        let whole = SimStorage::new(1);
        run_with(policy, &whole, &mut Ledger::default()).unwrap();
        let options = options(policy);
        let mut shown_more = 0;
        for nth in 1..=whole.syncs() {
            let disk = SimStorage::new(1);
            disk.fail_sync_at(nth);
            let mut ledger = Ledger::default();
            drop(run_with(policy, &disk, &mut ledger));
            let promised = ledger.acknowledged;
            drop(ledger.open(&disk, &options).unwrap());
            shown_more += u64::from(ledger.acknowledged > promised);
            ledger
                .open(&disk.reboot_with(Survival::Nothing), &options)
                .unwrap();
        }
        assert!(
            shown_more > 5,
            "{policy:?}: restarts showed no records of a failed sync"
        );
    }
}

#[test]
fn an_unreadable_log_is_refused_and_left_as_it_is() {
    let disk = SimStorage::new(1);
    let mut ledger = Ledger::default();
    drop(run_until_failure(&disk, &mut ledger));
    let options = options(SyncPolicy::Always);
    let probe = disk.reboot_with(Survival::Everything);
    ledger.clone().open(&probe, &options).unwrap();
    for nth in 1..=probe.reads() {
        let disk = disk.reboot_with(Survival::Everything);
        disk.fail_read_at(nth);
        let error = ledger.clone().open(&disk, &options).unwrap_err();
        let error = format!("{error:?}");
        assert!(
            error.contains("Io") && error.contains("wal/"),
            "read {nth}: {error}"
        );
        ledger.clone().open(&disk, &options).unwrap();
    }
}

/// Writes until the disk is full; how many records were taken.
fn fill(log: &mut Log) -> u64 {
    for taken in 0..10_000 {
        match workload::append(log) {
            Ok(_) => drop(log.commit().expect("a record that was taken has its space")),
            Err(WalError::StorageFull(_)) => return taken,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the disk was never full");
}

#[test]
fn a_full_disk_refuses_records_and_takes_them_again_once_there_is_room() {
    for capacity in (12 << 10..80 << 10).step_by(1000) {
        let disk = SimStorage::new(1);
        disk.set_capacity(capacity);
        let options = options(SyncPolicy::Always);
        let mut ledger = Ledger::default();
        let mut log = ledger.open(&disk, &options).unwrap();
        fill(&mut log);
        assert!(matches!(log.health(), Health::StorageFull(_)));
        assert_eq!(
            log.committed_lsn(),
            log.last_lsn(),
            "a refused record has no number"
        );
        disk.set_capacity(capacity + (64 << 10));
        assert!(fill(&mut log) > 0, "there is room again");
        ledger.note(&log);
        drop(log);
        ledger.open(&disk.reboot(), &options).unwrap();
    }
}

#[test]
fn purging_makes_room_on_a_full_disk() {
    let disk = SimStorage::new(1);
    disk.set_capacity(40 << 10);
    let mut log = Ledger::default()
        .open(&disk, &options(SyncPolicy::Always))
        .unwrap();
    for _ in 0..20 {
        fill(&mut log);
        log.purge(log.committed_lsn()).unwrap();
        assert_eq!(log.health(), Health::Ok);
    }
    assert!(disk.used_bytes() <= 40 << 10);
    assert!(log.stats().segments_recycled > 10);
}

#[test]
fn the_reserve_takes_records_on_a_full_disk() {
    let disk = SimStorage::new(1);
    disk.set_capacity(20 << 10);
    let mut log = Ledger::default()
        .open(&disk, &options(SyncPolicy::Always))
        .unwrap();
    fill(&mut log);
    log.append_reserved(1, 0, &[&[7; 1000]]).unwrap();
    log.truncate_after(Lsn(1)).unwrap();
    log.commit().unwrap();
    assert!(matches!(
        workload::append(&mut log),
        Ok(_) | Err(WalError::StorageFull(_))
    ));
}

#[test]
fn a_log_on_a_full_disk_opens_and_shows_its_records() {
    let disk = SimStorage::new(1);
    let options = options(SyncPolicy::Always);
    let mut ledger = Ledger::default();
    let mut log = ledger.open(&disk, &options).unwrap();
    run(&mut log, &mut ledger, &mut Random(9), 40);
    drop(log);
    let disk = disk.reboot_with(Survival::Everything);
    for spare in kv_wal::Storage::list(&disk, Path::new(DIR)).unwrap() {
        if spare.ends_with(".spare") {
            kv_wal::Storage::remove(&disk, &Path::new(DIR).join(spare)).unwrap();
        }
    }
    disk.set_capacity(disk.used_bytes());
    let mut log = ledger.open(&disk, &options).unwrap();
    assert!(matches!(
        workload::append(&mut log),
        Err(WalError::StorageFull(_))
    ));
    disk.set_capacity(u64::MAX);
    workload::append(&mut log).unwrap();
    log.commit().unwrap();
}

#[test]
fn limits_refuse_and_number_nothing() {
    let disk = SimStorage::new(1);
    let options = Options {
        record_bytes_max: 5000,
        pending_bytes_max: 4 << 10,
        ..options(SyncPolicy::Always)
    };
    let mut log = Log::open(
        Arc::new(disk),
        Path::new(DIR),
        options,
        Lsn::ZERO,
        &mut |_, _| Ok(()),
    )
    .unwrap();
    let large = log.append(1, 0, &[&[0; 5001]]).unwrap_err();
    assert!(
        matches!(
            large,
            WalError::TooLarge {
                bytes: 5001,
                limit: 5000
            }
        ),
        "{large}"
    );
    assert_eq!(
        log.append(1, 0, &[&[0; 5000]]).unwrap(),
        Lsn(1),
        "one record always fits"
    );
    assert!(matches!(log.append(1, 0, &[b"more"]), Err(WalError::Busy)));
    log.commit().unwrap();
    assert_eq!(log.append(1, 0, &[b"more"]).unwrap(), Lsn(2));
}

#[test]
fn a_second_opener_is_told_who_has_the_lock() {
    let disk = SimStorage::new(1);
    let options = options(SyncPolicy::Always);
    let log = Ledger::default().open(&disk, &options).unwrap();
    let again = Ledger::default().open(&disk, &options).unwrap_err();
    assert!(
        format!("{again:?}").contains("locked by simulation pid 1"),
        "{again:?}"
    );
    drop(log);
    Ledger::default().open(&disk, &options).unwrap();
}

#[test]
fn a_visitor_that_gives_up_stops_the_recovery() {
    let disk = SimStorage::new(1);
    let mut ledger = Ledger::default();
    drop(run_until_failure(&disk, &mut ledger));
    let options = options(SyncPolicy::Always);
    let mut seen = 0;
    let opened = Log::open(
        Arc::new(disk),
        Path::new(DIR),
        options,
        ledger.snapshot,
        &mut |_, _| {
            seen += 1;
            if seen == 3 {
                Err("enough".into())
            } else {
                Ok(())
            }
        },
    );
    let lsn = Lsn(ledger.snapshot.0 + 3);
    assert!(matches!(opened, Err(WalError::Visit { lsn: at, .. }) if at == lsn));
}
