//! The log on threads: on the real disk where the disk works, on the simulated one where it fails.

use std::{
    path::Path,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use kv_wal::{
    DiskStorage, Health, Lsn, Options, SimStorage, Storage, Survival, SyncPolicy, Wal, WalError,
};

use crate::{watched::WatchedStorage, workload::DIR};

fn options(sync: SyncPolicy) -> Options {
    let segment_bytes = 64 << 10;
    Options {
        segment_bytes,
        segment_bytes_first: segment_bytes,
        sync,
        ..Options::default()
    }
}

type Records = Vec<(Lsn, Vec<u8>)>;

fn open(storage: Arc<dyn Storage>, options: Options) -> Result<(Wal, Records), WalError> {
    let mut records = Vec::new();
    let wal = Wal::open(
        storage,
        Path::new(DIR),
        options,
        Lsn::ZERO,
        &mut |lsn, record| {
            records.push((lsn, record.body.to_vec()));
            Ok(())
        },
    )?;
    Ok((wal, records))
}

fn real_disk() -> (tempfile::TempDir, Arc<dyn Storage>) {
    let root = tempfile::tempdir().unwrap();
    let storage = Arc::new(DiskStorage::open(root.path()).unwrap());
    (root, storage)
}

/// A channel that gets a message whenever the observer runs.
fn observe(wal: &Wal) -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    wal.set_observer(Box::new(move || sender.send(()).unwrap_or_default()));
    receiver
}

/// Waits for a condition that the observer is told about.
fn until(observed: &mpsc::Receiver<()>, mut condition: impl FnMut() -> bool) {
    while !condition() {
        observed.recv().unwrap();
    }
}

const POLICIES: [SyncPolicy; 3] = [
    SyncPolicy::Always,
    SyncPolicy::Interval(Duration::from_millis(5)),
    SyncPolicy::Never,
];

#[test]
fn a_closed_log_gives_everything_back() {
    for policy in POLICIES {
        let (_root, storage) = real_disk();
        let mut expected = Vec::new();
        for round in 0..3 {
            let (wal, records) = open(Arc::clone(&storage), options(policy)).unwrap();
            assert_eq!(records, expected, "round {round}");
            for number in 0..1000u32 {
                let body = number.to_le_bytes();
                expected.push((wal.append(1, 0, &[&body]).unwrap(), body.to_vec()));
                if number % 100 == 0 {
                    wal.flush();
                }
            }
            wal.close().unwrap();
            assert_eq!(wal.durable_lsn(), wal.last_lsn());
        }
    }
}

