//! How far the log has got, as every thread may read it without a lock.

use std::sync::{
    Arc, OnceLock,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

use parking_lot::Mutex;

use crate::{Lsn, WalError, catalog::Catalog, stats::Counters};

#[derive(Debug)]
pub(crate) struct Progress {
    committed: AtomicU64,
    durable: AtomicU64,
    poison: OnceLock<Arc<str>>,
    pub(crate) counters: Counters,
    pub(crate) catalog: Mutex<Catalog>,
}

impl Progress {
    pub(crate) fn new(last: Lsn, catalog: Catalog) -> Progress {
        Progress {
            committed: AtomicU64::new(last.0),
            durable: AtomicU64::new(last.0),
            poison: OnceLock::new(),
            counters: Counters::default(),
            catalog: Mutex::new(catalog),
        }
    }

    pub(crate) fn committed_lsn(&self) -> Lsn {
        Lsn(self.committed.load(Acquire))
    }

    pub(crate) fn durable_lsn(&self) -> Lsn {
        Lsn(self.durable.load(Acquire))
    }

    pub(crate) fn commit(&self, lsn: Lsn) {
        self.committed.fetch_max(lsn.0, Release);
    }

    pub(crate) fn make_durable(&self, lsn: Lsn) {
        self.durable.fetch_max(lsn.0, Release);
    }

    /// Stops the log for good; the first reason stays.
    pub(crate) fn poison(&self, reason: impl Into<Arc<str>>) -> WalError {
        WalError::Poisoned(Arc::clone(self.poison.get_or_init(|| reason.into())))
    }

    pub(crate) fn poisoned(&self) -> Option<&Arc<str>> {
        self.poison.get()
    }

    pub(crate) fn health(&self, starved: Option<&Arc<str>>) -> Health {
        match (self.poisoned(), starved) {
            (Some(reason), _) => Health::Poisoned(Arc::clone(reason)),
            (None, Some(reason)) => Health::StorageFull(Arc::clone(reason)),
            (None, None) => Health::Ok,
        }
    }

    pub(crate) fn check_poison(&self) -> Result<(), WalError> {
        self.poisoned()
            .map_or(Ok(()), |reason| Err(WalError::Poisoned(Arc::clone(reason))))
    }
}

/// Whether a log takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It does.
    Ok,
    /// The next segment cannot be made, for this reason: once the active one is full, records are
    /// refused until there is room. Heals by itself.
    StorageFull(Arc<str>),
    /// A write or sync failed, for this reason: nothing is taken or confirmed any more.
    Poisoned(Arc<str>),
}
