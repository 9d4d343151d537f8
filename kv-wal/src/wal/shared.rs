//! What callers and threads of a log share, and who wakes whom.
//!
//! 1. No lock is held during I/O or while the observer runs.
//! 2. Whoever ends the log (close, poison) wakes everyone who waits for anything.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release, SeqCst},
        },
    },
    thread::Thread,
};

use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};

use crate::{
    Lsn, WalError,
    options::Options,
    progress::Progress,
    record::Entry,
    staging::{Refusal, Staging},
};

type Observer = Arc<dyn Fn() + Send + Sync>;

/// The state behind the one lock.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) staging: Staging,
    pub(super) is_closing: bool,
    /// What the preparer is to purge through.
    pub(super) purge: Option<Lsn>,
    /// Whether the preparer has nothing to do, and no failure to wait out.
    pub(super) is_preparer_idle: bool,
}

pub(super) struct Shared {
    pub(super) stage: Mutex<Stage>,
    pub(super) progress: Arc<Progress>,
    /// The preparer waits here: something is to be prepared or purged.
    pub(super) demand: Condvar,
    /// Appends wait here for a spare.
    supply: Condvar,
    commits: Mutex<()>,
    /// Waiters wait here for a commit.
    committed: Condvar,
    /// Whether what is pending is to be written.
    is_flush_asked: AtomicBool,
    /// Whether the writer sleeps.
    is_parked: AtomicBool,
    writer: OnceLock<Thread>,
    is_finished: AtomicBool,
    sync_wanted: Mutex<bool>,
    /// The syncer waits here between its rounds.
    sync_round: Condvar,
    observer: RwLock<Option<Observer>>,
    pending_bytes_high: usize,
}

impl Shared {
    pub(super) fn new(staging: Staging, progress: Arc<Progress>, options: &Options) -> Shared {
        let stage = Stage {
            staging,
            is_closing: false,
            purge: None,
            is_preparer_idle: false,
        };
        Shared {
            stage: Mutex::new(stage),
            progress,
            demand: Condvar::new(),
            supply: Condvar::new(),
            commits: Mutex::new(()),
            committed: Condvar::new(),
            is_flush_asked: AtomicBool::new(false),
            is_parked: AtomicBool::new(false),
            writer: OnceLock::new(),
            is_finished: AtomicBool::new(false),
            sync_wanted: Mutex::new(false),
            sync_round: Condvar::new(),
            observer: RwLock::new(None),
            pending_bytes_high: options.pending_bytes_max / 2,
        }
    }

    pub(super) fn append(&self, entry: &Entry<'_>, reserved: bool) -> Result<Lsn, WalError> {
        let mut stage = self.stage.lock();
        loop {
            if stage.is_closing {
                return Err(WalError::Closed);
            }
            self.progress.check_poison()?;
            match stage.staging.append(entry, reserved) {
                Ok(lsn) => {
                    self.flush_when_high(stage);
                    return Ok(lsn);
                }
                Err(Refusal::NoSegment { .. }) if stage.staging.starved.is_none() => {
                    self.demand.notify_one();
                    self.supply.wait(&mut stage);
                }
                Err(refusal) => return Err(self.refuse(refusal, &stage)),
            }
        }
    }

    fn refuse(&self, refusal: Refusal, stage: &Stage) -> WalError {
        if refusal == Refusal::Busy {
            self.flush();
        }
        refusal.into_error(stage.staging.starved.as_ref())
    }

    /// A caller that never flushes still gets its records written.
    fn flush_when_high(&self, stage: MutexGuard<'_, Stage>) {
        let is_high = stage.staging.pending_bytes() > self.pending_bytes_high;
        drop(stage);
        if is_high {
            self.flush();
        }
    }

    pub(super) fn wait(&self, lsn: Lsn) -> Result<(), WalError> {
        if self.progress.committed_lsn() >= lsn {
            return Ok(());
        }
        self.flush();
        let mut commits = self.commits.lock();
        while self.progress.committed_lsn() < lsn {
            self.progress.check_poison()?;
            if self.is_finished.load(Acquire) {
                return Err(WalError::Closed);
            }
            self.committed.wait(&mut commits);
        }
        Ok(())
    }

