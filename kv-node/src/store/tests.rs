use std::path::Path;

use bytes::Bytes;
use kv_proto::command::{Expiry, Key, Set, When};
use kv_proto::{EncodedValue, ErrorCode};
use kv_wal::{SimStorage, Storage};

use super::*;
use crate::snapshot::{Manifest, Unpaced};

fn key(text: &str) -> Key {
    Bytes::copy_from_slice(text.as_bytes())
}

fn set(name: &str, value: &str) -> Command {
    Command::Set(Set::new(key(name), EncodedValue::from_bytes(key(value))))
}

fn get(name: &str) -> Command {
    Command::Get(key(name))
}

fn value_of(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Entry(entry) => Some(String::from_utf8(entry.payload().to_vec()).unwrap()),
        Reply::Nil => None,
        other => panic!("{other:?} is no value"),
    }
}

fn error_code(reply: &Reply) -> ErrorCode {
    match reply {
        Reply::Error(error) => error.code,
        other => panic!("{other:?} is no error"),
    }
}

fn small_segments() -> StoreOptions {
    let mut options = StoreOptions::new("");
    options.wal.segment_bytes = 16 << 10;
    options.wal.segment_bytes_first = 16 << 10;
    options
}

struct Sim {
    disk: SimStorage,
    clock: Arc<ManualClock>,
    options: StoreOptions,
}

impl Sim {
    fn new() -> Sim {
        Sim {
            disk: SimStorage::new(1),
            clock: Arc::new(ManualClock::new(1_000_000)),
            options: small_segments(),
        }
    }

    fn open(&self) -> Arc<Store> {
        let disk = Arc::new(self.disk.clone());
        Store::open_inline(disk, self.clock.clone(), &self.options).unwrap()
    }

    fn open_again(&self, store: Arc<Store>) -> Arc<Store> {
        store.close().unwrap();
        drop(store);
        self.open()
    }
}

#[test]
fn a_write_is_there_after_a_power_cut() {
    let mut sim = Sim::new();
    let store = sim.open();
    assert_eq!(store.execute(set("k", "v")), Reply::Ok);
    sim.disk = sim.disk.reboot();
    drop(store);
    let reply = sim.open().execute(get("k"));
    assert_eq!(value_of(&reply).as_deref(), Some("v"));
}

#[test]
fn nothing_is_seen_before_it_is_committed() {
    let sim = Sim::new();
    let store = sim.open();
    let requests = vec![set("k", "v").into(), get("k").into()];
    let Submitted::Queued(ticket) = store.submit(requests, Attendance::Caller) else {
        panic!("a write must be queued");
    };
    store.advance();
    assert_eq!(value_of(&store.execute(get("k"))), None);
    assert!(ticket.try_take().is_none());
    store.flush();
    store.advance();
    let replies = ticket.try_take().unwrap();
    assert_eq!(replies[0], Reply::Ok);
    assert_eq!(value_of(&replies[1]).as_deref(), Some("v"));
}

#[test]
fn a_refused_request_does_not_stop_its_batch() {
    let sim = Sim::new();
    let store = sim.open();
    let long_key = "k".repeat(5000);
    let replies = store.execute_batch(vec![
        set("a", "1").into(),
        set(&long_key, "2").into(),
        get("a").into(),
        set("b", "3").into(),
        get("b").into(),
    ]);
    assert_eq!(error_code(&replies[1]), ErrorCode::Err);
    assert_eq!(value_of(&replies[2]).as_deref(), Some("1"));
    assert_eq!(value_of(&replies[4]).as_deref(), Some("3"));
    assert_eq!(store.db().applied().index, 2);
    let replies = store.execute_batch(vec![set(&long_key, "2").into(), get("a").into()]);
    assert_eq!(error_code(&replies[0]), ErrorCode::Err);
    assert_eq!(value_of(&replies[1]).as_deref(), Some("1"));
}

#[test]
fn the_memory_limit_answers_oom_and_lets_deletes_through() {
    let mut sim = Sim::new();
    sim.options.limits.memory_bytes_max = 10_000;
    let store = sim.open();
    let mut names = (0..).map(|i| format!("key:{i}"));
    let refused = names.find_map(|name| {
        let reply = store.execute(set(&name, &"v".repeat(500)));
        matches!(reply, Reply::Error(_)).then_some(reply)
    });
    assert_eq!(error_code(&refused.unwrap()), ErrorCode::Oom);
    assert!(store.db().memory_bytes() < 12_000);
    let deleted = store.execute(Command::Del(vec![key("key:0")]));
    assert_eq!(deleted, Reply::Int(1));
    assert_eq!(store.execute(Command::Flush), Reply::Ok);
    assert_eq!(store.execute(set("k", "v")), Reply::Ok);
}

