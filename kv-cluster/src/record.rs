//! What a record of a node's log holds: all that one step of the consensus changed, so that no part
//! of it can be on the disk without the others.
//!
//! ```text
//! record = version u8 | flags u8 | term u64 | vote u64 | commit u64 | mark? | entries?
//! mark   = index u64 | term u64                       flag 1: a snapshot replaced the log up to here
//! entries = first index u64 | count u32 | entry*      flag 2: what was from there on is void
//! entry  = kind u8 | term u64 | context len u32 | data len u32 | context | data    little-endian
//! ```
//!
//! 1. Every record says term, vote and commit; the last one counts. A log may lose its beginning
//!    and still says them.
//! 2. Entries of a record follow each other without a gap.
//! 3. `vote` is a node's id plus one; 0: nobody.

use bytes::{Buf, BufMut, Bytes};
use raft::eraftpb::{Entry, EntryType, HardState};

use crate::log::Mark;

/// Kind of a record of the consensus.
pub(crate) const KIND_STEP: u8 = 2;

const VERSION: u8 = 1;
const FLAG_MARK: u8 = 1;
const FLAG_ENTRIES: u8 = 2;

/// Bytes of an entry besides its data and context.
const ENTRY_HEAD_BYTES: usize = 17;

/// A record, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) hard_state: HardState,
    pub(crate) mark: Option<Mark>,
    pub(crate) entries: Vec<Entry>,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("record {lsn} has the unknown kind {kind}")]
    UnknownKind { lsn: u64, kind: u8 },
    #[error("a record was written by a later version ({0})")]
    UnknownVersion(u8),
    #[error("a record of the cluster's log does not add up")]
    Malformed,
}

/// A record's bytes.
pub(crate) fn encode(hard_state: &HardState, mark: Option<Mark>, entries: &[Entry]) -> Vec<u8> {
    let bytes: usize = entries.iter().map(entry_bytes).sum();
    let mut out = Vec::with_capacity(64 + bytes);
    let mark_flag = if mark.is_some() { FLAG_MARK } else { 0 };
    let entries_flag = if entries.is_empty() { 0 } else { FLAG_ENTRIES };
    out.put_slice(&[VERSION, mark_flag | entries_flag]);
    out.put_u64_le(hard_state.term);
    out.put_u64_le(hard_state.vote);
    out.put_u64_le(hard_state.commit);
    if let Some(mark) = mark {
        out.put_u64_le(mark.index);
        out.put_u64_le(mark.term);
    }
    if let Some(first) = entries.first() {
        out.put_u64_le(first.index);
        out.put_u32_le(narrow(entries.len()));
        entries.iter().for_each(|entry| put_entry(&mut out, entry));
    }
    out
}

/// What an entry takes in a record.
pub(crate) fn entry_bytes(entry: &Entry) -> usize {
    ENTRY_HEAD_BYTES + entry.data.len() + entry.context.len()
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    out.put_u8(kind_byte(entry.get_entry_type()));
    out.put_u64_le(entry.term);
    out.put_u32_le(narrow(entry.context.len()));
    out.put_u32_le(narrow(entry.data.len()));
    out.put_slice(&entry.context);
    out.put_slice(&entry.data);
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("a record is many times smaller than 4 GiB")
}

fn kind_byte(kind: EntryType) -> u8 {
    match kind {
        EntryType::EntryNormal => 0,
        EntryType::EntryConfChange => 1,
        EntryType::EntryConfChangeV2 => 2,
    }
}

fn kind_of(byte: u8) -> Option<EntryType> {
    match byte {
        0 => Some(EntryType::EntryNormal),
        1 => Some(EntryType::EntryConfChange),
        2 => Some(EntryType::EntryConfChangeV2),
        _ => None,
    }
}

/// The record that is all of `bytes`.
///
/// # Errors
/// If they are anything else.
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
    match bytes.first() {
        Some(&VERSION) => {
            let mut rest = Bytes::copy_from_slice(&bytes[1..]);
            let record = take_record(&mut rest).filter(|_| rest.is_empty());
            record.ok_or(RecordError::Malformed)
        }
        Some(&version) => Err(RecordError::UnknownVersion(version)),
        None => Err(RecordError::Malformed),
    }
}

