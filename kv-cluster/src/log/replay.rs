//! From the records of a node's log to its state, when it is opened: one thread reads and checks
//! them, another applies what they say.
//!
//! 1. What is known to be committed is applied as it is read: a long log is never in memory.
//! 2. A record may say that a snapshot took the place of the log. If that snapshot was not made to
//!    count before the node stopped, nobody was told of it either, and the log goes on as it was.
//! 3. Entries are applied in their order, all of them before the replay ends; what waits between
//!    the threads is bounded.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use kv_wal::{Lsn, RecordRef, VisitError};
use raft::eraftpb::{ConfState, Entry, EntryType, HardState};

use super::{Mark, RaftLog};
use crate::consensus::next_conf;
use crate::entry;
use crate::machine::Machine;
use crate::membership::Reconfiguration;
use crate::record::{self, KIND_STEP, RecordError, entry_bytes};

/// Entries that go from one thread to the other at once; fewer if they are large.
const BATCH_ENTRIES: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// Batches that may wait.
const BATCHES_MAX: usize = 8;

/// Takes records as the log reads them.
pub(crate) struct Replay {
    log: RaftLog,
    /// The last entry that was given to be applied.
    applied: Mark,
    batches: SyncSender<Vec<Entry>>,
    batch: Vec<Entry>,
    batch_bytes: usize,
    /// The newest snapshot was damaged, and an older one was taken.
    fell_back: bool,
    /// A snapshot that took the log's place, and that is not there; nothing came after it.
    missing: Option<u64>,
    memory_bytes_max: u64,
    /// Of the records read.
    bytes: u64,
}

