//! Many threads at once: money moves between accounts, and none is ever made or lost, in no reader's
//! eyes and in no snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use kv_node::Db;
use kv_node::snapshot::{self, Manifest, Unpaced};
use kv_node::store::{Store, StoreOptions, SystemClock};
use kv_proto::command::{Key, Set};
use kv_proto::{Command, EncodedValue, Reply};
use kv_wal::SimStorage;

const ACCOUNTS: u64 = 10;
const TOTAL: i64 = 1000;

fn account(number: u64) -> Key {
    Bytes::from(format!("account:{number}"))
}

fn accounts() -> Vec<Key> {
    (0..ACCOUNTS).map(account).collect()
}

fn transfer(from: u64, to: u64) -> Command {
    let add = |number, delta| Command::IncrBy {
        key: account(number),
        delta,
    };
    Command::Transaction {
        watches: Vec::new(),
        commands: vec![add(from, -1), add(to, 1)],
    }
}

fn sum(reply: &Reply) -> i64 {
    let Reply::Array(balances) = reply else {
        panic!("{reply:?} is no array");
    };
    let balances = balances.iter().map(|balance| match balance {
        Reply::Entry(entry) => {
            let text = std::str::from_utf8(entry.payload()).unwrap();
            text.parse::<i64>().unwrap()
        }
        other => panic!("{other:?} is no balance"),
    });
    balances.sum()
}

fn open(disk: &SimStorage) -> Arc<Store> {
    let mut options = StoreOptions::new("");
    options.wal.segment_bytes = 64 << 10;
    options.wal.segment_bytes_first = 64 << 10;
    Store::open_on(Arc::new(disk.clone()), Arc::new(SystemClock), &options).unwrap()
}

fn move_money(store: &Store, thread: u64) {
    for i in 0..400 {
        let from = (thread * 7 + i * 3) % ACCOUNTS;
        let to = (thread + i) % ACCOUNTS;
        let reply = store.execute(transfer(from, to));
        assert!(matches!(reply, Reply::Array(_)), "{reply:?}");
        let other_work = Command::Set(Set::new(
            Bytes::from(format!("{thread}:{i}")),
            EncodedValue::from_bytes(Bytes::from_static(b"v")),
        ));
        let replies =
            store.execute_batch(vec![other_work.into(), Command::MGet(accounts()).into()]);
        assert_eq!(sum(&replies[1]), TOTAL);
    }
}

fn read_until(store: &Store, done: &AtomicBool) {
    while !done.load(Ordering::Acquire) {
        assert_eq!(sum(&store.execute(Command::MGet(accounts()))), TOTAL);
    }
}

fn snapshot_until(store: &Store, disk: &SimStorage, done: &AtomicBool) -> u32 {
    let mut count = 0;
    while !done.load(Ordering::Acquire) {
        store.snapshot(&mut Unpaced).unwrap();
        let manifest = Manifest::load(disk).unwrap();
        let db = Db::new();
        snapshot::load(disk, &manifest.generations[0], &mut db.writer()).unwrap();
        assert_eq!(sum(&db.read(0, &Command::MGet(accounts()))), TOTAL);
        count += 1;
    }
    count
}

#[test]
fn no_reader_and_no_snapshot_sees_half_a_transfer() {
    let disk = SimStorage::new(1);
    let store = open(&disk);
    let fund = |key| {
        let balance = (TOTAL / ACCOUNTS.cast_signed()).to_string();
        (key, EncodedValue::from_bytes(balance.into()))
    };
    let funded = store.execute(Command::MSet {
        pairs: accounts().into_iter().map(fund).collect(),
        only_if_none_exists: false,
    });
    assert_eq!(funded, Reply::Ok);
    let done = AtomicBool::new(false);
    let snapshots = std::thread::scope(|threads| {
        let movers: Vec<_> = (0..8)
            .map(|thread| {
                threads.spawn({
                    let store = &store;
                    move || move_money(store, thread)
                })
            })
            .collect();
        threads.spawn(|| read_until(&store, &done));
        let snapshots = threads.spawn(|| snapshot_until(&store, &disk, &done));
        for mover in movers {
            mover.join().unwrap();
        }
        done.store(true, Ordering::Release);
        snapshots.join().unwrap()
    });
    assert!(snapshots > 0);
    let digest = store.db().digest();
    store.close().unwrap();
    drop(store);
    assert_eq!(open(&disk.reboot()).db().digest(), digest);
}