#[test]
fn a_failed_sync_is_answered_unknown_and_ends_writing_but_not_reading() {
    let sim = Sim::new();
    let store = sim.open();
    assert_eq!(store.execute(set("k", "old")), Reply::Ok);
    sim.disk.fail_sync_at(sim.disk.syncs() + 1);
    let replies = store.execute_batch(vec![set("k", "new").into(), get("k").into()]);
    assert_eq!(error_code(&replies[0]), ErrorCode::Unknown);
    assert_eq!(value_of(&replies[1]).as_deref(), Some("old"));
    assert_eq!(
        error_code(&store.execute(set("k", "newer"))),
        ErrorCode::Err
    );
    assert_eq!(value_of(&store.execute(get("k"))).as_deref(), Some("old"));
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let sim = Sim::new();
    let store = sim.open();
    assert_eq!(store.execute(set("key:first", "v")), Reply::Ok);
    sim.disk.set_capacity(sim.disk.used_bytes());
    let big = "v".repeat(1000);
    let refused = (0..1000).find_map(|i| {
        let reply = store.execute(set(&format!("key:{i}"), &big));
        matches!(reply, Reply::Error(_)).then_some((i, reply))
    });
    let (count, reply) = refused.unwrap();
    assert_eq!(error_code(&reply), ErrorCode::StorageFull);
    assert_eq!(store.db().key_count(), count + 1);
    assert!(value_of(&store.execute(get("key:first"))).is_some());
    sim.disk.set_capacity(u64::MAX);
    assert_eq!(store.execute(set("k", "v")), Reply::Ok);
}

#[test]
fn expired_entries_are_absent_at_once_and_swept_by_a_logged_write() {
    let sim = Sim::new();
    let store = sim.open();
    let mut command = Set::new(key("k"), EncodedValue::from_bytes(key("v")));
    command.expiry = Expiry::At(When::InMs(50));
    assert_eq!(store.execute(Command::Set(command)), Reply::Ok);
    assert_eq!(store.sweep(), 0);
    sim.clock.advance(50);
    assert_eq!(value_of(&store.execute(get("k"))), None);
    assert_eq!(store.db().key_count(), 1);
    assert_eq!(store.sweep(), 1);
    assert_eq!(store.db().key_count(), 0);
    let digest = store.db().digest();
    assert_eq!(sim.open_again(store).db().digest(), digest);
}

#[test]
fn time_never_goes_backwards_even_over_a_restart() {
    let sim = Sim::new();
    let store = sim.open();
    store.execute(set("k", "v"));
    sim.clock.set(1000);
    assert_eq!(store.now_ms(), 1_000_000);
    let store = sim.open_again(store);
    assert_eq!(store.now_ms(), 1_000_000);
}

#[test]
fn a_fault_loses_the_write_until_a_restart() {
    let mut sim = Sim::new();
    sim.options.limits.allow_faults = true;
    let store = sim.open();
    let request = Request {
        fault: Some(1.0),
        ..set("k", "v").into()
    };
    assert_eq!(store.execute_batch(vec![request]), [Reply::Ok]);
    assert_eq!(value_of(&store.execute(get("k"))), None);
    let store = sim.open_again(store);
    assert_eq!(value_of(&store.execute(get("k"))).as_deref(), Some("v"));
}

#[test]
fn faults_are_refused_unless_allowed() {
    let store = Sim::new().open();
    let request = Request {
        fault: Some(0.5),
        ..set("k", "v").into()
    };
    let replies = store.execute_batch(vec![request]);
    assert_eq!(error_code(&replies[0]), ErrorCode::Err);
    assert_eq!(store.db().applied().index, 0);
}

#[test]
fn a_data_dir_is_opened_once() {
    let sim = Sim::new();
    let store = sim.open();
    let disk = Arc::new(sim.disk.clone());
    let second = Store::open_inline(disk, sim.clock.clone(), &sim.options);
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    drop(store);
    sim.open();
}

#[test]
fn a_nested_transaction_is_refused() {
    let store = Sim::new().open();
    let nest = |commands| Command::Transaction {
        watches: vec![],
        commands,
    };
    let nested = nest(vec![nest(vec![set("k", "v")])]);
    assert_eq!(error_code(&store.execute(nested)), ErrorCode::Err);
}

#[test]
fn the_log_is_below_the_data_dir() {
    let sim = Sim::new();
    sim.open().execute(set("k", "v"));
    assert!(!sim.disk.list(Path::new("wal")).unwrap().is_empty());
}

