//! The agreed log as this node has it: in memory what other nodes may still need, on the disk all
//! since the older snapshot.
//!
//! ```text
//!   on disk   ……………[ record | record | record | record ]
//!   in memory              base │ entry … applied … committed … last │
//! ```
//!
//! 1. In memory is everything after `base`, without a gap. Only what is applied is dropped.
//! 2. A node that needs an entry before that gets a snapshot.
//! 3. For each entry in memory it is known which record of the disk's log holds it; so a snapshot
//!    knows which records it makes superfluous.
//!
//! Never touches the disk: the member appends records, and tells this what is in them.

use std::cell::Cell;
use std::collections::VecDeque;

use kv_wal::Lsn;
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Storage, StorageError};

use crate::record::entry_bytes;

pub(crate) use replay::{Beginning, Replayed, replay};

mod replay;
#[cfg(test)]
mod tests;

/// An entry's place: all before it is known by this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) index: u64,
    pub(crate) term: u64,
}

/// A snapshot that other nodes can have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Available {
    pub(crate) mark: Mark,
    pub(crate) conf: ConfState,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct RaftLog {
    base: Mark,
    entries: VecDeque<Entry>,
    bytes: u64,
    hard_state: HardState,
    /// As of the last entry applied when the node was opened.
    conf: ConfState,
    /// Which record holds the entries from an index on.
    records: VecDeque<(u64, Lsn)>,
    available: Option<Available>,
    /// Set when the consensus needs a snapshot and there is none that will do.
    is_snapshot_wanted: Cell<bool>,
}

impl RaftLog {
    pub(crate) fn new(base: Mark, conf: ConfState) -> RaftLog {
        RaftLog {
            base,
            conf,
            ..RaftLog::default()
        }
    }

    pub(crate) fn base(&self) -> Mark {
        self.base
    }

    pub(crate) fn last(&self) -> u64 {
        self.base.index + self.entries.len() as u64
    }

    pub(crate) fn hard_state(&self) -> &HardState {
        &self.hard_state
    }

    pub(crate) fn set_hard_state(&mut self, hard_state: HardState) {
        self.hard_state = hard_state;
    }

    pub(crate) fn set_conf(&mut self, conf: ConfState) {
        self.conf = conf;
    }

    /// The entry at `index`, if it is in memory.
    pub(crate) fn entry(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The term of the entry at `index`, if that is known.
    pub(crate) fn term_at(&self, index: u64) -> Option<u64> {
        match index == self.base.index {
            true => Some(self.base.term),
            false => self.entry(index).map(|entry| entry.term),
        }
    }

    /// Takes entries that record `lsn` holds; what was from the first one on is void. Whether
    /// anything was.
    ///
    /// # Panics
    /// If they leave a gap, or replace what is not in memory any more.
    pub(crate) fn append(&mut self, entries: &[Entry], lsn: Lsn) -> bool {
        let Some(first) = entries.first() else {
            return false;
        };
        assert!(
            (self.base.index + 1..=self.last() + 1).contains(&first.index),
            "entry {} does not follow a log from {} to {}",
            first.index,
            self.base.index,
            self.last()
        );
        let replaces = first.index <= self.last();
        self.truncate(first.index - 1);
        self.bytes += entries.iter().map(bytes_of).sum::<u64>();
        self.entries.extend(entries.iter().cloned());
        self.records.push_back((first.index, lsn));
        replaces
    }

    fn truncate(&mut self, last: u64) {
        while self.last() > last {
            let dropped = self
                .entries
                .pop_back()
                .expect("there is one beyond the base");
            self.bytes -= bytes_of(&dropped);
        }
        while self.records.back().is_some_and(|(first, _)| *first > last) {
            self.records.pop_back();
        }
    }

    /// A snapshot took the place of everything.
    pub(crate) fn reset(&mut self, base: Mark, conf: ConfState) {
        self.base = base;
        self.conf = conf;
        self.entries.clear();
        self.records.clear();
        self.bytes = 0;
    }

    /// Drops entries up to `through` until at most `bytes_max` are in memory, and then until half
    /// of that are: so it happens seldom.
    pub(crate) fn compact(&mut self, through: u64, bytes_max: u64) {
        if self.bytes <= bytes_max {
            return;
        }
        while self.bytes > bytes_max / 2 && self.base.index < through {
            self.drop_first();
        }
    }

    /// Drops all entries up to `through`.
    #[cfg(test)]
    pub(crate) fn compact_to(&mut self, through: u64) {
        while self.base.index < through {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let dropped = self
            .entries
            .pop_front()
            .expect("what is dropped is in memory");
        self.bytes -= bytes_of(&dropped);
        self.base = Mark {
            index: dropped.index,
            term: dropped.term,
        };
        while self
            .records
            .get(1)
            .is_some_and(|(first, _)| *first <= self.base.index + 1)
        {
            self.records.pop_front();
        }
    }

    /// The record that holds the entry at `index`, if it is in memory.
    pub(crate) fn record_of(&self, index: u64) -> Option<Lsn> {
        self.entry(index)?;
        let after = self.records.partition_point(|(first, _)| *first <= index);
        let (_, lsn) = self.records.get(after.checked_sub(1)?)?;
        Some(*lsn)
    }

    /// The snapshot that other nodes get from now on.
    pub(crate) fn set_available(&mut self, available: Option<Available>) {
        self.available = available;
    }

    /// Whether a snapshot was asked for that there is not, since the last call.
    pub(crate) fn take_snapshot_wanted(&self) -> bool {
        self.is_snapshot_wanted.take()
    }
}

/// Memory of an entry, about.
fn bytes_of(entry: &Entry) -> u64 {
    (size_of::<Entry>() + entry_bytes(entry)) as u64
}

impl Storage for RaftLog {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(self.hard_state.clone(), self.conf.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        if low <= self.base.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        assert!(
            high <= self.last() + 1,
            "entries up to {high} of {}",
            self.last()
        );
        let max_size = max_size.into().unwrap_or(u64::MAX);
        let mut sum = 0;
        let mut entries = Vec::new();
        for entry in (low..high).map_while(|index| self.entry(index)) {
            sum += entry_bytes(entry) as u64;
            if sum > max_size && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index < self.base.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        self.term_at(index)
            .ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.base.index + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last())
    }

    /// The snapshot goes its own way, in chunks; raft-rs gets its place only. One that the log in
    /// memory does not go on from would be of no use, nor one that does not know who gets it.
    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        let usable = self.available.as_ref().filter(|available| {
            let knows = [&available.conf.voters, &available.conf.learners];
            available.mark.index >= request_index.max(self.base.index).max(1)
                && knows.into_iter().flatten().any(|id| *id == to)
        });
        let Some(available) = usable else {
            self.is_snapshot_wanted.set(true);
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        };
        let mut snapshot = Snapshot::default();
        let metadata = snapshot.mut_metadata();
        metadata.index = available.mark.index;
        metadata.term = available.mark.term;
        metadata.set_conf_state(available.conf.clone());
        Ok(snapshot)
    }
}
