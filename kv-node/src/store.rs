//! One node's data, durable: writes go to the log, and from the log to memory.
//!
//! The way of a write: [`Store::submit`] checks it, appends it to the log and queues its batch;
//! [`Store::flush`] starts a commit; once the log has committed the records, whoever learns of it
//! calls [`Store::advance`], which applies the queued batches in the order of the log and completes
//! their tickets.
//!
//! 1. A write is applied only after it is committed: nothing a reader sees can be lost.
//! 2. Records are appended and batches queued under one lock: the queue is in the order of the log.
//! 3. A batch is evaluated as a whole at its place, its reads included; a batch of reads is
//!    answered at once from what is applied.
//! 4. A request that is refused has not been logged, and the others of its batch go on without it.
//! 5. Once the log has failed, every write that it took but did not confirm is answered UNKNOWN,
//!    later ones are refused, and reads go on.
//!
//! Has no thread of its own; see [`crate::standalone`] for those that a server needs.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use kv_proto::{Command, ErrorReply, Reply, Request};
use kv_wal::{LockGuard, Lsn, Storage, WalError};
use parking_lot::{Mutex, RwLock};

use crate::db::Db;

mod admission;
mod advance;
mod clock;
mod inline;
mod journal;
mod open;
mod planted;
mod replay;
mod snapshots;
mod submit;
mod sweep;
mod ticket;
mod training;

use snapshots::Snapshots;
use training::Models;

pub use admission::{Admission, not_logged, unconfirmed};
pub use clock::{Clock, ManualClock, SystemClock};
pub use inline::InlineJournal;
pub use journal::{Journal, JournalStats, KIND_COMMAND, RecordError, decode_record};
pub use open::{OpenError, StoreOptions};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use snapshots::SnapshotOptions;
pub use ticket::Ticket;

/// What requests may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Sizes of keys, values and batches.
    pub requests: kv_proto::Limits,
    /// Memory of the entries beyond which commands that need more are refused; 0: no limit.
    pub memory_bytes_max: u64,
    /// Bytes of log records whose batches may wait to be applied. Default 128 MiB.
    pub queue_bytes_max: u64,
    /// Whether [`Request::fault`] is obeyed rather than refused. Default no.
    pub allow_faults: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests: kv_proto::Limits::default(),
            memory_bytes_max: 0,
            queue_bytes_max: 128 << 20,
            allow_faults: false,
        }
    }
}

/// Log and data of one node.
pub struct Store {
    db: Db,
    storage: Arc<dyn Storage>,
    journal: Arc<dyn Journal>,
    snapshots: Snapshots,
    models: Models,
    clock: Arc<dyn Clock>,
    options: StoreOptions,
    lock: Mutex<Option<Box<dyn LockGuard>>>,
    intake: Mutex<Intake>,
    /// Of the records of batches in the queue.
    queued_bytes: AtomicU64,
    /// Batches in the queue that nobody but the log's own thread will apply.
    unattended: AtomicUsize,
    watchers: RwLock<Vec<Weak<dyn Watcher>>>,
}

/// Told, on one of the log's threads, that records were committed or that the log failed.
pub trait Watcher: Send + Sync + 'static {
    /// Should hand over and return.
    fn on_progress(&self);
}

/// What waits between log and memory.
struct Intake {
    queue: VecDeque<Batch>,
    last_stamp_ms: u64,
    fault_state: u64,
}

/// Requests of one caller of which at least one was logged.
struct Batch {
    requests: Vec<Request>,
    /// Of the last record; those before it precede without a gap.
    last_lsn: u64,
    record_count: u64,
    now_ms: u64,
    bytes: u64,
    /// Requests that were not logged, ascending, and why.
    refused: Vec<Refused>,
    /// Requests whose effect is to be lost (debug mode).
    lost: Vec<usize>,
    attendance: Attendance,
    ticket: Ticket,
}

/// A request that was not logged, and why.
type Refused = (usize, ErrorReply);

