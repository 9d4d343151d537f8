//! Open files and held locks of the simulated disk.

use std::{io, path::PathBuf, sync::Arc};

use parking_lot::Mutex;

use super::disk::{Disk, input_output_error};
use crate::storage::{LockGuard, StorageFile};

#[derive(Debug)]
pub(super) struct SimLock {
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) path: PathBuf,
}

impl LockGuard for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.lock().image.locks.remove(&self.path);
    }
}

pub(super) struct SimFile {
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) inode: u64,
}

impl std::fmt::Debug for SimFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimFile")
            .field("inode", &self.inode)
            .finish_non_exhaustive()
    }
}

impl StorageFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.lock();
        disk.check_power()?;
        disk.reads += 1;
        if disk.fail_read_at == Some(disk.reads) {
            return Err(input_output_error());
        }
        Ok(disk.image.inode(self.inode).read(buf, offset))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.disk.lock().change(|disk| {
            disk.grow(self.inode, offset + buf.len() as u64)?;
            disk.image.inode_mut(self.inode).write(buf, offset);
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.lock().sync_file(self.inode)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.lock().sync_file(self.inode)
    }

    fn len(&self) -> io::Result<u64> {
        let disk = self.disk.lock();
        disk.check_power()?;
        Ok(disk.image.inode(self.inode).len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.lock().change(|disk| {
            disk.grow(self.inode, len)?;
            disk.image.inode_mut(self.inode).set_len(len);
            Ok(())
        })
    }

    fn allocate(&self, len: u64) -> io::Result<bool> {
        self.disk.lock().change(|disk| {
            disk.grow(self.inode, len)?;
            let len = len.max(disk.image.inode(self.inode).len());
            disk.image.inode_mut(self.inode).set_len(len);
            Ok(true)
        })
    }
}
