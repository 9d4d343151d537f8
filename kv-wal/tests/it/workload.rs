//! A workload that follows from its seed, and the check of what is left of it.
//!
//! Every record's body follows from its number, so that a recovered record is checked by itself: a
//! wrong byte, a wrong number or a record that was never written cannot go unnoticed.

use std::{path::Path, sync::Arc};

use kv_wal::{Log, Lsn, Options, SimStorage, SyncPolicy, WalError};

pub(crate) const DIR: &str = "wal";

/// SplitMix64, so that a workload is the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

pub(crate) fn options(sync: SyncPolicy) -> Options {
    Options {
        segment_bytes: 4096,
        segment_bytes_first: 4096,
        pending_bytes_max: 64 << 10,
        sync,
        salt_seed: Some(7),
        ..Options::default()
    }
}

/// The body of record `lsn`: from nothing to a few sectors, now and then more than a segment.
pub(crate) fn body(lsn: Lsn) -> Vec<u8> {
    let mut random = Random(lsn.0);
    let len = match random.below(16) {
        0 => 0,
        1 => 4000 + random.below(3000),
        2..=5 => 500 + random.below(1500),
        _ => random.below(200),
    };
    let mut body = vec![0; usize::try_from(len).unwrap()];
    for chunk in body.chunks_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
    }
    body
}

/// What a user of the log knows: what it was promised, and what it needs back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The last record that was taken, ever.
    pub(crate) appended: Lsn,
    /// The last record that must survive.
    pub(crate) acknowledged: Lsn,
    /// What the user's snapshot covers.
    pub(crate) snapshot: Lsn,
}

impl Ledger {
    /// Notes what the log promises now; call it before the log is lost.
    pub(crate) fn note(&mut self, log: &Log) {
        self.appended = self.appended.max(log.last_lsn());
        self.acknowledged = self.acknowledged.max(match log.sync_policy() {
            SyncPolicy::Always => log.committed_lsn(),
            _ => log.durable_lsn(),
        });
    }

    /// Opens the log and checks every record it gives back.
    ///
    /// `Err` tells what promise is broken, or why the log is not opened.
    pub(crate) fn open(&mut self, disk: &SimStorage, options: &Options) -> Result<Log, Broken> {
        let mut next = self.snapshot.next();
        let mut wrong = None;
        let storage = Arc::new(disk.clone());
        let log = Log::open(
            storage,
            Path::new(DIR),
            options.clone(),
            self.snapshot,
            &mut |lsn, record| {
                if lsn != next || record.body != body(lsn) || record.kind != 1 {
                    wrong.get_or_insert(lsn);
                }
                next = lsn.next();
                Ok(())
            },
        )
        .map_err(Broken::Refused)?;
        if let Some(lsn) = wrong {
            return Err(Broken::WrongRecord(lsn));
        }
        let last = Lsn(next.0 - 1);
        if last < self.acknowledged {
            return Err(Broken::Lost {
                last,
                acknowledged: self.acknowledged,
            });
        }
        if last > self.appended {
            return Err(Broken::Invented(last));
        }
        assert_eq!(log.last_lsn(), last);
        // What was not acknowledged may be gone: its numbers are used again. What is there now has
        // been shown, and must stay.
        self.appended = last;
        self.acknowledged = last;
        Ok(log)
    }
}

/// A broken promise.
#[derive(Debug)]
#[expect(dead_code, reason = "the fields are what a failing test prints")]
pub(crate) enum Broken {
    Refused(WalError),
    WrongRecord(Lsn),
    Lost { last: Lsn, acknowledged: Lsn },
    Invented(Lsn),
}

/// Does `steps` steps, until the disk fails. Every step's promises are in the ledger.
pub(crate) fn run(log: &mut Log, ledger: &mut Ledger, random: &mut Random, steps: usize) {
    for _ in 0..steps {
        let done = step(log, ledger, random);
        ledger.note(log);
        if done.is_err() {
            return;
        }
    }
}

fn step(log: &mut Log, ledger: &mut Ledger, random: &mut Random) -> Result<(), WalError> {
    match random.below(12) {
        0 => {
            // A snapshot covers no more than what is durable, and lags behind.
            let through = Lsn(ledger.acknowledged.0.saturating_sub(random.below(6)));
            ledger.snapshot = ledger.snapshot.max(through);
            log.purge(ledger.snapshot)
        }
        1 => log.seal(),
        2 => log.sync().map(drop),
        _ => {
            for _ in 0..=random.below(3) {
                append(log)?;
            }
            log.commit().map(drop)
        }
    }
}

pub(crate) fn append(log: &mut Log) -> Result<Lsn, WalError> {
    let body = body(log.last_lsn().next());
    let (left, right) = body.split_at(body.len() / 2);
    log.append(1, 0, &[left, right])
}
