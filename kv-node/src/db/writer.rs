//! The right to change the data: one thread at a time, in the order of the log.

use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use kv_proto::{Command, Entry, Reply};
use parking_lot::MutexGuard;

use super::edit::Edit;
use super::{Cut, Db, Deadlines, Stamp};

/// Applies writes; everybody else who wants to waits until it is dropped.
pub struct Writer<'a> {
    db: &'a Db,
    state: MutexGuard<'a, State>,
}

impl Deref for Writer<'_> {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.db
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(db: &'a Db, state: MutexGuard<'a, State>) -> Writer<'a> {
        Writer { db, state }
    }

    /// Applies one write and answers it. A time before the last write's counts as that one's.
    ///
    /// # Panics
    /// If `stamp.index` is not beyond the last write's: the log was mixed up.
    pub fn apply(&mut self, stamp: Stamp, command: &Command) -> Reply {
        self.run(stamp, command, false)
    }

    /// Answers like [`Writer::apply`] but changes nothing, as if memory had lost the write.
    ///
    /// # Panics
    /// As that.
    pub fn apply_without_effect(&mut self, stamp: Stamp, command: &Command) -> Reply {
        self.run(stamp, command, true)
    }

    fn run(&mut self, stamp: Stamp, command: &Command, without_effect: bool) -> Reply {
        let last = self.state.applied;
        assert!(
            stamp.index > last.index,
            "write {} comes after write {}",
            stamp.index,
            last.index
        );
        let stamp = Stamp {
            index: stamp.index,
            now_ms: stamp.now_ms.max(last.now_ms),
        };
        let _gate = self.db.gate.write();
        let reply = Edit::new(self.db, &mut self.state, stamp, without_effect).run(command);
        self.advance_to(stamp);
        reply
    }

    /// Declares a cut after the last write. `None` while somebody holds an earlier one, and while a
    /// model is in the making that a log before the cut is still needed for.
    pub fn cut(&mut self) -> Option<Arc<Cut>> {
        if self.state.cut.strong_count() > 0 || self.db.is_training() {
            return None;
        }
        let cut = Arc::new(Cut::new(self.state.applied));
        self.state.cut = Arc::downgrade(&cut);
        Some(cut)
    }

    /// Stores entries read from a snapshot; any number of threads may do so at once. The caller
    /// ends with [`Writer::finish_load`].
    pub fn load(&self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            let place = self.db.keyspace.place(entry.key());
            self.db.keyspace.insert_at(place, entry);
        }
    }

    /// Makes room for `key_count` entries to load.
    pub fn reserve(&self, key_count: u64) {
        self.db.keyspace.reserve(key_count);
    }

    /// The entries loaded are those after the write of `stamp`. `expiring` are those of them that
    /// have an expiry.
    pub fn finish_load(&mut self, stamp: Stamp, expiring: Vec<Entry>) {
        self.state.deadlines = expiring.into_iter().collect();
        self.db.publish_deadlines(&self.state.deadlines);
        self.advance_to(stamp);
    }

    /// Removes everything, as if nothing had ever been applied; the indexes have to be built.
    pub fn reset(&mut self) {
        let _gate = self.db.gate.write();
        for shard in 0..super::SHARD_COUNT {
            self.db.keyspace.clear_shard(shard);
        }
        self.db.indexes.reset();
        self.db.training.forget();
        *self.state = State::default();
        self.db.publish_deadlines(&self.state.deadlines);
        self.advance_to(Stamp::default());
    }

    fn advance_to(&mut self, stamp: Stamp) {
        self.state.applied = stamp;
        let counters = &self.db.counters;
        counters.applied_ms.store(stamp.now_ms, Ordering::Release);
        counters.applied_index.store(stamp.index, Ordering::Release);
    }
}

impl Db {
    pub(super) fn publish_deadlines(&self, deadlines: &Deadlines) {
        let next = deadlines.next_ms().unwrap_or(u64::MAX);
        let count = deadlines.count() as u64;
        self.counters
            .next_deadline_ms
            .store(next, Ordering::Relaxed);
        self.counters.expiring_keys.store(count, Ordering::Relaxed);
    }
}

/// What only writes need.
#[derive(Default)]
pub(super) struct State {
    pub(super) applied: Stamp,
    pub(super) deadlines: Deadlines,
    pub(super) cut: Weak<Cut>,
    /// One that somebody learns from, and one that waits; others are gone.
    pub(super) training_cuts: Vec<Weak<Cut>>,
}

impl State {
    /// The cuts that somebody holds.
    pub(super) fn cuts(&self) -> impl Iterator<Item = Arc<Cut>> {
        let all = std::iter::once(&self.cut).chain(&self.training_cuts);
        all.filter_map(Weak::upgrade)
    }
}