fn take_record(bytes: &mut Bytes) -> Option<Record> {
    let flags = bytes.try_get_u8().ok()?;
    if flags & !(FLAG_MARK | FLAG_ENTRIES) != 0 {
        return None;
    }
    let hard_state = HardState {
        term: bytes.try_get_u64_le().ok()?,
        vote: bytes.try_get_u64_le().ok()?,
        commit: bytes.try_get_u64_le().ok()?,
        ..HardState::default()
    };
    let mark = match flags & FLAG_MARK {
        0 => None,
        _ => Some(Mark {
            index: bytes.try_get_u64_le().ok()?,
            term: bytes.try_get_u64_le().ok()?,
        }),
    };
    let entries = match flags & FLAG_ENTRIES {
        0 => Vec::new(),
        _ => take_entries(bytes)?,
    };
    Some(Record {
        hard_state,
        mark,
        entries,
    })
}

fn take_entries(bytes: &mut Bytes) -> Option<Vec<Entry>> {
    let first = bytes.try_get_u64_le().ok()?;
    let count = bytes.try_get_u32_le().ok()?;
    if first == 0 || count == 0 || count as usize > bytes.len() / ENTRY_HEAD_BYTES {
        return None;
    }
    first.checked_add(u64::from(count))?;
    (0..u64::from(count))
        .map(|at| take_entry(bytes, first + at))
        .collect()
}

fn take_entry(bytes: &mut Bytes, index: u64) -> Option<Entry> {
    let kind = kind_of(bytes.try_get_u8().ok()?)?;
    let mut entry = Entry::default();
    entry.set_entry_type(kind);
    entry.index = index;
    entry.term = bytes.try_get_u64_le().ok()?;
    let context_len = bytes.try_get_u32_le().ok()? as usize;
    let data_len = bytes.try_get_u32_le().ok()? as usize;
    if context_len.checked_add(data_len)? > bytes.len() {
        return None;
    }
    entry.context = bytes.split_to(context_len);
    entry.data = bytes.split_to(data_len);
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hard_state() -> HardState {
        HardState {
            term: 7,
            vote: 2,
            commit: 0x0102_0304_0506_0708,
            ..HardState::default()
        }
    }

    fn entries() -> Vec<Entry> {
        let (mut first, mut second) = (Entry::default(), Entry::default());
        (first.index, first.term) = (9, 6);
        first.data = Bytes::from_static(b"data");
        (second.index, second.term) = (10, 7);
        second.set_entry_type(EntryType::EntryConfChangeV2);
        second.context = Bytes::from_static(b"context");
        vec![first, second]
    }

    #[test]
    fn a_step_has_the_bytes_of_version_1() {
        let golden = include_bytes!("../testdata/step-v1");
        assert_eq!(encode(&hard_state(), None, &entries()), golden);
        let record = decode(golden).unwrap();
        assert_eq!(record.hard_state, hard_state());
        assert_eq!(record.entries, entries());
        assert_eq!(record.mark, None);
    }

    #[test]
    fn an_installation_has_the_bytes_of_version_1() {
        let golden = include_bytes!("../testdata/installation-v1");
        let mark = Some(Mark { index: 40, term: 6 });
        assert_eq!(encode(&hard_state(), mark, &[]), golden);
        assert_eq!(decode(golden).unwrap().mark, mark);
    }

    #[test]
    fn what_is_cut_or_longer_is_no_record() {
        let mark = Some(Mark { index: 8, term: 6 });
        let mut bytes = encode(&hard_state(), mark, &entries());
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), Err(RecordError::Malformed), "{len}");
        }
        bytes.push(0);
        assert_eq!(decode(&bytes), Err(RecordError::Malformed));
    }

    #[test]
    fn a_later_version_is_named() {
        assert_eq!(decode(&[9]), Err(RecordError::UnknownVersion(9)));
    }
}
