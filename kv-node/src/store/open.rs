//! Opens a data directory: locks it, loads the newest snapshot, replays the log after it.
//!
//! ```text
//! data dir = LOCK | MANIFEST | wal/ | snapshot/ | model/
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kv_index::IndexOptions;
use kv_wal::{DiskStorage, LockGuard, Log, Lsn, RecordRef, Storage, Wal, WalError};

use super::planted::Bug;
use super::replay::replay;
use super::snapshots::Snapshots;
use super::training::Models;
use super::{Clock, InlineJournal, Journal, Limits, Parts, SnapshotOptions, Store, SystemClock};
use crate::db::{Db, Writer};
use crate::snapshot::{self, Manifest, SnapshotError};

/// The settings of a store on a disk.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where everything is kept; created if need be.
    pub data_dir: PathBuf,
    /// Of the log; above all, when it syncs.
    pub wal: kv_wal::Options,
    /// What requests may use.
    pub limits: Limits,
    /// When snapshots are written, and how fast.
    pub snapshot: SnapshotOptions,
    /// What is indexed, and how. Default: everything.
    pub indexes: IndexOptions,
    /// What the order of keys in scans and files follows from. Default `None`: the operating
    /// system's choice. A fixed one makes every file reproducible, and lets clients choose keys
    /// that collide.
    pub hash_seed: Option<u64>,
    /// A deliberate fault.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<Bug>,
}

impl StoreOptions {
    /// Default settings for a store in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> StoreOptions {
        StoreOptions {
            data_dir: data_dir.into(),
            wal: kv_wal::Options::default(),
            limits: Limits::default(),
            snapshot: SnapshotOptions::default(),
            indexes: IndexOptions::default(),
            hash_seed: None,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

impl StoreOptions {
    #[cfg(feature = "planted-bugs")]
    pub(super) fn plants(&self, bug: Bug) -> bool {
        self.planted == Some(bug)
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[expect(
        clippy::unused_self,
        reason = "the feature's version reads the options"
    )]
    pub(super) fn plants(&self, _bug: Bug) -> bool {
        false
    }
}

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be created, read or locked.
    #[error("{source}")]
    Dir {
        /// The directory.
        dir: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error("{holder}")]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who holds it, as `locked by kv-node pid 4121`.
        holder: String,
    },
    /// The snapshots cannot be used, and the log does not reach back to before them.
    #[error("{source}")]
    Snapshot {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: SnapshotError,
    },
    /// The log cannot be used.
    #[error("{source}")]
    Log {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: WalError,
    },
    /// The system has no thread for us.
    #[error("cannot start thread {name}: {source}")]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl OpenError {
    /// What failed, for a person; the error itself says why.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            OpenError::Dir { dir, .. }
            | OpenError::Locked { dir, .. }
            | OpenError::Snapshot { dir, .. }
            | OpenError::Log { dir, .. } => format!("cannot open data dir {}", dir.display()),
            OpenError::Thread { .. } => "cannot start".to_owned(),
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            OpenError::Dir { .. } => "check that the directory is writable, or use --data-dir",
            OpenError::Locked { .. } => "stop that process, or use --data-dir",
            OpenError::Snapshot { .. } => "restore the directory from a backup",
            OpenError::Log { source, .. } if source.kind() == kv_wal::ErrorKind::Corrupt => {
                "restore the directory from a backup; `kv wal-dump` shows what can be read"
            }
            OpenError::Log { .. } => "see the cause; nothing was changed on the disk",
            OpenError::Thread { .. } => "raise the limit on threads or memory",
        }
    }
}

/// Where the log is, in the data directory.
const WAL_DIR: &str = "wal";

/// Held for as long as the store is open.
const LOCK_FILE: &str = "LOCK";

impl Store {
    /// Opens the store in `options.data_dir`.
    ///
    /// # Errors
    /// If the directory cannot be used, or holds data that is damaged.
    pub fn open(options: &StoreOptions) -> Result<Arc<Store>, OpenError> {
        let storage = DiskStorage::open(&options.data_dir).map_err(dir_error(options))?;
        Store::open_on(Arc::new(storage), Arc::new(SystemClock), options)
    }

    /// Opens the store on a disk of the caller's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: &StoreOptions,
    ) -> Result<Arc<Store>, OpenError> {
        let wal = options.wal.clone();
        open_with(storage, clock, options, |storage, after, visit| {
            let journal = Wal::open(storage, Path::new(WAL_DIR), wal, after, visit)?;
            Ok(Arc::new(journal))
        })
    }

    /// Opens the store with a log that does everything on the caller's thread; then the same calls
    /// do the same to the disk every time.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_inline(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: &StoreOptions,
    ) -> Result<Arc<Store>, OpenError> {
        let wal = options.wal.clone();
        open_with(storage, clock, options, |storage, after, visit| {
            let log = Log::open(storage, Path::new(WAL_DIR), wal, after, visit)?;
            Ok(Arc::new(InlineJournal::new(log)))
        })
    }
}

