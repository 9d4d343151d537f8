//! A group: the records that one sync makes durable, all or none.
//!
//!   | magic u32 | salt u32 | lsn u64 | durable_lsn u64 | len u32 | header crc32c u32 |
//!   | records [len] | payload crc32c u32 | zeros to a multiple of 512 |   little-endian
//!
//! 1. `lsn` is the number of the first record; the others follow without a gap. An empty group (a
//!    seal) has the number of the record that comes next.
//! 2. `durable_lsn` says that every record up to it was synced before this group was written.
//! 3. The payload's checksum goes on from the header's, so neither counts without the other.

use crate::{Lsn, cursor::Cursor, record::Entry, segment::round_to_sectors};

/// Bytes of a group's header.
pub(crate) const GROUP_HEADER_BYTES: usize = 32;
/// Bytes of the checksum behind the records.
pub(crate) const GROUP_TRAILER_BYTES: usize = 4;
/// What a group costs beside its records, before rounding.
pub(crate) const GROUP_OVERHEAD_BYTES: usize = GROUP_HEADER_BYTES + GROUP_TRAILER_BYTES;

const GROUP_MAGIC: u32 = u32::from_le_bytes(*b"KVWG");
const CHECKED_BYTES: usize = 28;

/// The fixed part of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    /// The salt of the segment it was written to.
    pub salt: u32,
    /// The first record's number.
    pub lsn: Lsn,
    /// Every record up to this one was synced before the group was written.
    pub durable_lsn: Lsn,
    /// Bytes of all records together.
    pub len: u32,
}

impl GroupHeader {
    /// The header's bytes, and its checksum, which the payload's goes on from.
    pub(crate) fn encode(&self) -> ([u8; GROUP_HEADER_BYTES], u32) {
        let mut out = [0; GROUP_HEADER_BYTES];
        let fields: [&[u8]; 5] = [
            &GROUP_MAGIC.to_le_bytes(),
            &self.salt.to_le_bytes(),
            &self.lsn.0.to_le_bytes(),
            &self.durable_lsn.0.to_le_bytes(),
            &self.len.to_le_bytes(),
        ];
        for (to, from) in out.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        let (checked, rest) = out.split_at_mut(CHECKED_BYTES);
        let crc = crc32c::crc32c(checked);
        rest.copy_from_slice(&crc.to_le_bytes());
        (out, crc)
    }

    /// Reads a header from the start of `bytes`, with its checksum.
    ///
    /// # Errors
    /// Whether there is a broken header or none.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(GroupHeader, u32), NoGroup> {
        let mut cursor = Cursor(bytes);
        if cursor.u32() != Some(GROUP_MAGIC) {
            return Err(NoGroup::Blank);
        }
        let (header, crc) = GroupHeader::decode_fields(cursor).ok_or(NoGroup::Broken)?;
        if bytes.get(..CHECKED_BYTES).map(crc32c::crc32c) == Some(crc) {
            return Ok((header, crc));
        }
        Err(NoGroup::Broken)
    }

    fn decode_fields(mut cursor: Cursor<'_>) -> Option<(GroupHeader, u32)> {
        let header = GroupHeader {
            salt: cursor.u32()?,
            lsn: Lsn(cursor.u64()?),
            durable_lsn: Lsn(cursor.u64()?),
            len: cursor.u32()?,
        };
        Some((header, cursor.u32()?))
    }

    /// Bytes that the whole group takes on disk.
    #[must_use]
    pub fn group_bytes(&self) -> u64 {
        round_to_sectors(u64::from(self.len) + GROUP_OVERHEAD_BYTES as u64)
    }
}

/// Why bytes are no group header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoGroup {
    /// They do not look like one at all.
    Blank,
    /// They look like one, and its checksum does not match.
    Broken,
}

/// The checksum of a payload whose group header has the checksum `header_crc`.
pub(crate) fn payload_crc(header_crc: u32, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(header_crc, payload)
}

/// A group being filled, as the bytes that will be written.
#[derive(Debug, Default)]
pub(crate) struct GroupBuffer {
    /// Room for the header, then records.
    bytes: Vec<u8>,
    records: u64,
}

impl GroupBuffer {
    /// An empty group that reuses the memory of `bytes`.
    pub(crate) fn new(mut bytes: Vec<u8>) -> GroupBuffer {
        bytes.clear();
        bytes.resize(GROUP_HEADER_BYTES, 0);
        GroupBuffer { bytes, records: 0 }
    }

    pub(crate) fn push(&mut self, entry: &Entry<'_>) {
        entry.encode(&mut self.bytes);
        self.records += 1;
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.bytes.len() - GROUP_HEADER_BYTES
    }

    /// Bytes on disk once `more` bytes of records are added.
    pub(crate) fn group_bytes_with(&self, more: usize) -> u64 {
        round_to_sectors((GROUP_OVERHEAD_BYTES + self.payload_bytes() + more) as u64)
    }

    /// Completes the group; the slice is what goes to the disk.
    pub(crate) fn finish(&mut self, salt: u32, lsn: Lsn, durable_lsn: Lsn) -> &[u8] {
        let len = u32::try_from(self.payload_bytes()).expect("segments are smaller than 4 GiB");
        let (header, header_crc) = GroupHeader {
            salt,
            lsn,
            durable_lsn,
            len,
        }
        .encode();
        let (head, payload) = self.bytes.split_at_mut(GROUP_HEADER_BYTES);
        head.copy_from_slice(&header);
        let crc = payload_crc(header_crc, payload);
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        let whole = self.bytes.len().next_multiple_of(crate::segment::SECTOR);
        self.bytes.resize(whole, 0);
        &self.bytes
    }

    /// Gives the memory back for another group.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::SECTOR_BYTES;

    const HEADER: GroupHeader = GroupHeader {
        salt: 3,
        lsn: Lsn(40),
        durable_lsn: Lsn(39),
        len: 11,
    };

    #[test]
    fn a_header_survives_encoding() {
        let (bytes, crc) = HEADER.encode();
        assert_eq!(GroupHeader::decode(&bytes), Ok((HEADER, crc)));
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_noticed() {
        for bit in 0..GROUP_HEADER_BYTES * 8 {
            let (mut bytes, _) = HEADER.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(GroupHeader::decode(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_group_is_whole_sectors() {
        let body = [9; 500];
        let mut group = GroupBuffer::new(vec![1, 2, 3]);
        group.push(&Entry {
            kind: 1,
            flags: 0,
            parts: &[&body],
        });
        let expected = group.group_bytes_with(0);
        let bytes = group.finish(3, Lsn(1), Lsn(0));
        assert_eq!(bytes.len() as u64, expected);
        assert_eq!(expected, 2 * SECTOR_BYTES);
    }
}
