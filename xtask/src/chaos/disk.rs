//! A node's disk that is small enough to be filled: a tmpfs, if this system lets us mount one.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::full_disk::Disk;

const MIB: usize = 320;

/// A small disk; unmounted when dropped.
pub(super) struct SmallDisk(Disk);

impl SmallDisk {
    /// Mounts one at `dir`; `None` if that is not possible.
    pub(super) fn mount(dir: &Path) -> Result<Option<SmallDisk>> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("chaos: no full disk: mounting a tmpfs takes root");
            return Ok(None);
        }
        Ok(Disk::mount(dir, MIB)?.map(SmallDisk))
    }

    /// Takes all its space.
    pub(super) fn fill(&self) -> Result<()> {
        self.0.fill().map(drop)
    }

    /// Gives it back.
    pub(super) fn free(&self) -> Result<()> {
        let filler = self.0.filler();
        if filler.exists() {
            fs::remove_file(filler)?;
        }
        Ok(())
    }
}
