//! A journal without threads: whoever flushes does the work, and so the same calls do the same to
//! the disk every time. For crash tests and simulations.

use kv_wal::{Health, Log, Lsn, SyncPolicy, WalError};
use parking_lot::Mutex;

use super::{Journal, JournalStats};

/// [`Log`] as a [`Journal`].
pub struct InlineJournal {
    log: Mutex<Log>,
    observer: Mutex<Option<Observer>>,
}

type Observer = std::sync::Arc<dyn Fn() + Send + Sync>;

impl InlineJournal {
    /// A journal on `log`.
    #[must_use]
    pub fn new(log: Log) -> InlineJournal {
        InlineJournal {
            log: Mutex::new(log),
            observer: Mutex::new(None),
        }
    }

    fn observe(&self) {
        let observer = self.observer.lock().clone();
        if let Some(observer) = observer {
            observer();
        }
    }
}

impl Journal for InlineJournal {
    fn append(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        self.log.lock().append(kind, 0, parts)
    }

    fn append_reserved(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        self.log.lock().append_reserved(kind, 0, parts)
    }

    fn flush(&self) {
        // A failure poisons the log: whoever waits learns it from there.
        drop(self.log.lock().commit());
        self.observe();
    }

    fn wait(&self, lsn: Lsn) -> Result<(), WalError> {
        let committed = self.log.lock().commit()?;
        assert!(committed >= lsn, "a commit covers everything appended");
        Ok(())
    }

    fn committed_lsn(&self) -> Lsn {
        self.log.lock().committed_lsn()
    }

    fn durable_lsn(&self) -> Lsn {
        self.log.lock().durable_lsn()
    }

    fn syncs_each_group(&self) -> bool {
        self.log.lock().sync_policy() == SyncPolicy::Always
    }

    fn health(&self) -> Health {
        self.log.lock().health()
    }

    fn purge(&self, through: Lsn) {
        drop(self.log.lock().purge(through));
    }

    fn stats(&self) -> JournalStats {
        let log = self.log.lock();
        JournalStats {
            stats: log.stats(),
            last_lsn: log.last_lsn().0,
            segment_count: log.segments().len(),
        }
    }

    fn set_observer(&self, observer: Box<dyn Fn() + Send + Sync>) {
        *self.observer.lock() = Some(observer.into());
    }

    fn close(&self) -> Result<(), WalError> {
        let sealed = self.log.lock().seal();
        self.observe();
        sealed
    }
}