#[test]
fn what_many_threads_waited_for_is_there_in_the_order_of_its_numbers() {
    let (_root, storage) = real_disk();
    let (wal, _) = open(Arc::clone(&storage), options(SyncPolicy::Always)).unwrap();
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8u8)
        .map(|thread| {
            let (wal, start) = (wal.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                let append = |number: u8| {
                    let body = vec![thread; usize::from(number) * 8];
                    let lsn = wal.append(1, 0, &[&body]).unwrap();
                    wal.wait(lsn).unwrap();
                    assert!(wal.committed_lsn() >= lsn);
                    (lsn, body)
                };
                (0..200).map(append).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut expected: Records = Vec::new();
    for thread in threads {
        let records = thread.join().unwrap();
        assert!(records.is_sorted(), "one caller's numbers rise");
        expected.extend(records);
    }
    expected.sort();
    let stats = wal.stats();
    assert_eq!(stats.records, 1600);
    assert!(stats.groups <= 1600 && stats.syncs <= stats.groups + 1);
    assert!(wal.segments().len() > 2, "the log rolled");
    drop(wal);
    let (_wal, records) = open(storage, options(SyncPolicy::Always)).unwrap();
    assert_eq!(records, expected);
}

#[test]
fn records_appended_while_a_group_is_in_flight_share_the_next_sync() {
    let disk = WatchedStorage::new();
    let (wal, _) = open(Arc::new(disk.clone()), options(SyncPolicy::Always)).unwrap();
    wal.wait(wal.append(1, 0, &[b"warm up"]).unwrap()).unwrap();
    let groups = wal.stats().groups;
    let sync = disk.hold_syncs();
    wal.append(1, 0, &[b"first"]).unwrap();
    wal.flush();
    sync.await_one_held();
    for _ in 0..100 {
        wal.append(1, 0, &[b"rest"]).unwrap();
    }
    drop(sync);
    wal.wait(wal.last_lsn()).unwrap();
    assert_eq!(wal.stats().groups - groups, 2);
    assert_eq!(wal.stats().group_records_max, 100);
}

#[test]
fn a_caller_syncs_itself_while_the_disk_is_quick() {
    let quick = Options {
        caller_sync_max: Duration::from_secs(3600),
        ..options(SyncPolicy::Always)
    };
    let (wal, _) = open(Arc::new(SimStorage::new(1)), quick).unwrap();
    wal.wait(wal.append(1, 0, &[b"starts a segment"]).unwrap())
        .unwrap();
    for _ in 0..100 {
        let lsn = wal.append(1, 0, &[b"record"]).unwrap();
        wal.flush();
        // The writer may have been at work still, but only with what came before.
        wal.wait(Lsn(lsn.0 - 1)).unwrap();
        if wal.durable_lsn() >= lsn {
            return;
        }
        wal.wait(lsn).unwrap();
    }
    panic!("no flush returned with its record synced");
}

#[test]
fn a_slow_disk_is_left_to_the_writer() {
    let disk = WatchedStorage::new();
    let patience = Options {
        caller_sync_max: Duration::from_nanos(1),
        ..options(SyncPolicy::Always)
    };
    let (wal, _) = open(Arc::new(disk.clone()), patience).unwrap();
    wal.wait(
        wal.append(1, 0, &[b"takes longer than a nanosecond"])
            .unwrap(),
    )
    .unwrap();
    let sync = disk.hold_syncs();
    let lsn = wal.append(1, 0, &[b"record"]).unwrap();
    wal.flush();
    sync.await_one_held();
    assert!(wal.durable_lsn() < lsn);
    drop(sync);
    wal.wait(lsn).unwrap();
}

#[test]
fn what_is_not_flushed_waits_for_what_is() {
    const ROUNDS: u64 = 200;
    let disk: Arc<dyn Storage> = Arc::new(SimStorage::new(1));
    let (wal, _) = open(disk, options(SyncPolicy::Always)).unwrap();
    for _ in 0..ROUNDS {
        let first = wal.append(1, 0, &[b"flushed"]).unwrap();
        wal.flush();
        wal.append(1, 0, &[b"not yet"]).unwrap();
        // A writer that helped itself would now have three groups to write, not two.
        wal.wait(first).unwrap();
        let last = wal.append(1, 0, &[b"flushed"]).unwrap();
        wal.wait(last).unwrap();
    }
    let stats = wal.stats();
    assert_eq!(stats.records, 3 * ROUNDS);
    assert!(stats.groups <= 2 * ROUNDS, "{} groups", stats.groups);
}

#[test]
fn nothing_is_told_before_the_sync_that_covers_it() {
    let disk = WatchedStorage::new();
    let (wal, _) = open(Arc::new(disk.clone()), options(SyncPolicy::Always)).unwrap();
    let told = Arc::new(AtomicU64::new(0));
    let (handle, watch, seen) = (wal.clone(), disk.clone(), Arc::clone(&told));
    wal.set_observer(Box::new(move || {
        assert!(!watch.has_unsynced_bytes(), "told with bytes not synced");
        seen.fetch_max(handle.committed_lsn().0, SeqCst);
    }));
    for _ in 0..500 {
        let lsn = wal.append(1, 0, &[&[5; 300]]).unwrap();
        wal.wait(lsn).unwrap();
    }
    wal.close().unwrap();
    assert_eq!(told.load(SeqCst), wal.last_lsn().0);
}

#[test]
fn without_a_sync_per_group_a_commit_does_not_wait_for_the_disk() {
    let disk = WatchedStorage::new();
    let policy = SyncPolicy::Interval(Duration::from_millis(1));
    let (wal, _) = open(Arc::new(disk.clone()), options(policy)).unwrap();
    let observed = observe(&wal);
    wal.wait(wal.append(1, 0, &[b"warm up"]).unwrap()).unwrap();
    until(&observed, || wal.durable_lsn() == Lsn(1));
    let sync = disk.hold_syncs();
    wal.wait(wal.append(1, 0, &[b"held"]).unwrap()).unwrap();
    sync.await_one_held();
    wal.wait(wal.append(1, 0, &[b"not held"]).unwrap()).unwrap();
    assert_eq!(wal.durable_lsn(), Lsn(1));
    drop(sync);
    until(&observed, || wal.durable_lsn() == Lsn(3));
}

#[test]
fn an_idle_log_seals_itself() {
    let disk = SimStorage::new(1);
    let seal_after = Duration::from_millis(1);
    let options = Options {
        seal_after,
        ..options(SyncPolicy::Always)
    };
    let (wal, _) = open(Arc::new(disk.clone()), options.clone()).unwrap();
    let observed = observe(&wal);
    let lsn = wal.append(1, 0, &[b"the last record"]).unwrap();
    wal.flush();
    until(&observed, || {
        wal.committed_lsn() == lsn && wal.stats().groups == 2
    });
    let path = wal.segments()[0].path.clone();
    disk.flip_bit(&path, 512 + 40, 0);
    let damaged = disk.reboot_with(Survival::Nothing);
    let refused = open(Arc::new(damaged), options).map(drop).unwrap_err();
    assert!(
        matches!(refused, WalError::Corrupt { offset: 512, .. }),
        "{refused}"
    );
}

#[test]
fn a_failed_sync_fails_every_waiter_and_everything_after() {
    let disk = SimStorage::new(1);
    let (wal, _) = open(Arc::new(disk.clone()), options(SyncPolicy::Always)).unwrap();
    let observed = observe(&wal);
    let first = wal.append(1, 0, &[b"fine"]).unwrap();
    wal.wait(first).unwrap();
    disk.fail_all_syncs();
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let wal = wal.clone();
            thread::spawn(move || wal.append(1, 0, &[b"lost"]).and_then(|lsn| wal.wait(lsn)))
        })
        .collect();
    for waiter in waiters {
        assert!(matches!(waiter.join().unwrap(), Err(WalError::Poisoned(_))));
    }
    until(&observed, || matches!(wal.health(), Health::Poisoned(_)));
    assert!(matches!(
        wal.append(1, 0, &[b"late"]),
        Err(WalError::Poisoned(_))
    ));
    assert_eq!(wal.committed_lsn(), first);
    assert!(matches!(wal.close(), Err(WalError::Poisoned(_))));
}

