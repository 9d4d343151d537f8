//! A deterministic disk that loses, tears and breaks things on purpose.
//!
//! 1. Everything that happens follows from the seed and the order of the calls.
//! 2. At a cut, whatever was not synced survives or not by the seed: bytes sector by sector (512
//!    bytes, each wholly old or wholly new), a file's new length, and each created, renamed or
//!    removed name by itself. Stricter than any real file system, so that the code above relies on
//!    nothing but the rules of [`Storage`].
//! 3. After a cut every call fails, until [`reboot`](SimStorage::reboot) gives what survived.
//! 4. A failed file sync drops what it should have written: the bytes can be read back, yet no later
//!    sync writes them, as Linux does it.
//!
//! Operations are counted from 1: every create, write, resize, rename, remove, sync and directory
//! change. Reads and locks are not.

use std::{io, path::Path, sync::Arc};

use parking_lot::Mutex;

use super::{LockGuard, OpenMode, Storage, StorageFile};

mod disk;
mod file;
mod image;
mod inode;
mod random;

use disk::{Disk, input_output_error};
use file::{SimFile, SimLock};
use image::{Image, NameChange};
use random::Random;

#[cfg(test)]
mod tests;

/// What becomes of unsynced changes when the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// All are lost.
    Nothing,
    /// All made it to the disk.
    Everything,
    /// Each by itself, by the seed.
    Random(u64),
}

/// A simulated disk. Clones share it.
#[derive(Clone, Debug)]
pub struct SimStorage {
    disk: Arc<Mutex<Disk>>,
}

impl SimStorage {
    /// An empty disk without limits or faults.
    #[must_use]
    pub fn new(seed: u64) -> SimStorage {
        SimStorage::with_image(Image::default(), seed, u64::MAX)
    }

    /// Cuts the power during the `n`th operation: it takes effect unsynced, and fails.
    pub fn cut_at(&self, n: u64) {
        self.disk.lock().cut_at = Some(n);
    }

    /// Cuts the power now.
    pub fn cut(&self) {
        self.disk.lock().is_cut = true;
    }

    /// Fails the `n`th operation with an I/O error, without effect.
    pub fn fail_operation_at(&self, n: u64) {
        self.disk.lock().fail_operation_at = Some(n);
    }

    /// Fails the `n`th sync, of a file or a directory, with an I/O error.
    pub fn fail_sync_at(&self, n: u64) {
        self.disk.lock().fail_sync_at = Some(n);
    }

    /// Fails every sync from now on with an I/O error.
    pub fn fail_all_syncs(&self) {
        self.disk.lock().fail_all_syncs = true;
    }

    /// Fails the `n`th read with an I/O error.
    pub fn fail_read_at(&self, n: u64) {
        self.disk.lock().fail_read_at = Some(n);
    }

    /// Bytes that all files together may have. No limit at first; may be raised or lowered any time.
    pub fn set_capacity(&self, bytes: u64) {
        self.disk.lock().capacity_bytes = bytes;
    }

    /// Bytes that all files together have.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.disk.lock().image.used_bytes()
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.disk.lock().operations
    }

    /// Syncs so far, of files and directories.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.disk.lock().syncs
    }

    /// Reads so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.disk.lock().reads
    }

    /// Whether the power is cut.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.disk.lock().is_cut
    }

    /// The disk after a power cut now and a restart, the survivors chosen by this disk's seed.
    #[must_use]
    pub fn reboot(&self) -> SimStorage {
        let (seed, operations) = {
            let disk = self.disk.lock();
            (disk.seed, disk.operations)
        };
        let mut random = Random::new(seed ^ operations.rotate_left(32));
        let survival = match random.below(8) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            _ => Survival::Random(random.next()),
        };
        self.reboot_with(survival)
    }

    /// The disk after a power cut now and a restart. This disk stays as it is; no fault carries over.
    #[must_use]
    pub fn reboot_with(&self, survival: Survival) -> SimStorage {
        let disk = self.disk.lock();
        let seed = Random::new(disk.seed).next();
        SimStorage::with_image(disk.image.survivors(survival), seed, disk.capacity_bytes)
    }

    /// The bytes of a file, as a reader sees them now.
    #[must_use]
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.disk.lock();
        let id = disk.image.lookup(path)?;
        Some(disk.image.inode(id).contents().to_vec())
    }

    /// Puts a file there, durably, replacing one of the same name. Not counted as an operation.
    pub fn plant(&self, path: &Path, bytes: Vec<u8>) {
        self.disk.lock().image.plant(path, bytes);
    }

    /// Turns one bit over, in the cache and on the disk. `false` if there is no such byte.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> bool {
        let mut disk = self.disk.lock();
        let Some(id) = disk.image.lookup(path) else {
            return false;
        };
        disk.image.inode_mut(id).flip_bit(offset, bit)
    }

    fn with_image(image: Image, seed: u64, capacity_bytes: u64) -> SimStorage {
        let disk = Disk::new(image, seed, capacity_bytes);
        SimStorage {
            disk: Arc::new(Mutex::new(disk)),
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

impl Storage for SimStorage {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.disk.lock();
        disk.check_power()?;
        let inode = match mode {
            OpenMode::CreateNew => disk.change(|disk| disk.create(path))?,
            OpenMode::Read | OpenMode::Write => disk.existing(path)?,
        };
        Ok(Box::new(SimFile {
            disk: Arc::clone(&self.disk),
            inode,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.lock().change(|disk| {
            let inode = disk.existing(from)?;
            let change = NameChange::Move {
                from: from.into(),
                to: to.into(),
                inode,
            };
            disk.image.change_name(change);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.lock().change(|disk| {
            disk.existing(path)?;
            disk.image
                .change_name(NameChange::Unbind { path: path.into() });
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let disk = self.disk.lock();
        disk.check_power()?;
        if !disk.image.has_dir(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(disk.image.list(dir))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.lock().change(|disk| {
            disk.image.add_dirs(dir);
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut disk = self.disk.lock();
        if disk.begin_sync()? {
            return Err(input_output_error());
        }
        disk.image.sync_dir(dir);
        Ok(())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let disk = self.disk.lock();
        disk.check_power()?;
        Ok(disk.image.lookup(path).is_some() || disk.image.has_dir(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        let mut disk = self.disk.lock();
        disk.check_power()?;
        if !disk.image.locks.insert(path.into()) {
            let holder = "locked by simulation pid 1";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, holder));
        }
        Ok(Box::new(SimLock {
            disk: Arc::clone(&self.disk),
            path: path.into(),
        }))
    }
}
