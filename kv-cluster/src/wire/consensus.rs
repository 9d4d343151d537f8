//! Messages of the consensus.
//!
//! ```text
//! message    = type u8 | flags u8 | to u64 | from u64 | term u64 | log term u64 | index u64
//!              | commit u64 | commit term u64 | request snapshot u64 | reject hint u64
//!              | deprecated priority u64 | priority i64 | len u32, context
//!              | [snapshot] | count u32 | entry*
//! snapshot   = index u64 | term u64 | auto leave u8
//!              | voters | learners | outgoing voters | next learners, each count u32, u64*
//! entry      = type u8 | sync u8 | term u64 | index u64 | len u32, data | len u32, context
//! ```
//!
//! The type is the number that the messages' definition gives it. Flag 1: it rejects; flag 2: there
//! is a snapshot, that is, what is known of one: its data go in chunks.
//!
//! 1. Types that a node only ever tells itself are refused.
//! 2. Entries that are appended follow one another, the first of them `index`.

use bytes::{BufMut, Bytes};
use raft::eraftpb::{ConfState, Entry, EntryType, Message, MessageType, Snapshot};

use super::fields::Fields;
use super::{WireError, narrow, put_bytes};

const REJECT: u8 = 1;
const HAS_SNAPSHOT: u8 = 2;

const ENTRY_BYTES_MIN: usize = 26;

/// The types that travel, by their numbers.
const TYPES: [(u8, MessageType); 14] = [
    (2, MessageType::MsgPropose),
    (3, MessageType::MsgAppend),
    (4, MessageType::MsgAppendResponse),
    (5, MessageType::MsgRequestVote),
    (6, MessageType::MsgRequestVoteResponse),
    (7, MessageType::MsgSnapshot),
    (8, MessageType::MsgHeartbeat),
    (9, MessageType::MsgHeartbeatResponse),
    (13, MessageType::MsgTransferLeader),
    (14, MessageType::MsgTimeoutNow),
    (15, MessageType::MsgReadIndex),
    (16, MessageType::MsgReadIndexResp),
    (17, MessageType::MsgRequestPreVote),
    (18, MessageType::MsgRequestPreVoteResponse),
];

const ENTRY_TYPES: [(u8, EntryType); 3] = [
    (0, EntryType::EntryNormal),
    (1, EntryType::EntryConfChange),
    (2, EntryType::EntryConfChangeV2),
];

/// Appends `message`.
pub(super) fn put(message: &Message, out: &mut impl BufMut) {
    let has_snapshot = message.snapshot.is_some();
    let reject = if message.reject { REJECT } else { 0 };
    let snapshot = if has_snapshot { HAS_SNAPSHOT } else { 0 };
    out.put_u8(number_of(&TYPES, message.msg_type).expect("nobody sends a local message"));
    out.put_u8(reject | snapshot);
    for field in [
        message.to,
        message.from,
        message.term,
        message.log_term,
        message.index,
        message.commit,
        message.commit_term,
        message.request_snapshot,
        message.reject_hint,
        message.deprecated_priority,
    ] {
        out.put_u64_le(field);
    }
    out.put_i64_le(message.priority);
    put_bytes(&message.context, out);
    if has_snapshot {
        put_snapshot(message.get_snapshot(), out);
    }
    out.put_u32_le(narrow(message.entries.len()));
    for entry in &message.entries {
        put_entry(entry, out);
    }
}

fn put_snapshot(snapshot: &Snapshot, out: &mut impl BufMut) {
    assert!(snapshot.data.is_empty(), "a snapshot's data go in chunks");
    let metadata = snapshot.get_metadata();
    let state = metadata.get_conf_state();
    out.put_u64_le(metadata.index);
    out.put_u64_le(metadata.term);
    out.put_u8(u8::from(state.auto_leave));
    for ids in [
        &state.voters,
        &state.learners,
        &state.voters_outgoing,
        &state.learners_next,
    ] {
        out.put_u32_le(narrow(ids.len()));
        ids.iter().for_each(|id| out.put_u64_le(*id));
    }
}

