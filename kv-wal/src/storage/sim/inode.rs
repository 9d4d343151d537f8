//! One simulated file: what readers see, what is durable, and which sectors differ.

use std::collections::BTreeSet;

use super::{Survival, random::Random};

const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
}

impl Inode {
    pub(super) fn durable(bytes: Vec<u8>) -> Inode {
        Inode {
            cached: bytes.clone(),
            durable: bytes,
            dirty: BTreeSet::new(),
        }
    }

    pub(super) fn contents(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn len(&self) -> u64 {
        self.cached.len() as u64
    }

    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let from = self.cached.get(position(offset)..).unwrap_or_default();
        let count = from.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), from.get(..count)) {
            to.copy_from_slice(from);
        }
        count
    }

    pub(super) fn write(&mut self, buf: &[u8], offset: u64) {
        let start = position(offset);
        let end = start + buf.len();
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        if let Some(to) = self.cached.get_mut(start..end) {
            to.copy_from_slice(buf);
        }
        self.dirty.extend(start / SECTOR..end.div_ceil(SECTOR));
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let old = self.cached.len();
        let len = position(len);
        self.cached.resize(len, 0);
        self.dirty
            .extend(old.min(len) / SECTOR..len.div_ceil(SECTOR));
        self.dirty.retain(|sector| sector * SECTOR < len);
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.cached.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.cached, &mut self.durable, sector);
        }
    }

    /// What a failed sync leaves: the cache looks clean and is not.
    pub(super) fn forget_dirty(&mut self) {
        self.dirty.clear();
    }

    pub(super) fn flip_bit(&mut self, offset: u64, bit: u8) -> bool {
        let mask = 1 << (bit % 8);
        let mut flipped = false;
        for image in [&mut self.cached, &mut self.durable] {
            if let Some(byte) = image.get_mut(position(offset)) {
                *byte ^= mask;
                flipped = true;
            }
        }
        flipped
    }

    /// The file after a cut.
    pub(super) fn survivor(&self, survival: Survival, random: &mut Random) -> Inode {
        let mut bytes = self.durable.clone();
        let mut survives = || match survival {
            Survival::Nothing => false,
            Survival::Everything => true,
            Survival::Random(_) => random.coin(),
        };
        if bytes.len() != self.cached.len() && survives() {
            bytes.resize(self.cached.len(), 0);
        }
        for &sector in &self.dirty {
            if survives() {
                copy_sector(&self.cached, &mut bytes, sector);
            }
        }
        Inode::durable(bytes)
    }
}

/// Copies one sector, as far as both sides have it.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if let (Some(to), Some(from)) = (to.get_mut(start..end), from.get(start..end)) {
        to.copy_from_slice(from);
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated files fit in memory")
}
