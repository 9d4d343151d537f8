//! Walks the groups of one segment, from a file or from bytes in memory.
//!
//! Reads a window at a time and holds no more than that and one group. Never writes, and takes no
//! decision: what a bad group means is for the caller to say.

use std::io;

use crate::{
    Lsn,
    error::Damage,
    group::{self, GROUP_HEADER_BYTES, GROUP_TRAILER_BYTES, GroupHeader, NoGroup},
    record::Records,
    segment::{SECTOR_BYTES, SegmentHeader},
    storage::StorageFile,
};

/// Bytes read at once, unless a group is longer.
const WINDOW_BYTES: usize = 1 << 20;

/// Something to read a segment from.
pub(crate) trait Source {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for Box<dyn StorageFile> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        StorageFile::read_at(&**self, buf, offset)
    }
}

impl Source for &[u8] {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..));
        let mut rest = from.unwrap_or_default();
        io::Read::read(&mut rest, buf)
    }
}

/// What lies at one place of a segment.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A whole group. It may hold other records than the ones due.
    Group {
        header: GroupHeader,
        payload: &'a [u8],
        records: u64,
    },
    /// Nothing of this segment's.
    Blank,
    /// A group that is not whole.
    Damaged(Damage),
}

pub(crate) struct Scanner<S> {
    source: S,
    header: SegmentHeader,
    window: Vec<u8>,
    window_start: u64,
    accepts_torn: bool,
}

impl<S: Source> Scanner<S> {
    pub(crate) fn new(source: S, header: SegmentHeader) -> Scanner<S> {
        Scanner {
            source,
            header,
            window: Vec::new(),
            window_start: 0,
            accepts_torn: false,
        }
    }

    /// Plants a bug: groups whose checksum does not match are taken for whole.
    pub(crate) fn accept_torn(mut self, accept: bool) -> Scanner<S> {
        self.accepts_torn = accept;
        self
    }

    /// Reads the group at `offset`, where record `expected` is due.
    ///
    /// # Errors
    /// The source's.
    pub(crate) fn group_at(&mut self, offset: u64, expected: Lsn) -> io::Result<Step<'_>> {
        let (header, header_crc) = match self.header_at(offset)? {
            Ok(found) => found,
            Err(NoGroup::Blank) => return Ok(Step::Blank),
            Err(NoGroup::Broken) => return Ok(Step::Damaged(Damage::GroupHeader { expected })),
        };
        if !self.holds(offset, &header) {
            return Ok(Step::Damaged(Damage::GroupHeader { expected }));
        }
        let accepts_torn = self.accepts_torn;
        let len = header.len as usize;
        let body = self.view(
            offset + GROUP_HEADER_BYTES as u64,
            len + GROUP_TRAILER_BYTES,
        )?;
        Ok(match check_payload(body, len, header_crc, accepts_torn) {
            Ok((payload, records)) => Step::Group {
                header,
                payload,
                records,
            },
            Err(damage) => Step::Damaged(damage),
        })
    }

    /// The strongest claim about durability that any header at or after `offset` makes.
    ///
    /// # Errors
    /// The source's.
    pub(crate) fn evidence_from(&mut self, offset: u64) -> io::Result<Option<Lsn>> {
        let mut durable_lsn: Option<Lsn> = None;
        let mut at = offset;
        while at + SECTOR_BYTES <= self.header.segment_bytes {
            if let Ok((header, _)) = self.header_at(at)? {
                durable_lsn = durable_lsn.max(Some(header.durable_lsn));
            }
            at += SECTOR_BYTES;
        }
        Ok(durable_lsn)
    }

    fn header_at(&mut self, offset: u64) -> io::Result<Result<(GroupHeader, u32), NoGroup>> {
        if offset + SECTOR_BYTES > self.header.segment_bytes {
            return Ok(Err(NoGroup::Blank));
        }
        let salt = self.header.salt;
        let found = GroupHeader::decode(self.view(offset, GROUP_HEADER_BYTES)?);
        Ok(found.and_then(|(header, crc)| {
            if header.salt == salt {
                Ok((header, crc))
            } else {
                Err(NoGroup::Blank)
            }
        }))
    }

    /// Whether the group ends within the segment.
    fn holds(&self, offset: u64, header: &GroupHeader) -> bool {
        offset + header.group_bytes() <= self.header.segment_bytes
    }

    /// Up to `len` bytes at `offset`; fewer only at the source's end.
    fn view(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let from = match self.window_position(offset, len) {
            Some(from) => from,
            None => self.load(offset, len)?,
        };
        let rest = self.window.get(from..).unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest))
    }

    fn window_position(&self, offset: u64, len: usize) -> Option<usize> {
        let from = usize::try_from(offset.checked_sub(self.window_start)?).ok()?;
        (from.checked_add(len)? <= self.window.len()).then_some(from)
    }

    /// Moves the window to `offset`; the position of `offset` in it.
    fn load(&mut self, offset: u64, len: usize) -> io::Result<usize> {
        let left = self.header.segment_bytes.saturating_sub(offset);
        let window_bytes = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(WINDOW_BYTES)
            .max(len);
        self.window.resize(window_bytes, 0);
        let read = self.source.read_at(&mut self.window, offset)?;
        self.window.truncate(read);
        self.window_start = offset;
        Ok(0)
    }
}

/// Splits a group's body into its payload and the number of its records.
fn check_payload(
    body: &[u8],
    len: usize,
    header_crc: u32,
    accepts_torn: bool,
) -> Result<(&[u8], u64), Damage> {
    let (payload, trailer) = body.split_at_checked(len).unwrap_or((body, &[]));
    let expected = trailer
        .first_chunk()
        .map_or(0, |crc| u32::from_le_bytes(*crc));
    let found = group::payload_crc(header_crc, payload);
    if accepts_torn {
        let records = Records::new(payload).map_while(Result::ok).count();
        return Ok((payload, records as u64));
    }
    if found != expected || trailer.len() != GROUP_TRAILER_BYTES {
        return Err(Damage::Payload { found, expected });
    }
    count_records(payload)
        .map(|records| (payload, records))
        .ok_or(Damage::Records)
}

/// How many records fill `payload` exactly.
fn count_records(payload: &[u8]) -> Option<u64> {
    Records::new(payload).try_fold(0, |count, record| record.ok().map(|_| count + 1))
}
