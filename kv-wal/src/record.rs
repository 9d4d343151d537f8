//! One record: what a caller appended, as opaque bytes with a kind and flags of the caller's choosing.
//!
//!   | kind u8 | flags u8 | len u32 | body [len] |   little-endian
//!
//! 1. Kinds above [`KIND_USER_MAX`] belong to the log itself.
//! 2. A record has no checksum and no number of its own: its group has one checksum and the number
//!    of its first record.
//!
//! Never looks into a body, except that of a truncation.

use crate::{Lsn, cursor::Cursor};

/// Bytes in front of each body.
pub const RECORD_HEADER_BYTES: usize = 6;

/// The highest kind a caller may use.
pub const KIND_USER_MAX: u8 = 0xef;

/// The log's own record that takes back a suffix; its body is the last LSN that stays, u64.
pub const KIND_TRUNCATE: u8 = 0xff;

/// One record as it lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// What the record is: at most [`KIND_USER_MAX`] for a caller's own, else one of the log's.
    pub kind: u8,
    /// Bits of the caller's choosing.
    pub flags: u8,
    /// The parts given to `append`, joined.
    pub body: &'a [u8],
}

impl RecordRef<'_> {
    /// For a truncation, the last LSN that stays: every record after it, up to and including this
    /// one, is to be dropped. `None` for any other record.
    #[must_use]
    pub fn truncates_after(&self) -> Option<Lsn> {
        if self.kind != KIND_TRUNCATE {
            return None;
        }
        Cursor(self.body).u64().map(Lsn)
    }
}

/// A record about to be staged: its body still in the caller's pieces.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) parts: &'a [&'a [u8]],
}

impl Entry<'_> {
    pub(crate) fn body_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Appends the record's bytes; the body must have been checked to be shorter than 4 GiB.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let len = u32::try_from(self.body_bytes()).expect("staging checked the limit on records");
        out.extend_from_slice(&[self.kind, self.flags]);
        out.extend_from_slice(&len.to_le_bytes());
        for part in self.parts {
            out.extend_from_slice(part);
        }
    }
}

/// The records of a group's payload, in order; one `Err` and then nothing if the bytes do not add up.
pub(crate) struct Records<'a> {
    rest: Cursor<'a>,
}

/// A payload whose lengths do not add up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Records<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Records<'a> {
        Records {
            rest: Cursor(payload),
        }
    }

    fn decode(&mut self) -> Option<RecordRef<'a>> {
        let kind = self.rest.u8()?;
        let flags = self.rest.u8()?;
        let len = usize::try_from(self.rest.u32()?).ok()?;
        let body = self.rest.bytes(len)?;
        Some(RecordRef { kind, flags, body })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordRef<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.0.is_empty() {
            return None;
        }
        let record = self.decode();
        if record.is_none() {
            self.rest = Cursor(&[]);
        }
        Some(record.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(kind: u8, flags: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        Entry { kind, flags, parts }.encode(&mut out);
        out
    }

    #[test]
    fn parts_are_joined_into_one_body() {
        let bytes = encode(7, 1, &[b"ab", b"", b"cde"]);
        let record = RecordRef {
            kind: 7,
            flags: 1,
            body: b"abcde",
        };
        assert_eq!(Records::new(&bytes).collect::<Vec<_>>(), [Ok(record)]);
    }

    #[test]
    fn a_cut_payload_ends_in_one_error() {
        let mut bytes = encode(1, 0, &[b"first"]);
        bytes.extend(encode(2, 0, &[b"second"]));
        bytes.pop();
        let records: Vec<_> = Records::new(&bytes).collect();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1], Err(Malformed));
    }

    #[test]
    fn only_truncations_truncate() {
        let body = 9u64.to_le_bytes();
        let record = RecordRef {
            kind: KIND_TRUNCATE,
            flags: 0,
            body: &body,
        };
        assert_eq!(record.truncates_after(), Some(Lsn(9)));
        assert_eq!(RecordRef { kind: 3, ..record }.truncates_after(), None);
    }
}
