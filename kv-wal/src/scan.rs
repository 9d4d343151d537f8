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
    },
    /// Nothing of this segment's.
    Blank,
    /// A group that is not whole.
    Damaged(Damage),
}

impl Step<'_> {
    /// What is wrong with it where record `expected` is due; `None` if nothing is there at all.
    pub(crate) fn damage(self, expected: Lsn) -> Option<Damage> {
        match self {
            Step::Group { header, .. } => {
                let found = header.lsn;
                Some(Damage::Order { expected, found })
            }
            Step::Blank => None,
            Step::Damaged(damage) => Some(damage),
        }
    }
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
        Ok(match check_payload(body, len, header_crc) {
            Ok(payload) => Step::Group { header, payload },
            Err(_) if accepts_torn => Step::Group {
                header,
                payload: body.get(..len).unwrap_or_default(),
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

/// The payload at the start of a group's body, if it is whole.
fn check_payload(body: &[u8], len: usize, header_crc: u32) -> Result<&[u8], Damage> {
    let (payload, trailer) = body.split_at_checked(len).unwrap_or((body, &[]));
    let found = group::payload_crc(header_crc, payload);
    let expected = trailer.first_chunk().map(|crc| u32::from_le_bytes(*crc));
    if expected != Some(found) {
        return Err(Damage::Payload {
            found,
            expected: expected.unwrap_or(0),
        });
    }
    let is_exact = Records::new(payload).all(|record| record.is_ok());
    is_exact.then_some(payload).ok_or(Damage::Records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{group::GroupBuffer, record::Entry};

    const SEGMENT: SegmentHeader = SegmentHeader {
        seq: 1,
        first_lsn: Lsn(1),
        durable_lsn: Lsn::ZERO,
        segment_bytes: 2048,
        salt: 5,
    };

    /// A segment with one group at its first place.
    fn segment(salt: u32, parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = SEGMENT.encode();
        let mut group = GroupBuffer::new(Vec::new());
        group.push(&Entry {
            kind: 1,
            flags: 0,
            parts,
        });
        bytes.extend_from_slice(group.finish(salt, Lsn(1), Lsn(7)));
        bytes.resize(2048, 0);
        bytes
    }

    /// A group whose checksums are right, whatever its payload is.
    fn crafted(len: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = SEGMENT.encode();
        let header = GroupHeader {
            salt: 5,
            lsn: Lsn(1),
            durable_lsn: Lsn(0),
            len,
        };
        let (header, crc) = header.encode();
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&group::payload_crc(crc, payload).to_le_bytes());
        bytes.resize(2048, 0);
        bytes
    }

    fn damage(bytes: &[u8]) -> Option<Damage> {
        let mut scanner = Scanner::new(bytes, SEGMENT);
        scanner
            .group_at(SECTOR_BYTES, Lsn(1))
            .unwrap()
            .damage(Lsn(1))
    }

    #[test]
    fn a_whole_group_is_given_back() {
        let bytes = segment(5, &[b"body"]);
        let mut scanner = Scanner::new(&bytes[..], SEGMENT);
        let step = scanner.group_at(SECTOR_BYTES, Lsn(1)).unwrap();
        let Step::Group { header, payload } = step else {
            panic!("{step:?}")
        };
        assert_eq!(header.lsn, Lsn(1));
        assert_eq!(Records::new(payload).next().unwrap().unwrap().body, b"body");
    }

    #[test]
    fn a_group_of_another_life_of_the_file_is_nothing() {
        assert_eq!(damage(&segment(6, &[b"body"])), None);
    }

    #[test]
    fn a_payload_that_is_no_records_is_damage() {
        assert_eq!(damage(&crafted(3, b"abc")), Some(Damage::Records));
    }

    #[test]
    fn a_group_that_reaches_beyond_its_segment_is_damage() {
        let expected = Some(Damage::GroupHeader { expected: Lsn(1) });
        assert_eq!(damage(&crafted(u32::MAX, b"")), expected);
        assert_eq!(damage(&crafted(1600, b"")), expected);
    }

    #[test]
    fn a_group_cut_off_by_the_end_of_the_file_is_damage() {
        let bytes = segment(5, &[&[1; 700]]);
        assert!(matches!(
            damage(&bytes[..1100]),
            Some(Damage::Payload { .. })
        ));
    }

    #[test]
    fn evidence_is_the_strongest_claim_of_this_life() {
        let mut bytes = segment(5, &[b"body"]);
        let other = segment(6, &[b"body"]);
        bytes[1536..].copy_from_slice(&other[512..1024]);
        let mut scanner = Scanner::new(&bytes[..], SEGMENT);
        assert_eq!(scanner.evidence_from(SECTOR_BYTES).unwrap(), Some(Lsn(7)));
        assert_eq!(scanner.evidence_from(2 * SECTOR_BYTES).unwrap(), None);
    }
}
