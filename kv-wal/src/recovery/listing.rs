//! What lies in the log's directory, by names and headers; reads no group.

use std::path::{Path, PathBuf};

use crate::{
    Lsn, WalError,
    error::Damage,
    options::SEGMENT_STEP_BYTES,
    segment::{FileKind, SECTOR, SegmentHeader, SegmentInfo, Spare},
    storage::{OpenMode, Storage},
};

/// The files in the log's directory.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) segments: Vec<Found>,
    pub(super) spares: Vec<Spare>,
    pub(super) unfinished: Vec<PathBuf>,
    pub(super) spare_number_next: u64,
}

/// A segment whose header is whole.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) header: SegmentHeader,
    pub(super) used_bytes: u64,
}

impl Listing {
    /// Spares that are no use, or too many, go the way of unfinished ones.
    pub(super) fn drop_odd_spares(&mut self, count_max: usize) {
        let is_odd = |spare: &mut Spare| {
            spare.segment_bytes == 0 || !spare.segment_bytes.is_multiple_of(SEGMENT_STEP_BYTES)
        };
        self.unfinished
            .extend(self.spares.extract_if(.., is_odd).map(|spare| spare.path));
        let surplus = count_max.min(self.spares.len())..;
        self.unfinished
            .extend(self.spares.drain(surplus).map(|spare| spare.path));
    }
}

impl Found {
    pub(super) fn into_info(self) -> SegmentInfo {
        SegmentInfo {
            seq: self.header.seq,
            first_lsn: self.header.first_lsn,
            path: self.path,
            segment_bytes: self.header.segment_bytes,
            used_bytes: self.used_bytes,
            has_head: false,
        }
    }
}

/// Names and headers of all files in `dir`.
pub(super) fn list(storage: &dyn Storage, dir: &Path) -> Result<Listing, WalError> {
    let mut listing = Listing {
        spare_number_next: 1,
        ..Listing::default()
    };
    for name in storage.list(dir).map_err(WalError::io("list", dir))? {
        let path = dir.join(&name);
        match FileKind::of(&name) {
            FileKind::Segment { seq, first_lsn } => {
                listing
                    .segments
                    .push(open_segment(storage, path, seq, first_lsn)?);
            }
            FileKind::Misnamed => {
                return Err(WalError::Corrupt {
                    path,
                    offset: 0,
                    damage: Damage::Name,
                });
            }
            FileKind::Spare { number } => {
                let segment_bytes = file_bytes(storage, &path)?;
                listing.spares.push(Spare {
                    path,
                    segment_bytes,
                });
                listing.spare_number_next = listing.spare_number_next.max(number + 1);
            }
            FileKind::Unfinished => listing.unfinished.push(path),
            FileKind::Other => {}
        }
    }
    listing.segments.sort_by_key(|found| found.header.seq);
    Ok(listing)
}

fn file_bytes(storage: &dyn Storage, path: &Path) -> Result<u64, WalError> {
    let file = storage
        .open(path, OpenMode::Read)
        .map_err(WalError::io("open", path))?;
    file.len().map_err(WalError::io("read", path))
}

fn open_segment(
    storage: &dyn Storage,
    path: PathBuf,
    seq: u64,
    first_lsn: Lsn,
) -> Result<Found, WalError> {
    let file = storage
        .open(&path, OpenMode::Read)
        .map_err(WalError::io("open", &path))?;
    let mut sector = [0; SECTOR];
    let read = file
        .read_at(&mut sector, 0)
        .map_err(WalError::io("read", &path))?;
    let found = file.len().map_err(WalError::io("read", &path))?;
    let header = SegmentHeader::decode(sector.get(..read).unwrap_or_default());
    match check_header(header, seq, first_lsn, found) {
        Ok(header) => Ok(Found {
            path,
            header,
            used_bytes: header.segment_bytes,
        }),
        Err((offset, damage)) => Err(WalError::Corrupt {
            path,
            offset,
            damage,
        }),
    }
}

fn check_header(
    header: Option<SegmentHeader>,
    seq: u64,
    first_lsn: Lsn,
    found: u64,
) -> Result<SegmentHeader, (u64, Damage)> {
    let header = header.ok_or((0, Damage::SegmentHeader))?;
    if (header.seq, header.first_lsn) != (seq, first_lsn) {
        return Err((0, Damage::Misplaced));
    }
    if header.segment_bytes != found {
        let damage = Damage::Length {
            found,
            expected: header.segment_bytes,
        };
        return Err((found.min(header.segment_bytes), damage));
    }
    Ok(header)
}

/// Segments in order of use must be in order of records.
pub(super) fn check_order(segments: &[Found]) -> Result<(), WalError> {
    for (before, next) in segments.iter().zip(segments.iter().skip(1)) {
        let (expected, found) = (before.header.first_lsn, next.header.first_lsn);
        if before.header.seq == next.header.seq || expected > found {
            let damage = Damage::Order { expected, found };
            return Err(WalError::Corrupt {
                path: next.path.clone(),
                offset: 0,
                damage,
            });
        }
    }
    Ok(())
}
