//! The log on threads: any number of callers append, one thread writes and syncs groups.
//!
//! ```text
//!  append ──► Staging (one short lock) ◄── take ── writer ──► one write, one fdatasync ──► observer
//!                 ▲                                                                   └──► waiters
//!                 └── spares ── preparer (zero-fills, recycles, purges)
//! ```
//!
//! 1. A group is written once somebody flushes, and holds everything that is pending then, or was
//!    when the one before it was done.
//! 2. `committed_lsn` moves, waiters wake and the observer runs only after the sync that
//!    [`SyncPolicy::Always`] promises.
//! 3. Where a commit is only a write to the page cache, or the disk is quick
//!    ([`Options::caller_sync_max`]), the caller that flushes does it, if the writer is not at work
//!    and no segment has to be started.
//! 4. A caller waits for the disk only in [`Wal::wait`], [`Wal::close`], in an append for which the
//!    next segment is not ready yet, and as 3 says.

use std::{
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle, ThreadId},
};

use parking_lot::Mutex;

use crate::{
    Lsn, SyncPolicy, WalError,
    error::VisitError,
    log::Parts,
    options::Options,
    progress::Health,
    record::{Entry, KIND_TRUNCATE, KIND_USER_MAX, RecordRef},
    recovery::RecoveryReport,
    segment::SegmentInfo,
    stats::Stats,
    storage::{LockGuard, Storage},
};

mod group_writer;
mod preparer_thread;
mod shared;
mod syncer_thread;
mod writer_thread;

use group_writer::{GroupWriter, Step};
use preparer_thread::PreparerThread;
use shared::Shared;
use syncer_thread::SyncerThread;
use writer_thread::WriterThread;

/// A write-ahead log with group commit. Clones share it; the last one to go closes it.
#[derive(Clone, Debug)]
pub struct Wal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    groups: Arc<Mutex<GroupWriter>>,
    sync: SyncPolicy,
    report: RecoveryReport,
    thread_ids: Vec<ThreadId>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Wal {
    /// Recovers the log in `dir`, which is created if need be, calls `visit` for every record
    /// beyond `after`, in order, and starts the threads. Records up to `after` count as covered by
    /// a snapshot; the log may start later than they do, but not later than the one after them.
    ///
    /// # Errors
    /// `Locked`; `Corrupt` or `Gap` if acknowledged records are damaged or missing, and then
    /// nothing on disk was changed; `Visit`; `Io`; `InvalidOptions`.
    pub fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        options: Options,
        after: Lsn,
        visit: &mut dyn FnMut(Lsn, RecordRef<'_>) -> Result<(), VisitError>,
    ) -> Result<Wal, WalError> {
        let parts = Parts::open(&storage, dir, &options, after, visit, monotonic_ns)?;
        Wal::start(parts, &options)
    }

    /// Copies a record into the pending group; its number. Numbers follow the order of the calls.
    /// Does not wake the writer: call [`flush`](Wal::flush) after the last of a batch. Waits only
    /// if the next segment is needed and not ready yet.
    ///
    /// # Errors
    /// `StorageFull`, `Busy` or `TooLarge`, and then nothing was logged; `Poisoned`; `Closed`.
    ///
    /// # Panics
    /// If `kind` is above [`KIND_USER_MAX`].
    pub fn append(&self, kind: u8, flags: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        assert!(kind <= KIND_USER_MAX, "kind {kind} belongs to the log");
        self.inner
            .shared
            .append(&Entry { kind, flags, parts }, false)
    }

    /// Like [`append`](Wal::append), but may use the reserve segment: for records that free space
    /// or that must not be refused while the disk is full.
    ///
    /// # Errors
    /// Those of [`append`](Wal::append).
    ///
    /// # Panics
    /// If `kind` is above [`KIND_USER_MAX`].
    pub fn append_reserved(&self, kind: u8, flags: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        assert!(kind <= KIND_USER_MAX, "kind {kind} belongs to the log");
        self.inner
            .shared
            .append(&Entry { kind, flags, parts }, true)
    }

    /// Takes back every record after `lsn`. This is a record of its own, which replay hands to its
    /// visitor so that it drops the records after `lsn` up to this one; numbers never go back.
    ///
    /// # Errors
    /// Those of [`append_reserved`](Wal::append_reserved).
    pub fn truncate_after(&self, lsn: Lsn) -> Result<Lsn, WalError> {
        let parts: [&[u8]; 1] = [&lsn.0.to_le_bytes()];
        self.inner.shared.append(
            &Entry {
                kind: KIND_TRUNCATE,
                flags: 0,
                parts: &parts,
            },
            true,
        )
    }

    /// Has everything appended so far committed. Does not wait for the disk, unless the options have
    /// callers sync while it is quick; then, and without a sync for each group, it is committed on
    /// return as a rule. Cheap while the writer is busy.
    pub fn flush(&self) {
        self.inner.flush();
    }

    /// The last record that is committed as the [`SyncPolicy`] defines it.
    #[must_use]
    pub fn committed_lsn(&self) -> Lsn {
        self.inner.shared.progress.committed_lsn()
    }

    /// The last record that is known to be synced.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.inner.shared.progress.durable_lsn()
    }

    /// The last record that was taken.
    #[must_use]
    pub fn last_lsn(&self) -> Lsn {
        self.inner.shared.stage.lock().staging.last_lsn()
    }

    /// Flushes, and waits until record `lsn` is committed.
    ///
    /// # Errors
    /// `Poisoned`: whether the record is on disk is unknown. `Closed`: the log ended without it.
    pub fn wait(&self, lsn: Lsn) -> Result<(), WalError> {
        self.inner.shared.wait(lsn)
    }

    /// Sets what runs after each commit, and when [`health`](Wal::health) changes, on one of the
    /// log's threads or on one that flushes: it should hand over and return. Replaces the one
    /// before.
    pub fn set_observer(&self, observer: Box<dyn Fn() + Send + Sync>) {
        self.inner.shared.set_observer(observer);
    }

    /// Whether the log takes records.
    #[must_use]
    pub fn health(&self) -> Health {
        let shared = &self.inner.shared;
        shared
            .progress
            .health(shared.stage.lock().staging.starved.as_ref())
    }

    /// When records count as committed.
    #[must_use]
    pub fn sync_policy(&self) -> SyncPolicy {
        self.inner.sync
    }

    /// The live segments, oldest first; the last one is the active one, if the log was written to
    /// since it was opened.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.inner
            .shared
            .progress
            .catalog
            .lock()
            .segments()
            .to_vec()
    }

    /// What the log has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.shared.progress.counters.stats()
    }

    /// What opening it found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.inner.report
    }

    /// Sets the record that each new segment starts with, for state that must not go with a purge.
    /// If the segment in use has none yet, the next append puts it there. It is a record like any
    /// other, with its own number. From now on a purge spares the newest segment that has one.
    ///
    /// # Panics
    /// If `kind` is above [`KIND_USER_MAX`].
    pub fn set_segment_head(&self, kind: u8, flags: u8, body: Vec<u8>) {
        assert!(kind <= KIND_USER_MAX, "kind {kind} belongs to the log");
        self.inner.shared.progress.catalog.lock().use_heads();
        self.inner
            .shared
            .stage
            .lock()
            .staging
            .set_head(kind, flags, body);
    }

    /// Lets the background thread drop the segments whose records are all at or below `through`;
    /// never the active one.
    pub fn purge(&self, through: Lsn) {
        self.inner.shared.purge(through);
    }

    /// Writes and syncs everything pending, seals the log, and ends its threads. Calling it again
    /// answers the same.
    ///
    /// # Errors
    /// `Poisoned`: whether the records since `durable_lsn` are on disk is unknown.
    pub fn close(&self) -> Result<(), WalError> {
        self.inner.close()
    }

    fn start(parts: Parts, options: &Options) -> Result<Wal, WalError> {
        let shared = Arc::new(Shared::new(parts.staging, parts.progress, options));
        let syncer = SyncerThread::new(Arc::clone(&shared), parts.syncer.clone(), options.sync);
        let groups = Arc::new(Mutex::new(GroupWriter::new(
            Arc::clone(&shared),
            parts.writer,
            parts.syncer,
            options.clone(),
        )));
        let writer = WriterThread::new(Arc::clone(&shared), Arc::clone(&groups), options.clone());
        let preparer = PreparerThread::new(Arc::clone(&shared), parts.preparer);
        let mut runs: Vec<(&str, Run)> = vec![
            ("wal-writer", Box::new(move || writer.run())),
            ("wal-preparer", Box::new(move || preparer.run())),
        ];
        if options.sync != SyncPolicy::Always {
            runs.push(("wal-syncer", Box::new(move || syncer.run())));
        }
        let threads = spawn(runs, parts.lock).inspect_err(|_| shared.close())?;
        let thread_ids = threads.iter().map(|handle| handle.thread().id()).collect();
        let threads = Mutex::new(threads);
        Ok(Wal {
            inner: Arc::new(Inner {
                shared,
                groups,
                sync: options.sync,
                report: parts.report,
                thread_ids,
                threads,
            }),
        })
    }
}

