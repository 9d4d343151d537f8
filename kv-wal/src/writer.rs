//! Writes groups to the active segment and makes them durable.
//!
//! 1. A group is committed, with [`SyncPolicy::Always`], only after its sync returned.
//! 2. A segment is used only after its header, then its name, are durable.
//! 3. The first failure ends it: no write and no sync is tried again.
//!
//! Owned by one thread. Never decides what to write or when.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    Lsn, WalError,
    options::{Options, SyncPolicy},
    planted::Bug,
    progress::Progress,
    segment::{SECTOR_BYTES, SegmentHeader, SegmentInfo, Spare, salt},
    staging::Batch,
    storage::{OpenMode, Storage, StorageFile},
};

/// Segments that may wait for their sync before the writer itself sees to it.
const UNSYNCED_FILES_MAX: usize = 4;

/// Files written to but not synced, and the last record in them.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    files: Vec<Arc<dyn StorageFile>>,
    written: Lsn,
}

#[derive(Debug)]
struct Active {
    file: Arc<dyn StorageFile>,
    salt: u32,
    offset: u64,
}

/// Reads nanoseconds from some fixed moment on.
pub(crate) type Clock = fn() -> u64;

#[derive(Debug)]
pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    options: Options,
    salt_seed: u64,
    next_seq: u64,
    active: Option<Active>,
    progress: Arc<Progress>,
    syncer: Syncer,
}

impl Writer {
    pub(crate) fn new(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        options: &Options,
        next_seq: u64,
        progress: &Arc<Progress>,
        clock: Clock,
    ) -> Writer {
        Writer {
            storage: Arc::clone(storage),
            dir: dir.to_path_buf(),
            salt_seed: options.salt_seed.unwrap_or_else(random_seed),
            options: options.clone(),
            next_seq,
            active: None,
            syncer: Syncer::new(Arc::clone(progress), clock),
            progress: Arc::clone(progress),
        }
    }

    /// What syncs the files that this writes to; another thread may have it.
    pub(crate) fn syncer(&self) -> Syncer {
        self.syncer.clone()
    }

    /// Writes a batch, and syncs it if that is the policy.
    ///
    /// # Errors
    /// `Poisoned`, now and from then on.
    pub(crate) fn write(&mut self, batch: &mut Batch) -> Result<(), WalError> {
        self.progress.check_poison()?;
        self.write_batch(batch).map_err(|error| match error {
            Failure::Io(step, error) => self.progress.poison(format!("{step}: {error}")),
            Failure::Poisoned(error) => error,
        })
    }

    fn write_batch(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        if let Some(spare) = batch.spare.take() {
            self.start_segment(&spare, batch.first_lsn)?;
            if batch.group.records() == 0 {
                return Ok(());
            }
        }
        let active = self
            .active
            .as_mut()
            .expect("the first batch brings a segment");
        let last = batch.last_lsn();
        let bytes = batch
            .group
            .finish(active.salt, batch.first_lsn, self.progress.durable_lsn());
        let group_bytes = bytes.len() as u64;
        active
            .file
            .write_at(bytes, active.offset)
            .map_err(failed("cannot write to the log"))?;
        active.offset += group_bytes;
        self.syncer.wrote(&active.file, last);
        self.progress
            .counters
            .wrote_group(batch.group.records(), group_bytes);
        let used_bytes = active.offset;
        if self.options.sync == SyncPolicy::Always {
            if self.options.plants(Bug::AckBeforeSync) {
                self.progress.commit(last);
            }
            self.syncer.sync()?;
        }
        self.progress.commit(last);
        self.progress
            .catalog
            .lock()
            .extend(used_bytes, batch.has_head);
        Ok(())
    }

    /// Turns a spare into the active segment.
    fn start_segment(&mut self, spare: &Spare, first_lsn: Lsn) -> Result<(), Failure> {
        if self.syncer.files() >= UNSYNCED_FILES_MAX {
            self.syncer.sync()?;
        }
        let header = SegmentHeader {
            seq: self.next_seq,
            first_lsn,
            durable_lsn: self.progress.durable_lsn(),
            segment_bytes: spare.segment_bytes,
            salt: salt(self.salt_seed, self.next_seq),
        };
        let path = self.dir.join(header.file_name());
        let file = self
            .publish(spare, &header, &path)
            .map_err(failed("cannot start a segment"))?;
        self.next_seq += 1;
        self.active = Some(Active {
            file,
            salt: header.salt,
            offset: SECTOR_BYTES,
        });
        self.progress.catalog.lock().activate(SegmentInfo {
            seq: header.seq,
            first_lsn,
            path,
            segment_bytes: header.segment_bytes,
            used_bytes: SECTOR_BYTES,
            has_head: false,
        });
        Ok(())
    }

    /// Header, sync, rename, sync of the directory: in this order.
    fn publish(
        &self,
        spare: &Spare,
        header: &SegmentHeader,
        path: &Path,
    ) -> io::Result<Arc<dyn StorageFile>> {
        let file: Arc<dyn StorageFile> = self.storage.open(&spare.path, OpenMode::Write)?.into();
        file.write_at(&header.encode(), 0)?;
        file.sync_data()?;
        self.storage.rename(&spare.path, path)?;
        if !self.options.plants(Bug::NoDirectorySync) {
            self.storage.sync_dir(&self.dir)?;
        }
        Ok(file)
    }
}

/// Makes what was written durable.
#[derive(Clone, Debug)]
pub(crate) struct Syncer {
    unsynced: Arc<Mutex<Unsynced>>,
    /// Held during a sync: one that overtook another would claim the other's files as durable.
    turn: Arc<Mutex<()>>,
    progress: Arc<Progress>,
    clock: Clock,
}

impl Syncer {
    fn new(progress: Arc<Progress>, clock: Clock) -> Syncer {
        Syncer {
            unsynced: Arc::default(),
            turn: Arc::default(),
            progress,
            clock,
        }
    }

    fn wrote(&self, file: &Arc<dyn StorageFile>, last: Lsn) {
        let mut unsynced = self.unsynced.lock();
        unsynced.written = last;
        if !unsynced.files.iter().any(|known| Arc::ptr_eq(known, file)) {
            unsynced.files.push(Arc::clone(file));
        }
    }

    /// Files that have to be synced.
    pub(crate) fn files(&self) -> usize {
        self.unsynced.lock().files.len()
    }

    /// Syncs everything written before the call.
    ///
    /// # Errors
    /// The first failure; it poisons the log, and what is durable beyond `durable_lsn` is unknown.
    pub(crate) fn sync(&self) -> Result<(), WalError> {
        let _turn = self.turn.lock();
        self.progress.check_poison()?;
        let (files, written) = {
            let mut unsynced = self.unsynced.lock();
            (std::mem::take(&mut unsynced.files), unsynced.written)
        };
        for file in files {
            let start = (self.clock)();
            if let Err(error) = file.sync_data() {
                return Err(self
                    .progress
                    .poison(format!("cannot sync the log: {error}")));
            }
            self.progress
                .counters
                .synced((self.clock)().saturating_sub(start));
        }
        self.progress.make_durable(written);
        Ok(())
    }
}

enum Failure {
    Io(&'static str, io::Error),
    Poisoned(WalError),
}

impl From<WalError> for Failure {
    fn from(error: WalError) -> Failure {
        Failure::Poisoned(error)
    }
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::Io(step, error)
}

/// A seed that nobody outside can guess, from the operating system by way of the standard library.
fn random_seed() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(0u64)
}
