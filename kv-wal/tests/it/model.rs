//! Random appends, commits, seals, reopenings, cuts, purges and truncations against a vector.

use std::{path::Path, sync::Arc};

use kv_wal::{Log, Lsn, Options, SimStorage, SyncPolicy};
use proptest::prelude::*;

use crate::workload::{DIR, options};

#[derive(Clone, Debug)]
enum Op {
    Append { len: usize, fill: u8 },
    Truncate { back: u64 },
    Commit,
    Seal,
    Purge { back: u64 },
    SetHead { fill: u8 },
    Reopen,
    Cut,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0usize..6000, any::<u8>()).prop_map(|(len, fill)| Op::Append { len: len / 7, fill }),
        2 => (0usize..6000, any::<u8>()).prop_map(|(len, fill)| Op::Append { len, fill }),
        1 => (0u64..5).prop_map(|back| Op::Truncate { back }),
        6 => Just(Op::Commit),
        1 => Just(Op::Seal),
        1 => (0u64..10).prop_map(|back| Op::Purge { back }),
        1 => any::<u8>().prop_map(|fill| Op::SetHead { fill }),
        1 => Just(Op::Reopen),
        1 => Just(Op::Cut),
    ]
}

const HEAD_KIND: u8 = 9;

/// What the log must hold: a record is its kind and body, a truncation what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Record(u8, Vec<u8>),
    Truncation(Lsn),
}

struct Model {
    disk: SimStorage,
    log: Option<Log>,
    /// Item `i` has number `i + 1`. Heads are found on replay, as the log alone knows when.
    items: Vec<Option<Item>>,
    head: Option<Vec<u8>>,
    committed: usize,
    purged: Lsn,
}

fn model_options() -> Options {
    options(SyncPolicy::Always)
}

