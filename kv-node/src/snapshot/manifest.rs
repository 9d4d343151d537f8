//! Which generations of snapshots there are.
//!
//! ```text
//! manifest   = "KVMANI01" | generation_count u32 | generation* | crc32c u32
//! generation = index u64 | now_ms u64 | finished_at_ms u64 | part_count u16 | part*
//! part       = file_bytes u64 | entry_count u64 | trailer_crc u32                little-endian
//! ```
//!
//! With "KVMANI02" each generation ends in its annex, if it has one:
//!
//! ```text
//! annex      = 0 u8, or 1 u8 | tag u64 | file_bytes u64 | crc32c u32 | log_index u64
//! ```
//!
//! It is written only where there is an annex: a standalone node's manifest stays as it was.
//!
//! Replaced in one step: written beside the old one, synced, renamed, directory synced.

use std::path::{Path, PathBuf};

use bytes::Buf;
use kv_wal::{OpenMode, Storage};

use super::annex::AnnexSummary;
use super::part::PartId;
use super::{Damage, GENERATIONS_MAX, SnapshotError, io_error};
use crate::db::Stamp;

/// The manifest, in the data directory.
pub const MANIFEST: &str = "MANIFEST";
const MANIFEST_NEW: &str = "MANIFEST.new";

const MAGIC: &[u8; 8] = b"KVMANI01";
const MAGIC_ANNEXES: &[u8; 8] = b"KVMANI02";

/// Far more than two generations of the most parts need.
const BYTES_MAX: u64 = 1 << 20;

/// The generations there are, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// At most [`GENERATIONS_MAX`].
    pub generations: Vec<Generation>,
}

/// One whole snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The last write in it.
    pub stamp: Stamp,
    /// When it was finished.
    pub finished_at_ms: u64,
    /// Its files.
    pub parts: Vec<PartSummary>,
    /// The file besides those, if there is one.
    pub annex: Option<AnnexSummary>,
}

/// What is known of one file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSummary {
    /// Its length.
    pub file_bytes: u64,
    /// Entries in it.
    pub entry_count: u64,
    /// The checksum in its trailer.
    pub trailer_crc: u32,
}

impl Generation {
    /// The files of this generation.
    pub fn part_ids(&self) -> impl Iterator<Item = PartId> + '_ {
        let part_count = u16::try_from(self.parts.len()).expect("the format counts parts in a u16");
        (0..part_count).map(move |part| PartId {
            stamp: self.stamp,
            part,
            part_count,
        })
    }

    /// Where all its files are, relative to the data directory.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let annex = self.annex.map(|annex| annex.path(self.stamp));
        self.part_ids().map(|id| id.path()).chain(annex)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |sum, part| sum.saturating_add(part.file_bytes))
    }

    /// Entries in all files.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.parts
            .iter()
            .fold(0, |sum, part| sum.saturating_add(part.entry_count))
    }
}

