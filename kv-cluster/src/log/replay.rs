//! From the records of a node's log to its state, when it is opened.
//!
//! 1. What is known to be committed is applied as it is read: a long log is never in memory.
//! 2. A record may say that a snapshot took the place of the log. If that snapshot was not made to
//!    count before the node stopped, nobody was told of it either, and the log goes on as it was.

use kv_wal::{Lsn, RecordRef, VisitError};
use raft::eraftpb::{Entry, EntryType, HardState};

use super::{Mark, RaftLog};
use crate::consensus::next_conf;
use crate::entry;
use crate::machine::Machine;
use crate::membership::Reconfiguration;
use crate::record::{self, KIND_STEP, RecordError};

/// Rebuilds machine and log.
pub(crate) struct Replay {
    pub(crate) machine: Machine,
    pub(crate) log: RaftLog,
    /// The newest snapshot was damaged, and an older one was taken.
    fell_back: bool,
    memory_bytes_max: u64,
    /// Of the records read.
    pub(crate) bytes: u64,
}

/// Why the log cannot be what the node wrote.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("entry {0} is missing from the log")]
    Gap(u64),
    #[error("entry {index} cannot be applied: {problem}")]
    Entry { index: u64, problem: String },
    #[error("the snapshot at entry {0} is damaged, and the log does not reach back to before it")]
    LostSnapshot(u64),
}

impl Replay {
    /// `machine` holds the newest snapshot that can be used.
    pub(crate) fn new(
        machine: Machine,
        hard_state: HardState,
        fell_back: bool,
        memory_bytes_max: u64,
    ) -> Replay {
        let mut log = RaftLog::new(machine.applied(), machine.state().conf.clone());
        log.set_hard_state(hard_state);
        Replay {
            machine,
            log,
            fell_back,
            memory_bytes_max,
            bytes: 0,
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// If it is not one that this node wrote, or cannot be applied.
    pub(crate) fn take(&mut self, lsn: Lsn, record: RecordRef<'_>) -> Result<(), VisitError> {
        if record.kind != KIND_STEP {
            let (lsn, kind) = (lsn.0, record.kind);
            return Err(Box::new(RecordError::UnknownKind { lsn, kind }));
        }
        self.bytes += record.body.len() as u64;
        let record = record::decode(record.body)?;
        if let Some(mark) = record.mark {
            self.mark(mark)?;
        }
        self.append(&record.entries, lsn)?;
        self.apply(record.hard_state.commit)?;
        self.log.set_hard_state(record.hard_state);
        Ok(())
    }

    fn mark(&mut self, mark: Mark) -> Result<(), ReplayError> {
        let applied = self.machine.applied();
        match mark.index <= applied.index {
            // Whatever the log held then is void; what the snapshot held is there.
            true => self.log.reset(applied, self.machine.state().conf.clone()),
            false if self.fell_back => return Err(ReplayError::LostSnapshot(mark.index)),
            false => {}
        }
        Ok(())
    }

    fn append(&mut self, entries: &[Entry], lsn: Lsn) -> Result<(), ReplayError> {
        let base = self.log.base().index;
        let known = entries.partition_point(|entry| entry.index <= base);
        let entries = &entries[known..];
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let next = self.log.last() + 1;
        if first.index > next || first.index <= self.machine.applied().index {
            return Err(ReplayError::Gap(next.min(first.index)));
        }
        self.log.append(entries, lsn);
        Ok(())
    }

    fn apply(&mut self, commit: u64) -> Result<(), ReplayError> {
        let last = commit.min(self.log.last());
        for index in self.machine.applied().index + 1..=last {
            let entry = self.log.entry(index).ok_or(ReplayError::Gap(index))?.clone();
            apply(&mut self.machine, &entry).map_err(|problem| ReplayError::Entry {
                index,
                problem,
            })?;
        }
        let applied = self.machine.applied().index;
        self.log.compact(applied, self.memory_bytes_max);
        Ok(())
    }

    /// Machine and log as the node goes on from.
    pub(crate) fn finish(mut self) -> (Machine, RaftLog) {
        let mut hard_state = self.log.hard_state().clone();
        let applied = self.machine.applied();
        // A record may have known of more than the log kept: of a snapshot that did not come to
        // count.
        hard_state.commit = hard_state.commit.clamp(applied.index, self.log.last());
        hard_state.term = hard_state.term.max(applied.term);
        self.log.set_hard_state(hard_state);
        self.log.set_conf(self.machine.state().conf.clone());
        (self.machine, self.log)
    }
}

fn apply(machine: &mut Machine, entry: &Entry) -> Result<(), String> {
    match entry.get_entry_type() {
        EntryType::EntryNormal => {
            let writes = entry::decode(entry.data.clone()).map_err(|error| error.to_string())?;
            if let Some(writes) = &writes {
                let mut run = machine.run(entry.term, writes);
                while run.has_next() {
                    run.next(false);
                }
            }
        }
        EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => {
            let change = Reconfiguration::decode(&entry.context)
                .ok_or("it is no change of members that is known here")?;
            if let Some(conf) = next_conf(&machine.state().conf, &change) {
                machine.reconfigure(&change, conf);
            }
        }
    }
    machine.advance(Mark {
        index: entry.index,
        term: entry.term,
    });
    Ok(())
}