#[cfg(test)]
impl Store {
    /// Opens the store as [`Store::open_inline`], with a log of the caller's around that one.
    pub(crate) fn open_wrapped<J: Journal>(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: &StoreOptions,
        wrap: impl FnOnce(InlineJournal) -> Arc<J>,
    ) -> (Arc<Store>, Arc<J>) {
        let mut wrapped = None;
        let store = open_with(storage, clock, options, |storage, after, visit| {
            let wal = options.wal.clone();
            let log = Log::open(storage, Path::new(WAL_DIR), wal, after, visit)?;
            let journal = wrap(InlineJournal::new(log));
            wrapped = Some(Arc::clone(&journal));
            Ok(journal)
        });
        (store.unwrap(), wrapped.unwrap())
    }
}

/// What the log calls with each record that is replayed.
type Visit<'a> =
    &'a mut dyn FnMut(Lsn, RecordRef<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn open_with(
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    options: &StoreOptions,
    open_journal: impl FnOnce(Arc<dyn Storage>, Lsn, Visit<'_>) -> Result<Arc<dyn Journal>, WalError>,
) -> Result<Arc<Store>, OpenError> {
    let lock = lock(&*storage, options)?;
    let db = Db::with_indexes(options.hash_seed, &options.indexes);
    let mut writer = db.writer();
    let manifest = Manifest::load(&*storage).map_err(snapshot_error(options))?;
    snapshot::remove_unnamed(&*storage, &manifest).map_err(snapshot_error(options))?;
    let (manifest, damage) =
        load_newest(&*storage, manifest, &mut writer).map_err(snapshot_error(options))?;
    drop(writer);
    let after = Lsn(db.applied().index);
    let (journal, replayed_bytes) = replay(&db, |replay| {
        open_journal(Arc::clone(&storage), after, &mut |lsn, record| {
            Ok(replay.take(lsn, &record)?)
        })
    });
    let models = Models::open(&*storage, &db, options.indexes.learns);
    db.start_indexing();
    let journal = match (journal, damage) {
        (Ok(journal), damage) => Ok((journal, damage)),
        (Err(WalError::Gap { .. }), Some(damage)) => Err(snapshot_error(options)(damage)),
        (Err(error), _) => Err(log_error(options)(error)),
    };
    let (journal, damage) = journal?;
    let damage = damage.map(|damage| damage.to_string());
    let parts = Parts {
        db,
        storage,
        journal,
        clock,
        lock,
        snapshots: Snapshots::new(manifest.clone(), replayed_bytes, damage),
        models,
    };
    let store = Store::new(parts, options);
    store.purge(&manifest);
    Ok(store)
}

/// Loads the newest generation that is whole. Returns the manifest from that one on, and what is
/// wrong with a newer one; then the log must reach back further, or something is lost.
fn load_newest(
    storage: &dyn Storage,
    mut manifest: Manifest,
    writer: &mut Writer<'_>,
) -> Result<(Manifest, Option<SnapshotError>), SnapshotError> {
    let mut damage = None;
    while let Some(newest) = manifest.generations.first() {
        match snapshot::load(storage, newest, writer) {
            Ok(()) => break,
            Err(error) if error.is_damage() => {
                tracing::error!(%error, index = newest.stamp.index, "a snapshot is damaged: falling back");
                damage.get_or_insert(error);
                manifest.generations.remove(0);
                writer.reset();
            }
            Err(error) => return Err(error),
        }
    }
    Ok((manifest, damage))
}

fn lock(storage: &dyn Storage, options: &StoreOptions) -> Result<Box<dyn LockGuard>, OpenError> {
    storage.lock(Path::new(LOCK_FILE)).map_err(|error| {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            return OpenError::Locked {
                dir: options.data_dir.clone(),
                holder: error.to_string(),
            };
        }
        dir_error(options)(error)
    })
}

fn dir_error(options: &StoreOptions) -> impl FnOnce(std::io::Error) -> OpenError {
    let dir = options.data_dir.clone();
    |source| OpenError::Dir { dir, source }
}

fn log_error(options: &StoreOptions) -> impl FnOnce(WalError) -> OpenError {
    let dir = options.data_dir.clone();
    |source| OpenError::Log { dir, source }
}

fn snapshot_error(options: &StoreOptions) -> impl FnOnce(SnapshotError) -> OpenError {
    let dir = options.data_dir.clone();
    |source| OpenError::Snapshot { dir, source }
}