impl Manifest {
    /// Reads the manifest; an empty one if there is none.
    ///
    /// # Errors
    /// If the disk refuses, or the file is damaged.
    pub fn load(storage: &dyn Storage) -> Result<Manifest, SnapshotError> {
        let path = Path::new(MANIFEST);
        if !storage.exists(path).map_err(io_error("look for", path))? {
            return Ok(Manifest::default());
        }
        let file = storage
            .open(path, OpenMode::Read)
            .map_err(io_error("open", path))?;
        let found = file.len().map_err(io_error("read", path))?;
        let Some(len) = usize::try_from(found).ok().filter(|_| found <= BYTES_MAX) else {
            let expected = BYTES_MAX;
            return Err(corrupt(0, Damage::Length { found, expected }));
        };
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)
            .map_err(io_error("read", path))?;
        Manifest::decode(&bytes)
    }

    /// Makes this the manifest, durably.
    ///
    /// # Errors
    /// If the disk refuses. The manifest is then the old one or this one.
    pub fn store(&self, storage: &dyn Storage) -> Result<(), SnapshotError> {
        let (new, path) = (Path::new(MANIFEST_NEW), Path::new(MANIFEST));
        if storage.exists(new).map_err(io_error("look for", new))? {
            storage.remove(new).map_err(io_error("remove", new))?;
        }
        let file = storage
            .open(new, OpenMode::CreateNew)
            .map_err(io_error("create", new))?;
        file.write_at(&self.encode(), 0)
            .map_err(io_error("write", new))?;
        file.sync_all().map_err(io_error("sync", new))?;
        storage.rename(new, path).map_err(io_error("rename", new))?;
        storage
            .sync_dir(Path::new(""))
            .map_err(io_error("sync", "the data directory"))
    }

    fn encode(&self) -> Vec<u8> {
        let has_annexes = self.generations.iter().any(|kept| kept.annex.is_some());
        let mut out = if has_annexes { MAGIC_ANNEXES } else { MAGIC }.to_vec();
        put_count(&mut out, self.generations.len());
        for generation in &self.generations {
            out.extend_from_slice(&generation.stamp.index.to_le_bytes());
            out.extend_from_slice(&generation.stamp.now_ms.to_le_bytes());
            out.extend_from_slice(&generation.finished_at_ms.to_le_bytes());
            let parts = u16::try_from(generation.parts.len());
            let parts = parts.expect("the format counts parts in a u16");
            out.extend_from_slice(&parts.to_le_bytes());
            for part in &generation.parts {
                out.extend_from_slice(&part.file_bytes.to_le_bytes());
                out.extend_from_slice(&part.entry_count.to_le_bytes());
                out.extend_from_slice(&part.trailer_crc.to_le_bytes());
            }
            if has_annexes {
                put_annex(&mut out, generation.annex.as_ref());
            }
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// The manifest that is all of `bytes`.
    ///
    /// # Errors
    /// If they are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, SnapshotError> {
        let Some((body, crc)) = bytes.split_last_chunk::<4>() else {
            return Err(corrupt(0, Damage::Magic));
        };
        let (found, expected) = (crc32c::crc32c(body), u32::from_le_bytes(*crc));
        let has_annexes = body.starts_with(MAGIC_ANNEXES);
        if !has_annexes && !body.starts_with(MAGIC) {
            return Err(corrupt(0, Damage::Magic));
        }
        if found != expected {
            return Err(corrupt(0, Damage::Crc { found, expected }));
        }
        let mut rest = &body[MAGIC.len()..];
        match take_manifest(&mut rest, has_annexes) {
            Some(manifest) if rest.is_empty() => Ok(manifest),
            _ => {
                let offset = (body.len() - rest.len()) as u64;
                Err(corrupt(offset, Damage::Malformed("lengths do not add up")))
            }
        }
    }

    /// This manifest with one generation more, and without the oldest if there are too many.
    #[must_use]
    pub fn with(&self, newest: Generation) -> Manifest {
        let mut generations = vec![newest];
        generations.extend(self.generations.iter().cloned());
        generations.truncate(GENERATIONS_MAX);
        Manifest { generations }
    }

    /// Every write up to here is in all the generations there should be, so that the log may go.
    #[must_use]
    pub fn purgeable_index(&self) -> Option<u64> {
        match &self.generations[..] {
            generations if generations.len() < GENERATIONS_MAX => None,
            generations => generations.iter().map(|kept| kept.stamp.index).min(),
        }
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("there are a handful of generations");
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_annex(out: &mut Vec<u8>, annex: Option<&AnnexSummary>) {
    let Some(annex) = annex else {
        out.push(0);
        return;
    };
    out.push(1);
    out.extend_from_slice(&annex.tag.to_le_bytes());
    out.extend_from_slice(&annex.file_bytes.to_le_bytes());
    out.extend_from_slice(&annex.crc.to_le_bytes());
    out.extend_from_slice(&annex.log_index.to_le_bytes());
}

fn take_manifest(rest: &mut &[u8], has_annexes: bool) -> Option<Manifest> {
    let count = rest.try_get_u32_le().ok()?;
    let generations = (0..count).map(|_| take_generation(rest, has_annexes));
    Some(Manifest {
        generations: generations.collect::<Option<_>>()?,
    })
}

fn take_generation(rest: &mut &[u8], has_annexes: bool) -> Option<Generation> {
    let index = rest.try_get_u64_le().ok()?;
    let now_ms = rest.try_get_u64_le().ok()?;
    let finished_at_ms = rest.try_get_u64_le().ok()?;
    let part_count = rest.try_get_u16_le().ok()?;
    let parts = (0..part_count).map(|_| take_part(rest));
    Some(Generation {
        stamp: Stamp { index, now_ms },
        finished_at_ms,
        parts: parts.collect::<Option<_>>()?,
        annex: match has_annexes {
            true => take_annex(rest)?,
            false => None,
        },
    })
}

/// What may be absent, which nothing but damage makes unreadable.
fn take_annex(rest: &mut &[u8]) -> Option<Option<AnnexSummary>> {
    match rest.try_get_u8().ok()? {
        0 => Some(None),
        1 => Some(Some(AnnexSummary {
            tag: rest.try_get_u64_le().ok()?,
            file_bytes: rest.try_get_u64_le().ok()?,
            crc: rest.try_get_u32_le().ok()?,
            log_index: rest.try_get_u64_le().ok()?,
        })),
        _ => None,
    }
}

fn take_part(rest: &mut &[u8]) -> Option<PartSummary> {
    Some(PartSummary {
        file_bytes: rest.try_get_u64_le().ok()?,
        entry_count: rest.try_get_u64_le().ok()?,
        trailer_crc: rest.try_get_u32_le().ok()?,
    })
}

fn corrupt(offset: u64, damage: Damage) -> SnapshotError {
    SnapshotError::Corrupt {
        path: MANIFEST.into(),
        offset,
        damage,
    }
}