impl Model {
    fn new() -> Model {
        let disk = SimStorage::new(1);
        let mut model = Model {
            disk,
            log: None,
            items: vec![],
            head: None,
            committed: 0,
            purged: Lsn::ZERO,
        };
        model.open();
        model
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    /// Opens the log; everything in it must be what the model has at that place.
    fn open(&mut self) {
        let mut found = vec![];
        let storage = Arc::new(self.disk.clone());
        let log = Log::open(
            storage,
            Path::new(DIR),
            model_options(),
            self.purged,
            &mut |lsn, record| {
                let item = match record.truncates_after() {
                    Some(kept) => Item::Truncation(kept),
                    None => Item::Record(record.kind, record.body.to_vec()),
                };
                found.push((lsn, item));
                Ok(())
            },
        );
        let first = self.purged.0 + 1;
        for (number, (lsn, item)) in (first..).zip(&found) {
            assert_eq!(lsn.0, number);
            let expected = &self.items[usize::try_from(number - 1).unwrap()];
            match (expected, item) {
                (Some(expected), item) => assert_eq!(item, expected),
                (None, Item::Record(kind, _)) => assert_eq!(*kind, HEAD_KIND),
                (None, item) => panic!("{item:?} where a head is due"),
            }
        }
        let last = usize::try_from(self.purged.0).unwrap() + found.len();
        assert!(
            (self.committed..=self.items.len()).contains(&last),
            "{last} of {}",
            self.items.len()
        );
        self.items.truncate(last);
        self.committed = last;
        self.log = Some(log.unwrap());
        if let Some(head) = self.head.clone() {
            self.log().set_segment_head(HEAD_KIND, 0, head);
        }
    }

    /// Notes an item under its number; what the log put in between is a head.
    fn note(&mut self, lsn: Lsn, item: Item) {
        let index = usize::try_from(lsn.0).unwrap() - 1;
        assert!(
            index >= self.items.len() && index <= self.items.len() + 1,
            "at most one head"
        );
        self.items.resize(index, None);
        self.items.push(Some(item));
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Append { len, fill } => {
                let body = vec![fill; len];
                let lsn = self.log().append(fill % 8, fill, &[&body]).unwrap();
                self.note(lsn, Item::Record(fill % 8, body));
            }
            Op::Truncate { back } => {
                let kept = Lsn(self.log().last_lsn().0.saturating_sub(back));
                let lsn = self.log().truncate_after(kept).unwrap();
                self.note(lsn, Item::Truncation(kept));
            }
            Op::Commit => {
                let committed = self.log().commit().unwrap();
                assert_eq!(committed, self.log().last_lsn());
                self.committed = self.items.len();
            }
            Op::Seal => {
                self.log().seal().unwrap();
                self.committed = self.items.len();
            }
            Op::Purge { back } => {
                let through = Lsn((self.committed as u64).saturating_sub(back));
                self.purged = self.purged.max(through);
                self.log().purge(through).unwrap();
            }
            Op::SetHead { fill } => {
                let head = vec![fill; 20];
                self.head = Some(head.clone());
                self.log().set_segment_head(HEAD_KIND, 0, head);
            }
            Op::Reopen => {
                self.log.take().unwrap().close().unwrap();
                self.committed = self.items.len();
                self.open();
            }
            Op::Cut => {
                self.log = None;
                self.disk = self.disk.reboot();
                self.open();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_a_vector(ops in proptest::collection::vec(op(), 1..120)) {
        let mut model = Model::new();
        for op in ops {
            model.apply(op);
        }
        model.apply(Op::Cut);
    }
}

/// The body of the newest head in the log.
fn newest_head(disk: &SimStorage, after: Lsn) -> Option<Vec<u8>> {
    let mut head = None;
    let storage = Arc::new(disk.clone());
    Log::open(
        storage,
        Path::new(DIR),
        model_options(),
        after,
        &mut |_, record| {
            if record.kind == HEAD_KIND {
                head = Some(record.body.to_vec());
            }
            Ok(())
        },
    )
    .unwrap();
    head
}

#[test]
fn the_segment_head_is_there_after_any_purge() {
    let disk = SimStorage::new(1);
    let storage = Arc::new(disk.clone());
    let mut log = Log::open(
        storage,
        Path::new(DIR),
        model_options(),
        Lsn::ZERO,
        &mut |_, _| Ok(()),
    )
    .unwrap();
    for round in 0..100u8 {
        log.set_segment_head(HEAD_KIND, 0, vec![round]);
        log.append(1, 0, &[&[round; 700]]).unwrap();
        log.commit().unwrap();
        log.purge(log.committed_lsn()).unwrap();
        let first = log.segments()[0].first_lsn;
        let head = newest_head(&disk.reboot(), first.previous());
        assert!(head.is_some(), "round {round}: the head went with a purge");
    }
    assert!(log.stats().segments_recycled > 5);
}

#[test]
fn a_head_set_after_opening_is_logged_before_older_segments_go() {
    let disk = SimStorage::new(1);
    let open = |disk: &SimStorage| {
        let storage = Arc::new(disk.clone());
        Log::open(
            storage,
            Path::new(DIR),
            model_options(),
            Lsn::ZERO,
            &mut |_, _| Ok(()),
        )
        .unwrap()
    };
    let mut log = open(&disk);
    log.set_segment_head(HEAD_KIND, 0, vec![1]);
    log.append(1, 0, &[b"first"]).unwrap();
    log.commit().unwrap();
    drop(log);
    let disk = disk.reboot();
    let mut log = open(&disk);
    log.set_segment_head(HEAD_KIND, 0, vec![2]);
    log.purge(log.committed_lsn()).unwrap();
    assert_eq!(
        newest_head(&disk.reboot(), Lsn::ZERO),
        Some(vec![1]),
        "2 is not logged yet"
    );
    log.append(1, 0, &[b"second"]).unwrap();
    log.commit().unwrap();
    log.purge(log.committed_lsn()).unwrap();
    let first = log.segments()[0].first_lsn;
    assert_eq!(newest_head(&disk.reboot(), first.previous()), Some(vec![2]));
}