/// What became of a submitted batch.
#[derive(Debug)]
pub enum Submitted {
    /// Nothing had to be logged: here are the replies.
    Done(Vec<Reply>),
    /// It is in the log's hands; flush, and wait.
    Queued(Ticket),
}

/// Who makes sure that a submitted batch is applied once it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    /// The caller, by [`Store::advance`].
    Caller,
    /// The thread that commits.
    Log,
}

/// What a store is made of.
struct Parts {
    /// Holds everything that `journal` has committed.
    db: Db,
    storage: Arc<dyn Storage>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    lock: Box<dyn LockGuard>,
    snapshots: Snapshots,
    models: Models,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("db", &self.db)
            .field("data_dir", &self.options.data_dir)
            .finish_non_exhaustive()
    }
}

impl AsRef<Db> for Store {
    fn as_ref(&self) -> &Db {
        &self.db
    }
}

impl Store {
    fn new(parts: Parts, options: &StoreOptions) -> Arc<Store> {
        let last_stamp_ms = parts.db.applied().now_ms;
        let store = Arc::new(Store {
            intake: Mutex::new(Intake {
                queue: VecDeque::new(),
                last_stamp_ms,
                fault_state: last_stamp_ms,
            }),
            db: parts.db,
            storage: parts.storage,
            journal: parts.journal,
            snapshots: parts.snapshots,
            models: parts.models,
            clock: parts.clock,
            options: options.clone(),
            lock: Mutex::new(Some(parts.lock)),
            queued_bytes: AtomicU64::new(0),
            unattended: AtomicUsize::new(0),
            watchers: RwLock::default(),
        });
        let observed = Arc::downgrade(&store);
        store.journal.set_observer(Box::new(move || {
            if let Some(store) = observed.upgrade() {
                store.on_progress();
            }
        }));
        store
    }

    /// The data.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The log.
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The settings it was opened with.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Unix milliseconds, never before the last write's.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms().max(self.db.applied().now_ms)
    }

    /// Answers one command; waits for the log if it is a write.
    pub fn execute(&self, command: Command) -> Reply {
        let mut replies = self.execute_batch(vec![command.into()]);
        replies.pop().expect("one request has one reply")
    }

    /// Answers requests in order; waits for the log if there is a write among them.
    pub fn execute_batch(&self, requests: Vec<Request>) -> Vec<Reply> {
        match self.submit(requests, Attendance::Caller) {
            Submitted::Done(replies) => replies,
            Submitted::Queued(ticket) => self.complete(&ticket),
        }
    }

    fn complete(&self, ticket: &Ticket) -> Vec<Reply> {
        self.flush();
        let confirmed = self.journal.wait(Lsn(ticket.last_lsn()));
        self.advance();
        match (ticket.try_take(), confirmed) {
            (Some(replies), _) => replies,
            (None, outcome) => panic!("a record was waited for ({outcome:?}) but not applied"),
        }
    }

    /// Has the log commit what was submitted; waits no longer than a quick sync takes.
    pub fn flush(&self) {
        self.journal.flush();
    }

    /// Tells `watcher` of the log's progress for as long as it lives.
    pub fn watch(&self, watcher: &Arc<impl Watcher>) {
        let watcher: Arc<dyn Watcher> = watcher.clone();
        let mut watchers = self.watchers.write();
        watchers.retain(|known| known.strong_count() > 0);
        watchers.push(Arc::downgrade(&watcher));
    }

    fn on_progress(&self) {
        if self.unattended.load(Ordering::SeqCst) > 0 {
            self.advance();
        }
        let watchers = self.watchers.read();
        let alive = watchers.iter().filter_map(Weak::upgrade);
        alive.for_each(|watcher| watcher.on_progress());
    }

    /// Commits and syncs what was submitted, completes every ticket, and ends the log. Reads go on.
    ///
    /// # Errors
    /// If the log failed; the tickets say what is unknown.
    pub fn close(&self) -> Result<(), WalError> {
        let closed = self.journal.close();
        self.advance();
        self.lock.lock().take();
        closed
    }
}

#[cfg(test)]
mod tests;
