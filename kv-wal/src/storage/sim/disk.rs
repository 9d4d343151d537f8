//! The simulated disk's state: its image, what was counted, and which faults are due.

use std::{io, path::Path};

use super::{
    image::{Image, NameChange},
    parent,
};

#[derive(Debug)]
pub(super) struct Disk {
    pub(super) image: Image,
    pub(super) seed: u64,
    pub(super) operations: u64,
    pub(super) syncs: u64,
    pub(super) reads: u64,
    pub(super) capacity_bytes: u64,
    pub(super) is_cut: bool,
    pub(super) cut_at: Option<u64>,
    pub(super) fail_operation_at: Option<u64>,
    pub(super) fail_sync_at: Option<u64>,
    pub(super) fail_read_at: Option<u64>,
    pub(super) fail_all_syncs: bool,
}

fn power_cut() -> io::Error {
    io::Error::other("simulated power cut")
}

pub(super) fn input_output_error() -> io::Error {
    io::Error::other("simulated input/output error")
}

impl Disk {
    pub(super) fn new(image: Image, seed: u64, capacity_bytes: u64) -> Disk {
        Disk {
            image,
            seed,
            operations: 0,
            syncs: 0,
            reads: 0,
            capacity_bytes,
            is_cut: false,
            cut_at: None,
            fail_operation_at: None,
            fail_sync_at: None,
            fail_read_at: None,
            fail_all_syncs: false,
        }
    }

    pub(super) fn check_power(&self) -> io::Result<()> {
        if self.is_cut {
            Err(power_cut())
        } else {
            Ok(())
        }
    }

    /// Counts an operation; an error here means that it must not take effect.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.check_power()?;
        self.operations += 1;
        self.is_cut = self.cut_at == Some(self.operations);
        if self.fail_operation_at == Some(self.operations) {
            return Err(input_output_error());
        }
        Ok(())
    }

    /// Counts an operation that changes something, makes the change, and fails if the power went.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        self.begin()?;
        let done = change(self)?;
        self.check_power()?;
        Ok(done)
    }

    /// Counts a sync; `Ok(true)` means that it is the one to fail.
    pub(super) fn begin_sync(&mut self) -> io::Result<bool> {
        self.begin()?;
        self.check_power()?;
        self.syncs += 1;
        Ok(self.fail_all_syncs || self.fail_sync_at == Some(self.syncs))
    }

    pub(super) fn sync_file(&mut self, inode: u64) -> io::Result<()> {
        if self.begin_sync()? {
            self.image.inode_mut(inode).forget_dirty();
            return Err(input_output_error());
        }
        self.image.inode_mut(inode).sync();
        Ok(())
    }

    pub(super) fn grow(&mut self, inode: u64, len: u64) -> io::Result<()> {
        let growth = len.saturating_sub(self.image.inode(inode).len());
        if growth == 0 || self.capacity_bytes == u64::MAX {
            return Ok(());
        }
        if self.image.used_bytes().saturating_add(growth) > self.capacity_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<u64> {
        if self.image.lookup(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.image.has_dir(parent(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inode = self.image.add_inode();
        self.image.change_name(NameChange::Bind {
            path: path.into(),
            inode,
        });
        Ok(inode)
    }

    pub(super) fn existing(&self, path: &Path) -> io::Result<u64> {
        self.image
            .lookup(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