type Run = Box<dyn FnOnce() + Send>;

/// Starts the threads; the last one to end gives the lock back.
fn spawn(
    runs: Vec<(&'static str, Run)>,
    lock: Box<dyn LockGuard>,
) -> Result<Vec<JoinHandle<()>>, WalError> {
    let lock = Arc::new(lock);
    let start = |(name, run): (&'static str, Run)| {
        let lock = Arc::clone(&lock);
        let body = move || {
            run();
            drop(lock);
        };
        thread::Builder::new()
            .name(name.into())
            .spawn(body)
            .map_err(WalError::io("start", name))
    };
    runs.into_iter().map(start).collect()
}

impl Inner {
    /// Waking a thread takes longer than writing to the page cache, and as long as a quick sync:
    /// where that is all there is to a commit, the caller does it.
    fn flush(&self) {
        match self.groups.try_lock() {
            Some(mut groups) if groups.is_quick() => {
                self.shared.ask_for_flush();
                let was_unsealed = groups.is_unsealed();
                let step = groups.step();
                let has_more = groups.has_more();
                drop(groups);
                if matches!(step, Ok(Step::Committed)) {
                    self.shared.announce_commit();
                }
                if step.is_err() || has_more || !was_unsealed {
                    // To end, to go on, or to look after the seal.
                    self.shared.flush();
                }
            }
            _ => self.shared.flush(),
        }
    }

    fn close(&self) -> Result<(), WalError> {
        self.shared.close();
        // The observer may close the log, or hold its last handle: a thread cannot wait for itself.
        if !self.thread_ids.contains(&thread::current().id()) {
            self.join();
        }
        self.shared.progress.check_poison()
    }

    fn join(&self) {
        for handle in self.threads.lock().drain(..) {
            if handle.join().is_err() {
                self.shared.poison_quietly("a thread of the log panicked");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Nanoseconds since the first call.
#[expect(
    clippy::disallowed_methods,
    reason = "the threads drive the log, in real time"
)]
fn monotonic_ns() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
