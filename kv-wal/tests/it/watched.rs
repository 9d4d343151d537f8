//! A disk that tells whether everything written is synced, and that can hold syncs up.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use kv_wal::{LockGuard, OpenMode, SimStorage, Storage, StorageFile};
use parking_lot::{Condvar, Mutex};

#[derive(Clone, Debug)]
pub(crate) struct WatchedStorage {
    disk: SimStorage,
    watch: Arc<Watch>,
}

#[derive(Debug, Default)]
struct Watch {
    /// Writes to live segments that no sync of theirs has followed.
    unsynced: AtomicU64,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    is_shut: bool,
    waiting: usize,
}

impl WatchedStorage {
    pub(crate) fn new() -> WatchedStorage {
        WatchedStorage {
            disk: SimStorage::new(1),
            watch: Arc::default(),
        }
    }

    pub(crate) fn has_unsynced_bytes(&self) -> bool {
        self.watch.unsynced.load(SeqCst) > 0
    }

    /// Holds up every sync of a live segment until the guard is dropped.
    pub(crate) fn hold_syncs(&self) -> Held {
        self.watch.gate.lock().is_shut = true;
        Held(Arc::clone(&self.watch))
    }
}

pub(crate) struct Held(Arc<Watch>);

impl Held {
    pub(crate) fn await_one_held(&self) {
        let mut gate = self.0.gate.lock();
        while gate.waiting == 0 {
            self.0.changed.wait(&mut gate);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.gate.lock().is_shut = false;
        self.0.changed.notify_all();
    }
}

impl Watch {
    fn pass(&self) {
        let mut gate = self.gate.lock();
        gate.waiting += 1;
        self.changed.notify_all();
        while gate.is_shut {
            self.changed.wait(&mut gate);
        }
        gate.waiting -= 1;
    }
}

impl Storage for WatchedStorage {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn StorageFile>> {
        let file = self.disk.open(path, mode)?;
        // A spare being filled is nobody's promise; one being opened to be written to is.
        let is_live = mode == OpenMode::Write;
        Ok(Box::new(WatchedFile {
            file,
            is_live,
            watch: Arc::clone(&self.watch),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.disk.exists(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        self.disk.lock(path)
    }
}

#[derive(Debug)]
struct WatchedFile {
    file: Box<dyn StorageFile>,
    is_live: bool,
    watch: Arc<Watch>,
}

impl StorageFile for WatchedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.watch
            .unsynced
            .fetch_add(u64::from(self.is_live), SeqCst);
        self.file.write_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        if !self.is_live {
            return self.file.sync_data();
        }
        let covered = self.watch.unsynced.load(SeqCst);
        self.watch.pass();
        self.file.sync_data()?;
        self.watch.unsynced.fetch_sub(covered, SeqCst);
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<bool> {
        self.file.allocate(len)
    }
}