#[test]
fn a_failed_sync_in_the_background_poisons_as_well() {
    let disk = SimStorage::new(1);
    let policy = SyncPolicy::Interval(Duration::from_millis(1));
    let (wal, _) = open(Arc::new(disk.clone()), options(policy)).unwrap();
    let observed = observe(&wal);
    wal.wait(wal.append(1, 0, &[b"fine"]).unwrap()).unwrap();
    disk.fail_all_syncs();
    drop(wal.append(1, 0, &[b"lost"]));
    wal.flush();
    until(&observed, || matches!(wal.health(), Health::Poisoned(_)));
    assert!(matches!(
        wal.append(1, 0, &[b"late"]),
        Err(WalError::Poisoned(_))
    ));
}

#[test]
fn a_full_disk_heals_by_itself() {
    let disk = SimStorage::new(1);
    disk.set_capacity(200 << 10);
    let (wal, _) = open(Arc::new(disk.clone()), options(SyncPolicy::Always)).unwrap();
    let observed = observe(&wal);
    let mut taken = Lsn::ZERO;
    let refused = loop {
        match wal.append(1, 0, &[&[1; 1000]]) {
            Ok(lsn) => taken = lsn,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, WalError::StorageFull(_)), "{refused}");
    wal.wait(taken).unwrap();
    assert!(matches!(wal.health(), Health::StorageFull(_)));
    wal.wait(wal.append_reserved(1, 0, &[b"from the reserve"]).unwrap())
        .unwrap();
    disk.set_capacity(u64::MAX);
    until(&observed, || wal.health() == Health::Ok);
    wal.wait(wal.append(1, 0, &[b"goes on"]).unwrap()).unwrap();
}

