//! Looks into a log without opening it: what `kv wal-dump` prints, and what a fuzzer feeds.
//!
//! 1. Never writes, takes no lock, and holds at most one group in memory beside its read window.
//! 2. Any bytes may be inspected; none of them panics or takes more memory than the file has.
//! 3. Goes on behind damage: from the next sector on, it looks for a group of the same segment.
//!
//! A log in use may be inspected too; its last group may then look damaged.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    Lsn, WalError,
    error::Damage,
    group::GroupHeader,
    record::Records,
    scan::{Scanner, Source, Step},
    segment::{FileKind, SECTOR, SECTOR_BYTES, SegmentHeader},
    storage::{OpenMode, Storage, StorageFile},
};

/// A record, copied out of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordDump {
    /// Its number.
    pub lsn: Lsn,
    /// What it is; see [`RecordRef`](crate::RecordRef).
    pub kind: u8,
    /// The caller's bits.
    pub flags: u8,
    /// The caller's bytes.
    pub body: Vec<u8>,
}

/// A whole group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDump {
    /// Where it starts in its file.
    pub offset: u64,
    /// Its fixed part.
    pub header: GroupHeader,
    /// Its records; none for a seal.
    pub records: Vec<RecordDump>,
}

/// Something found in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A whole group.
    Group(GroupDump),
    /// Bytes that are not what they must be, or that no longer follow from those before. At the end
    /// of the last segment this is a torn tail; anywhere else acknowledged records are damaged.
    Damage {
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
}

/// A segment file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Where it is, relative to the storage's root.
    pub path: PathBuf,
    /// Which use of a file it is, by its name.
    pub seq: u64,
    /// The first record it may hold, by its name.
    pub first_lsn: Lsn,
}

/// The segment files in `dir`, oldest first.
///
/// # Errors
/// `Io` if the directory cannot be read.
pub fn segment_files(storage: &dyn Storage, dir: &Path) -> Result<Vec<SegmentFile>, WalError> {
    let names = storage.list(dir).map_err(WalError::io("list", dir))?;
    let segment = |name: String| match FileKind::of(&name) {
        FileKind::Segment { seq, first_lsn } => Some(SegmentFile {
            path: dir.join(name),
            seq,
            first_lsn,
        }),
        _ => None,
    };
    let mut files: Vec<SegmentFile> = names.into_iter().filter_map(segment).collect();
    files.sort_by_key(|file| file.seq);
    Ok(files)
}

/// Opens one segment file for inspection.
///
/// # Errors
/// `Io` if it cannot be opened or its first sector cannot be read.
pub fn open_segment(storage: &dyn Storage, path: &Path) -> Result<SegmentDump, WalError> {
    let file = storage
        .open(path, OpenMode::Read)
        .map_err(WalError::io("open", path))?;
    let len = file.len().map_err(WalError::io("read", path))?;
    Inspector::new(file, len)
        .map(SegmentDump)
        .map_err(WalError::io("read", path))
}

/// The findings of one segment, in the order of the file.
#[derive(Debug)]
pub struct SegmentDump(Inspector<Box<dyn StorageFile>>);

impl SegmentDump {
    /// The segment's header, if it is whole.
    #[must_use]
    pub fn header(&self) -> Option<SegmentHeader> {
        self.0.header
    }
}

impl Iterator for SegmentDump {
    type Item = io::Result<Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().transpose()
    }
}

/// The header and findings of a segment in memory; any bytes will do.
#[must_use]
pub fn inspect_segment(bytes: &[u8]) -> (Option<SegmentHeader>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut header = None;
    if let Ok(mut inspector) = Inspector::new(bytes, bytes.len() as u64) {
        header = inspector.header;
        while let Ok(Some(finding)) = inspector.next() {
            findings.push(finding);
        }
    }
    (header, findings)
}

struct Inspector<S> {
    header: Option<SegmentHeader>,
    scanner: Scanner<S>,
    len: u64,
    offset: u64,
    /// The record due next, while the chain holds.
    expected: Option<Lsn>,
    /// Damage of the file as a whole, to be told first.
    first: Option<Finding>,
}

impl<S> std::fmt::Debug for Inspector<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl<S: Source> Inspector<S> {
    fn new(source: S, len: u64) -> io::Result<Inspector<S>> {
        let mut sector = [0; SECTOR];
        let read = source.read_at(&mut sector, 0)?;
        let header = SegmentHeader::decode(sector.get(..read).unwrap_or_default());
        let bounded = header.map_or(BLANK, |header| SegmentHeader {
            segment_bytes: header.segment_bytes.min(len),
            ..header
        });
        Ok(Inspector {
            header,
            scanner: Scanner::new(source, bounded),
            len: bounded.segment_bytes,
            offset: SECTOR_BYTES,
            expected: header.map(|header| header.first_lsn),
            first: damage_of_file(header, len),
        })
    }

    fn next(&mut self) -> io::Result<Option<Finding>> {
        if let Some(finding) = self.first.take() {
            return Ok(Some(finding));
        }
        while self.offset.saturating_add(SECTOR_BYTES) <= self.len {
            if let Some(finding) = self.look()? {
                return Ok(Some(finding));
            }
        }
        Ok(None)
    }

    /// Looks at one place, and moves on to the next.
    fn look(&mut self) -> io::Result<Option<Finding>> {
        let offset = self.offset;
        let due = self.expected.unwrap_or(Lsn::ZERO);
        let step = self.scanner.group_at(offset, due)?;
        let (header, records) = match step {
            Step::Group { header, payload } => (header, copy_records(header.lsn, payload)),
            Step::Blank => {
                self.offset += SECTOR_BYTES;
                return Ok(None);
            }
            Step::Damaged(damage) => {
                self.offset += SECTOR_BYTES;
                self.expected = None;
                return Ok(Some(Finding::Damage { offset, damage }));
            }
        };
        if let Some(expected) = self.expected.filter(|expected| *expected != header.lsn) {
            self.expected = None;
            let damage = Damage::Order {
                expected,
                found: header.lsn,
            };
            return Ok(Some(Finding::Damage { offset, damage }));
        }
        self.offset += header.group_bytes();
        self.expected = Some(header.lsn.plus(records.len() as u64));
        Ok(Some(Finding::Group(GroupDump {
            offset,
            header,
            records,
        })))
    }
}

/// Stands in for a header that is damaged: no group can belong to it.
const BLANK: SegmentHeader = SegmentHeader {
    seq: 0,
    first_lsn: Lsn::ZERO,
    durable_lsn: Lsn::ZERO,
    segment_bytes: 0,
    salt: 0,
};

fn damage_of_file(header: Option<SegmentHeader>, found: u64) -> Option<Finding> {
    let Some(header) = header else {
        return Some(Finding::Damage {
            offset: 0,
            damage: Damage::SegmentHeader,
        });
    };
    let expected = header.segment_bytes;
    let damage = Finding::Damage {
        offset: found.min(expected),
        damage: Damage::Length { found, expected },
    };
    (found != expected).then_some(damage)
}

fn copy_records(first: Lsn, payload: &[u8]) -> Vec<RecordDump> {
    let records = Records::new(payload).map_while(Result::ok).zip(0..);
    let copy = |(record, index): (crate::RecordRef<'_>, u64)| RecordDump {
        lsn: first.plus(index),
        kind: record.kind,
        flags: record.flags,
        body: record.body.to_vec(),
    };
    records.map(copy).collect()
}
