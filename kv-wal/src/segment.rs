//! One segment file: its name, its first sector, and what is known of it while it is live.
//!
//!   | magic u32 | version u32 | seq u64 | first_lsn u64 | durable_lsn u64 | segment_bytes u64 |
//!   | salt u32 | crc32c u32 | zeros to 512 |   little-endian, then groups
//!
//! 1. `{seq:016x}-{first_lsn:016x}.wal` is live; its header was durable before it had that name, so
//!    a damaged header is never the trace of a crash.
//! 2. A file has `segment_bytes` bytes from before it is live until it is recycled.
//! 3. The salt is new each time a file is used, so that what an earlier life left behind in it is
//!    never taken for a group of this one.
//! 4. `{number:016x}.spare` is ready for use, `{number:016x}.tmp` is not finished and is removed by
//!    the next open.

use std::path::{Path, PathBuf};

use crate::{Lsn, cursor::Cursor};

/// Groups start at multiples of this, so that writing one never rewrites a sector of another.
pub const SECTOR_BYTES: u64 = SECTOR as u64;
pub(crate) const SECTOR: usize = 512;

/// Version of the format; others are refused.
pub const SEGMENT_VERSION: u32 = 1;

const SEGMENT_MAGIC: u32 = u32::from_le_bytes(*b"KVWS");
const CHECKED_BYTES: usize = 44;

/// The first sector of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Which use of a file this is, counting from 1; files sort by it.
    pub seq: u64,
    /// The first record that the segment may hold.
    pub first_lsn: Lsn,
    /// Records known to be synced when the header was written.
    pub durable_lsn: Lsn,
    /// Length of the file.
    pub segment_bytes: u64,
    /// Marks the groups of this use of the file.
    pub salt: u32,
}

impl SegmentHeader {
    /// The header's sector.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SECTOR);
        out.extend_from_slice(&SEGMENT_MAGIC.to_le_bytes());
        out.extend_from_slice(&SEGMENT_VERSION.to_le_bytes());
        for number in [
            self.seq,
            self.first_lsn.0,
            self.durable_lsn.0,
            self.segment_bytes,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.salt.to_le_bytes());
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.resize(SECTOR, 0);
        out
    }

    /// Reads a header from the start of `bytes`; `None` if it is not a whole one of this version.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<SegmentHeader> {
        let checked = bytes.get(..CHECKED_BYTES)?;
        let mut cursor = Cursor(bytes);
        let (magic, version) = (cursor.u32()?, cursor.u32()?);
        let header = SegmentHeader {
            seq: cursor.u64()?,
            first_lsn: Lsn(cursor.u64()?),
            durable_lsn: Lsn(cursor.u64()?),
            segment_bytes: cursor.u64()?,
            salt: cursor.u32()?,
        };
        let whole = magic == SEGMENT_MAGIC
            && version == SEGMENT_VERSION
            && cursor.u32()? == crc32c::crc32c(checked);
        whole.then_some(header)
    }

    /// The name of the file that has this header.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{:016x}-{:016x}.wal", self.seq, self.first_lsn.0)
    }
}

/// A live segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Which use of a file this is, counting from 1.
    pub seq: u64,
    /// The first record that the segment may hold.
    pub first_lsn: Lsn,
    /// Where it is, relative to the storage's root.
    pub path: PathBuf,
    /// Length of the file.
    pub segment_bytes: u64,
    /// Bytes of it that hold the header and groups.
    pub used_bytes: u64,
    /// Whether a caller's segment head is durable in it.
    pub(crate) has_head: bool,
}

/// A file ready to become a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spare {
    pub(crate) path: PathBuf,
    pub(crate) segment_bytes: u64,
}

/// What a file in the log's directory is, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment {
        seq: u64,
        first_lsn: Lsn,
    },
    Spare {
        number: u64,
    },
    Unfinished,
    /// `*.wal`, yet not a name that the log gives.
    Misnamed,
    Other,
}

impl FileKind {
    pub(crate) fn of(name: &str) -> FileKind {
        if let Some(stem) = name.strip_suffix(".wal") {
            return parse_segment(stem).unwrap_or(FileKind::Misnamed);
        }
        if name.ends_with(".tmp") {
            return FileKind::Unfinished;
        }
        match name.strip_suffix(".spare").and_then(parse_number) {
            Some(number) => FileKind::Spare { number },
            None => FileKind::Other,
        }
    }
}

fn parse_segment(stem: &str) -> Option<FileKind> {
    let (seq, first_lsn) = stem.split_once('-')?;
    let (seq, first_lsn) = (parse_number(seq)?, Lsn(parse_number(first_lsn)?));
    Some(FileKind::Segment { seq, first_lsn })
}

fn parse_number(digits: &str) -> Option<u64> {
    let canonical = digits.len() == 16
        && digits
            .bytes()
            .all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

pub(crate) fn spare_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.spare"))
}

pub(crate) fn unfinished_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.tmp"))
}

/// `bytes` rounded up to whole sectors.
pub(crate) fn round_to_sectors(bytes: u64) -> u64 {
    bytes.next_multiple_of(SECTOR_BYTES)
}

/// The salt of one use of a file.
pub(crate) fn salt(seed: u64, seq: u64) -> u32 {
    let mixed = mix(seed ^ mix(seq.wrapping_add(0x9e37_79b9_7f4a_7c15)));
    u32::try_from(mixed >> 32).expect("the upper half of 64 bits")
}

/// Spreads the bits of a number over all of it (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader {
        seq: 0x1f,
        first_lsn: Lsn(0x2a),
        durable_lsn: Lsn(0x29),
        segment_bytes: 4096,
        salt: 7,
    };

    #[test]
    fn a_header_survives_encoding() {
        let bytes = HEADER.encode();
        assert_eq!(bytes.len() as u64, SECTOR_BYTES);
        assert_eq!(SegmentHeader::decode(&bytes), Some(HEADER));
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_noticed() {
        for bit in 0..48 * 8 {
            let mut bytes = HEADER.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes), None, "bit {bit}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        let name = HEADER.file_name();
        assert_eq!(name, "000000000000001f-000000000000002a.wal");
        assert_eq!(
            FileKind::of(&name),
            FileKind::Segment {
                seq: 0x1f,
                first_lsn: Lsn(0x2a)
            }
        );
        assert_eq!(
            FileKind::of("000000000000000b.spare"),
            FileKind::Spare { number: 11 }
        );
        assert_eq!(FileKind::of("000000000000000b.tmp"), FileKind::Unfinished);
        assert_eq!(FileKind::of("+00000000000000b-0.wal"), FileKind::Misnamed);
        assert_eq!(FileKind::of("LOCK"), FileKind::Other);
    }

    #[test]
    fn salts_of_neighbours_differ() {
        let salts: std::collections::BTreeSet<u32> = (0..1000).map(|seq| salt(1, seq)).collect();
        assert_eq!(salts.len(), 1000);
    }
}