/// Each generation's first file.
fn damage_newest(sim: &Sim) {
    let manifest = Manifest::load(&sim.disk).unwrap();
    let id = manifest.generations[0].part_ids().next().unwrap();
    assert!(sim.disk.flip_bit(&id.path(), 9, 0));
}

fn fill(store: &Store, range: std::ops::Range<u32>) {
    for i in range {
        let reply = store.execute(set(&format!("key:{i}"), &"v".repeat(100)));
        assert_eq!(reply, Reply::Ok);
    }
}

#[test]
fn a_snapshot_and_the_log_after_it_give_the_same_state() {
    let sim = Sim::new();
    let store = sim.open();
    fill(&store, 0..300);
    assert_eq!(store.snapshot(&mut Unpaced).unwrap().index, 300);
    fill(&store, 200..400);
    let digest = store.db().digest();
    let store = sim.open_again(store);
    assert_eq!(store.db().digest(), digest);
    assert_eq!(store.snapshot_status().index, 300);
}

#[test]
fn the_log_is_purged_once_two_snapshots_cover_it() {
    let sim = Sim::new();
    let store = sim.open();
    fill(&store, 0..500);
    let segments = || sim.disk.list(Path::new("wal")).unwrap();
    let first = segments()
        .into_iter()
        .find(|name| name.contains("-0000000000000001"));
    assert!(first.is_some());
    store.snapshot(&mut Unpaced).unwrap();
    assert!(segments().contains(first.as_ref().unwrap()));
    fill(&store, 500..600);
    store.snapshot(&mut Unpaced).unwrap();
    assert!(!segments().contains(first.as_ref().unwrap()));
    assert_eq!(sim.open_again(store).db().key_count(), 600);
}

#[test]
fn a_damaged_newest_snapshot_is_no_loss_and_is_told() {
    let sim = Sim::new();
    let store = sim.open();
    for round in 1..4 {
        fill(&store, round * 100..round * 100 + 150);
        store.snapshot(&mut Unpaced).unwrap();
    }
    let digest = store.db().digest();
    store.close().unwrap();
    drop(store);
    damage_newest(&sim);
    let store = sim.open();
    assert_eq!(store.db().digest(), digest);
    let told = store.snapshot_status().last_error.unwrap();
    assert!(told.contains("at byte"), "{told}");
    fill(&store, 0..1);
    store.snapshot(&mut Unpaced).unwrap();
    assert_eq!(sim.open_again(store).snapshot_status().last_error, None);
}

#[test]
fn damaged_snapshots_without_a_log_are_refused_by_name() {
    let sim = Sim::new();
    let store = sim.open();
    for round in 1..4 {
        fill(&store, round * 100..round * 100 + 150);
        store.snapshot(&mut Unpaced).unwrap();
    }
    store.close().unwrap();
    drop(store);
    for generation in Manifest::load(&sim.disk).unwrap().generations {
        let id = generation.part_ids().next().unwrap();
        sim.disk.flip_bit(&id.path(), 9, 0);
    }
    let disk = Arc::new(sim.disk.clone());
    let refused = Store::open_inline(disk, sim.clock.clone(), &sim.options).unwrap_err();
    assert!(matches!(refused, OpenError::Snapshot { .. }), "{refused}");
    assert!(refused.to_string().contains(".snap at byte 0"), "{refused}");
}

#[test]
fn a_snapshot_is_due_when_the_log_has_grown_or_somebody_asks() {
    let mut sim = Sim::new();
    sim.options.snapshot.wal_bytes = 100_000;
    let store = sim.open();
    fill(&store, 0..100);
    assert!(!store.is_snapshot_due());
    fill(&store, 0..200);
    assert!(store.is_snapshot_due());
    let store = sim.open_again(store);
    fill(&store, 0..150);
    assert!(store.is_snapshot_due(), "what was replayed counts");
    store.snapshot(&mut Unpaced).unwrap();
    assert!(!store.is_snapshot_due());
    assert!(!store.snapshot_status().running);
    store.request_snapshot();
    assert!(store.is_snapshot_due() && store.snapshot_status().running);
    store.snapshot(&mut Unpaced).unwrap();
    assert!(!store.is_snapshot_due());
}

#[test]
fn a_full_disk_fails_a_snapshot_and_nothing_else() {
    let sim = Sim::new();
    let store = sim.open();
    fill(&store, 0..100);
    sim.disk.set_capacity(sim.disk.used_bytes() + 1000);
    store.snapshot(&mut Unpaced).unwrap_err();
    assert!(store.snapshot_status().last_error.is_some());
    assert_eq!(store.execute(set("k", "v")), Reply::Ok);
    sim.disk.set_capacity(u64::MAX);
    store.snapshot(&mut Unpaced).unwrap();
    assert_eq!(sim.open_again(store).db().key_count(), 101);
}