#[test]
fn purging_heals_a_full_disk() {
    let disk = SimStorage::new(1);
    disk.set_capacity(200 << 10);
    let (wal, _) = open(Arc::new(disk.clone()), options(SyncPolicy::Always)).unwrap();
    let observed = observe(&wal);
    for _ in 0..10 {
        while wal.append(1, 0, &[&[1; 1000]]).is_ok() {}
        wal.wait(wal.last_lsn()).unwrap();
        wal.purge(wal.last_lsn());
        until(&observed, || wal.health() == Health::Ok);
    }
    assert!(wal.stats().segments_recycled >= 10);
}

#[test]
fn a_record_longer_than_a_segment_gets_one_of_its_own_size() {
    let (_root, storage) = real_disk();
    let (wal, _) = open(Arc::clone(&storage), options(SyncPolicy::Always)).unwrap();
    let long = vec![9; 300 << 10];
    for body in [&b"before"[..], &long, b"after"] {
        wal.append(1, 0, &[body]).unwrap();
    }
    wal.close().unwrap();
    assert!(
        wal.segments()
            .iter()
            .any(|segment| segment.segment_bytes > 300 << 10)
    );
    let (_wal, records) = open(storage, options(SyncPolicy::Always)).unwrap();
    let lengths: Vec<_> = records.iter().map(|(_, body)| body.len()).collect();
    assert_eq!(lengths, [6, 300 << 10, 5]);
}

#[test]
fn a_closed_log_takes_nothing_and_closes_again() {
    let (_root, storage) = real_disk();
    let (wal, _) = open(Arc::clone(&storage), options(SyncPolicy::Always)).unwrap();
    let lsn = wal.append(1, 0, &[b"in time"]).unwrap();
    wal.close().unwrap();
    wal.close().unwrap();
    wal.wait(lsn).unwrap();
    assert!(matches!(
        wal.append(1, 0, &[b"late"]),
        Err(WalError::Closed)
    ));
    assert!(matches!(wal.wait(lsn.next()), Err(WalError::Closed)));
    let (again, records) = open(storage, options(SyncPolicy::Always)).unwrap();
    assert_eq!(records.len(), 1, "closing gave the lock back");
    drop(again);
}

#[test]
fn an_observer_that_holds_the_last_handle_does_not_hang_the_log() {
    let (_root, storage) = real_disk();
    let (wal, _) = open(Arc::clone(&storage), options(SyncPolicy::Always)).unwrap();
    let (sender, receiver) = mpsc::channel();
    let handle = std::sync::Mutex::new(Some(wal.clone()));
    wal.set_observer(Box::new(move || {
        drop(handle.lock().unwrap().take());
        sender.send(()).unwrap_or_default();
    }));
    wal.append(1, 0, &[b"record"]).unwrap();
    wal.flush();
    drop(wal);
    receiver.recv().unwrap();
}

#[test]
fn an_observer_may_close_the_log_while_another_thread_does() {
    let (_root, storage) = real_disk();
    let (wal, _) = open(Arc::clone(&storage), options(SyncPolicy::Always)).unwrap();
    let handle = wal.clone();
    wal.set_observer(Box::new(move || handle.close().unwrap()));
    let lsn = wal.append(1, 0, &[b"record"]).unwrap();
    wal.wait(lsn).unwrap();
    wal.close().unwrap();
    let (_wal, records) = open(storage, options(SyncPolicy::Always)).unwrap();
    assert_eq!(records.len(), 1, "closing gave the lock back");
}

#[test]
fn an_observer_that_panics_poisons_the_log() {
    let (_root, storage) = real_disk();
    let (wal, _) = open(storage, options(SyncPolicy::Always)).unwrap();
    wal.set_observer(Box::new(|| panic!("on purpose")));
    let lsn = wal.append(1, 0, &[b"committed, then told"]).unwrap();
    wal.wait(lsn).unwrap();
    assert!(matches!(
        wal.wait(lsn.next()),
        Err(WalError::Poisoned(_) | WalError::Closed)
    ));
    wal.close().unwrap_err();
}

#[test]
fn two_logs_in_one_directory_are_refused() {
    let (_root, storage) = real_disk();
    let (_wal, _) = open(Arc::clone(&storage), options(SyncPolicy::Always)).unwrap();
    let refused = open(storage, options(SyncPolicy::Always))
        .map(drop)
        .unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("locked by") && text.contains("pid"), "{text}");
}