/// What a log amounts to.
pub(crate) struct Replayed {
    pub(crate) machine: Machine,
    pub(crate) log: RaftLog,
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

/// What is there before the first record.
pub(crate) struct Beginning {
    /// Holds the newest snapshot that can be used.
    pub(crate) machine: Machine,
    pub(crate) hard_state: HardState,
    /// The newest snapshot was damaged, and an older one was taken.
    pub(crate) fell_back: bool,
    pub(crate) memory_bytes_max: u64,
}

/// Calls `read` with what takes the records; what it returns, and what they amount to.
///
/// # Errors
/// The second of both: if the records cannot be what this node wrote.
pub(crate) fn replay<T>(
    beginning: Beginning,
    read: impl FnOnce(&mut Replay) -> T,
) -> (T, Result<Replayed, ReplayError>) {
    let (batches, arriving) = sync_channel(BATCHES_MAX);
    let Beginning {
        machine,
        hard_state,
        fell_back,
        memory_bytes_max,
    } = beginning;
    let applied = machine.applied();
    let mut log = RaftLog::new(applied, ConfState::default());
    log.set_hard_state(hard_state);
    let mut replay = Replay {
        log,
        applied,
        batches,
        batch: Vec::new(),
        batch_bytes: 0,
        fell_back,
        missing: None,
        memory_bytes_max,
        bytes: 0,
    };
    std::thread::scope(|threads| {
        let applier = threads.spawn(move || apply_all(machine, &arriving));
        let result = read(&mut replay);
        replay.hand_over();
        let Replay {
            log,
            batches,
            fell_back,
            missing,
            bytes,
            ..
        } = replay;
        drop(batches);
        let applied = match applier.join() {
            Ok(applied) => applied,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let lost = missing.filter(|_| fell_back);
        let replayed = match (applied, lost) {
            (Err(error), _) => Err(error),
            (Ok(_), Some(index)) => Err(ReplayError::LostSnapshot(index)),
            (Ok(machine), None) => Ok(finish(machine, log, bytes)),
        };
        (result, replayed)
    })
}

/// Applies what arrives; after an error, the rest is only taken.
fn apply_all(
    mut machine: Machine,
    arriving: &Receiver<Vec<Entry>>,
) -> Result<Machine, ReplayError> {
    let mut failed = None;
    for entry in arriving.iter().flatten() {
        if failed.is_none()
            && let Err(problem) = apply(&mut machine, &entry)
        {
            let index = entry.index;
            failed = Some(ReplayError::Entry { index, problem });
        }
    }
    failed.map_or(Ok(machine), Err)
}

/// Machine and log as the node goes on from.
fn finish(machine: Machine, mut log: RaftLog, bytes: u64) -> Replayed {
    let mut hard_state = log.hard_state().clone();
    let applied = machine.applied();
    // A record may have known of more than the log kept: of a snapshot that did not come to count.
    hard_state.commit = hard_state.commit.clamp(applied.index, log.last());
    hard_state.term = hard_state.term.max(applied.term);
    log.set_hard_state(hard_state);
    log.set_conf(machine.state().conf.clone());
    Replayed {
        machine,
        log,
        bytes,
    }
}

impl Replay {
    /// Takes the next record.
    ///
    /// # Errors
    /// If it is not one that this node wrote.
    pub(crate) fn take(&mut self, lsn: Lsn, record: RecordRef<'_>) -> Result<(), VisitError> {
        if record.kind != KIND_STEP {
            let (lsn, kind) = (lsn.0, record.kind);
            return Err(Box::new(RecordError::UnknownKind { lsn, kind }));
        }
        self.bytes += record.body.len() as u64;
        let record = record::decode(record.body)?;
        if let Some(mark) = record.mark {
            if mark.index > self.applied.index {
                self.pass_by(mark, record.hard_state);
                return Ok(());
            }
            // Whatever the log held then is void; what the snapshot held is there.
            self.log.reset(self.applied, ConfState::default());
        }
        self.append(&record.entries, lsn)?;
        self.apply(record.hard_state.commit)?;
        self.log.set_hard_state(record.hard_state);
        Ok(())
    }

    /// A snapshot that is not there. Its record's commit is of a log that begins with it: it says
    /// nothing of the entries that are here. Term and vote count. If the snapshot counted, what
    /// comes next does not follow what is here.
    fn pass_by(&mut self, mark: Mark, mut hard_state: HardState) {
        self.missing = Some(mark.index);
        hard_state.commit = self.log.hard_state().commit;
        self.log.set_hard_state(hard_state);
    }

    fn append(&mut self, entries: &[Entry], lsn: Lsn) -> Result<(), ReplayError> {
        let base = self.log.base().index;
        let known = entries.partition_point(|entry| entry.index <= base);
        let entries = &entries[known..];
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let next = self.log.last() + 1;
        if first.index > next || first.index <= self.applied.index {
            return Err(ReplayError::Gap(next.min(first.index)));
        }
        self.log.append(entries, lsn);
        self.missing = None;
        Ok(())
    }

    /// Has everything applied that is known to be committed.
    fn apply(&mut self, commit: u64) -> Result<(), ReplayError> {
        let last = commit.min(self.log.last());
        for index in self.applied.index + 1..=last {
            let entry = self.log.entry(index).ok_or(ReplayError::Gap(index))?;
            self.applied = Mark {
                index,
                term: entry.term,
            };
            self.batch_bytes += entry_bytes(entry);
            self.batch.push(entry.clone());
            if self.batch.len() >= BATCH_ENTRIES || self.batch_bytes >= BATCH_BYTES {
                self.hand_over();
            }
        }
        self.log.compact(self.applied.index, self.memory_bytes_max);
        Ok(())
    }

    /// If the other thread is gone it panicked, which shows when it is joined.
    fn hand_over(&mut self) {
        self.batch_bytes = 0;
        let _ = self.batches.send(std::mem::take(&mut self.batch));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kv_node::Db;

    use super::*;
    use crate::machine::State;

    fn entry(index: u64, term: u64) -> Entry {
        let mut entry = Entry::default();
        (entry.index, entry.term) = (index, term);
        entry
    }

    fn hard_state(term: u64, commit: u64) -> HardState {
        let mut hard_state = HardState::default();
        (hard_state.term, hard_state.commit) = (term, commit);
        hard_state
    }

    #[test]
    fn a_snapshot_that_is_not_there_commits_nothing_of_the_log_that_is() {
        let records = [
            record::encode(&hard_state(2, 1), None, &[entry(1, 2), entry(2, 2)]),
            record::encode(&hard_state(3, 9), Some(Mark { index: 9, term: 3 }), &[]),
        ];
        let beginning = Beginning {
            machine: Machine::new(Arc::new(Db::new()), State::default()),
            hard_state: HardState::default(),
            fell_back: false,
            memory_bytes_max: 1 << 20,
        };
        let (taken, replayed) = replay(beginning, |replay| {
            (1..).zip(&records).try_for_each(|(lsn, body)| {
                let record = RecordRef {
                    kind: KIND_STEP,
                    flags: 0,
                    body,
                };
                replay.take(Lsn(lsn), record)
            })
        });
        assert!(taken.is_ok());
        let replayed = replayed.unwrap();
        assert_eq!(replayed.machine.applied().index, 1);
        assert_eq!(replayed.log.last(), 2);
        let kept = replayed.log.hard_state();
        assert_eq!((kept.term, kept.commit), (3, 1));
    }
}