    pub(super) fn purge(&self, through: Lsn) {
        let mut stage = self.stage.lock();
        stage.purge = stage.purge.max(Some(through));
        self.demand.notify_one();
    }

    pub(super) fn set_observer(&self, observer: Box<dyn Fn() + Send + Sync>) {
        *self.observer.write() = Some(observer.into());
    }

    /// Tells the observer, and nobody else.
    pub(super) fn observe(&self) {
        let observer = self.observer.read().clone();
        if let Some(observer) = observer {
            observer();
        }
    }

    /// Tells everyone who waits for a commit.
    pub(super) fn announce_commit(&self) {
        self.wake_waiters();
        self.observe();
    }

    /// Lets appends look for a spare again.
    pub(super) fn announce_supply(&self) {
        self.supply.notify_all();
    }

    /// Poisons the log and tells everyone, the observer too.
    pub(super) fn poison(&self, reason: &str) {
        self.poison_quietly(reason);
        self.observe();
    }

    /// Poisons the log and wakes everyone, without running the observer.
    pub(super) fn poison_quietly(&self, reason: &str) {
        self.progress.poison(reason);
        self.wake_everyone();
    }

    pub(super) fn close(&self) {
        self.stage.lock().is_closing = true;
        self.wake_everyone();
    }

    /// The writer is done; nothing more will be committed. The observer runs a last time and is
    /// forgotten, with the handle that it may hold.
    pub(super) fn finish(&self) {
        self.is_finished.store(true, Release);
        self.wake_everyone();
        self.observe();
        let observer = self.observer.write().take();
        drop(observer);
    }

    /// After the log was poisoned or closed, so that everyone who waits sees it.
    pub(super) fn wake_everyone(&self) {
        drop(self.stage.lock());
        self.supply.notify_all();
        self.demand.notify_all();
        self.wake_syncer();
        self.wake_writer();
        self.wake_waiters();
    }

    fn wake_waiters(&self) {
        drop(self.commits.lock());
        self.committed.notify_all();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.stage.lock().is_closing
    }

    pub(super) fn set_writer(&self, thread: Thread) {
        drop(self.writer.set(thread));
    }

    /// Has everything appended so far written, with what comes until the writer takes it.
    pub(super) fn flush(&self) {
        self.ask_for_flush();
        self.wake_writer();
    }

    /// The same for one who writes it.
    pub(super) fn ask_for_flush(&self) {
        self.is_flush_asked.store(true, SeqCst);
    }

    /// Whether a flush was asked for since the last call.
    pub(super) fn take_flush(&self) -> bool {
        self.is_flush_asked.swap(false, SeqCst)
    }

    pub(super) fn is_flush_asked(&self) -> bool {
        self.is_flush_asked.load(SeqCst)
    }

    fn wake_writer(&self) {
        if !self.is_parked.load(SeqCst) || !self.is_parked.swap(false, SeqCst) {
            return;
        }
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// The writer is about to sleep. It must look for work once more before it does.
    pub(super) fn announce_parked(&self) {
        self.is_parked.store(true, SeqCst);
    }

    /// The writer slept; whether it was woken on purpose.
    pub(super) fn was_woken(&self) -> bool {
        !self.is_parked.swap(false, SeqCst)
    }

    pub(super) fn is_writer_idle(&self) -> bool {
        self.is_parked.load(Relaxed)
    }

    pub(super) fn wake_syncer(&self) {
        *self.sync_wanted.lock() = true;
        self.sync_round.notify_all();
    }

    /// Waits for `wake_syncer`, or for `interval` to pass if there is one.
    pub(super) fn await_sync_round(&self, interval: Option<std::time::Duration>) {
        let mut wanted = self.sync_wanted.lock();
        if !*wanted {
            match interval {
                Some(interval) => {
                    self.sync_round.wait_for(&mut wanted, interval);
                }
                None => self.sync_round.wait(&mut wanted),
            }
        }
        *wanted = false;
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

/// Poisons the log if its thread panics, so that nobody waits for ever.
pub(super) struct PoisonOnPanic(pub(super) Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison_quietly("a thread of the log panicked");
        }
    }
}