fn put_entry(entry: &Entry, out: &mut impl BufMut) {
    out.put_u8(number_of(&ENTRY_TYPES, entry.entry_type).expect("all types are listed"));
    out.put_u8(u8::from(entry.sync_log));
    out.put_u64_le(entry.term);
    out.put_u64_le(entry.index);
    put_bytes(&entry.data, out);
    put_bytes(&entry.context, out);
}

/// The message at the front of `fields`.
pub(super) fn take(fields: &mut Fields) -> Result<Message, WireError> {
    let mut message = Message {
        msg_type: named(&TYPES, fields.u8()?).ok_or(WireError::BadField("type"))?,
        ..Message::default()
    };
    let flags = fields.u8()?;
    if flags & !(REJECT | HAS_SNAPSHOT) != 0 {
        return Err(WireError::BadField("flag"));
    }
    message.reject = flags & REJECT != 0;
    for field in [
        &mut message.to,
        &mut message.from,
        &mut message.term,
        &mut message.log_term,
        &mut message.index,
        &mut message.commit,
        &mut message.commit_term,
        &mut message.request_snapshot,
        &mut message.reject_hint,
        &mut message.deprecated_priority,
    ] {
        *field = fields.u64()?;
    }
    message.priority = fields.i64()?;
    message.context = fields.bytes()?;
    if flags & HAS_SNAPSHOT != 0 {
        message.set_snapshot(take_snapshot(fields)?);
    }
    let count = fields.u32()? as usize;
    let entries = fields.list(count, ENTRY_BYTES_MIN, take_entry)?;
    check_order(&message, &entries)?;
    message.entries = entries.into();
    Ok(message)
}

/// Consensus takes it for granted that entries follow one another, and ends the process otherwise.
fn check_order(message: &Message, entries: &[Entry]) -> Result<(), WireError> {
    if message.msg_type != MessageType::MsgAppend {
        return Ok(());
    }
    let mut before = message.index;
    for entry in entries {
        if before.checked_add(1) != Some(entry.index) {
            return Err(WireError::BadField("order of entries"));
        }
        before = entry.index;
    }
    Ok(())
}

fn take_snapshot(fields: &mut Fields) -> Result<Snapshot, WireError> {
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    metadata.index = fields.u64()?;
    metadata.term = fields.u64()?;
    let state = ConfState {
        auto_leave: fields.bool("auto leave")?,
        voters: take_ids(fields)?,
        learners: take_ids(fields)?,
        voters_outgoing: take_ids(fields)?,
        learners_next: take_ids(fields)?,
        ..ConfState::default()
    };
    metadata.set_conf_state(state);
    Ok(snapshot)
}

fn take_ids(fields: &mut Fields) -> Result<Vec<u64>, WireError> {
    let count = fields.u32()? as usize;
    fields.list(count, 8, Fields::u64)
}

fn take_entry(fields: &mut Fields) -> Result<Entry, WireError> {
    let number = fields.u8()?;
    Ok(Entry {
        entry_type: named(&ENTRY_TYPES, number).ok_or(WireError::BadField("type of entry"))?,
        sync_log: fields.bool("sync")?,
        term: fields.u64()?,
        index: fields.u64()?,
        data: own(fields.bytes()?),
        context: own(fields.bytes()?),
        ..Entry::default()
    })
}

/// Nothing keeps a message for the sake of an empty slice of it.
fn own(bytes: Bytes) -> Bytes {
    match bytes.is_empty() {
        true => Bytes::new(),
        false => bytes,
    }
}

/// The types that travel.
#[cfg(test)]
pub(super) fn travelling() -> Vec<MessageType> {
    TYPES.iter().map(|(_, kind)| *kind).collect()
}

fn number_of<T: PartialEq>(table: &[(u8, T)], value: T) -> Option<u8> {
    let row = table.iter().find(|(_, found)| *found == value);
    row.map(|(number, _)| *number)
}

fn named<T: Copy>(table: &[(u8, T)], number: u8) -> Option<T> {
    let row = table.iter().find(|(found, _)| *found == number);
    row.map(|(_, value)| *value)
}
