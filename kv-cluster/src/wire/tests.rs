//! The bytes of each message, and that decoding undoes encoding.

use bytes::{Bytes, BytesMut};
use kv_node::Stamp;
use kv_node::snapshot::PartSummary;
use kv_proto::{Command, Reply, Request};
use proptest::prelude::*;
use raft::eraftpb::{ConfState, Entry, EntryType, Message, MessageType, Snapshot};

use super::*;
use crate::{Answer, Chunk, ChunkAck, Forward, Offer, Once, SnapshotId};

fn bytes_of(message: &PeerMessage) -> Bytes {
    let mut out = BytesMut::new();
    encode(message, &mut out);
    out.freeze()
}

fn raft(message: Message) -> PeerMessage {
    PeerMessage::Raft(Box::new(message))
}

fn append() -> Message {
    let entry = Entry {
        entry_type: EntryType::EntryConfChangeV2,
        term: 3,
        index: 6,
        data: Bytes::from_static(b"data"),
        context: Bytes::from_static(b"why"),
        ..Entry::default()
    };
    Message {
        msg_type: MessageType::MsgAppend,
        to: 1,
        from: 2,
        term: 3,
        log_term: 4,
        index: 5,
        commit: 7,
        commit_term: 8,
        request_snapshot: 9,
        reject: true,
        reject_hint: 10,
        deprecated_priority: 11,
        priority: -1,
        context: Bytes::from_static(b"ctx"),
        entries: vec![entry].into(),
        ..Message::default()
    }
}

fn heartbeat() -> Message {
    Message {
        msg_type: MessageType::MsgHeartbeat,
        ..Message::default()
    }
}

fn mark() -> Message {
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    metadata.index = 100;
    metadata.term = 2;
    metadata.set_conf_state(ConfState {
        voters: vec![1, 2],
        learners: vec![3],
        voters_outgoing: vec![4],
        learners_next: vec![5],
        auto_leave: true,
        ..ConfState::default()
    });
    let mut message = heartbeat();
    message.set_msg_type(MessageType::MsgSnapshot);
    message.set_snapshot(snapshot);
    message
}

const SNAPSHOT: SnapshotId = SnapshotId { index: 8, term: 9 };

/// One of each.
fn samples() -> Vec<(&'static str, PeerMessage)> {
    vec![
        ("append", raft(append())),
        ("mark", raft(mark())),
        ("hello", PeerMessage::Hello(Hello { incarnation: 7 })),
        (
            "welcome",
            PeerMessage::Welcome(Welcome {
                incarnation: 7,
                is_accepted: true,
            }),
        ),
        ("offer", PeerMessage::Offer(Box::new(offer()))),
        ("chunk", PeerMessage::Chunk(chunk())),
        ("chunk-ack", PeerMessage::ChunkAck(chunk_ack())),
        ("forward", PeerMessage::Forward(forward())),
        (
            "answer",
            PeerMessage::Answer(Answer {
                id: 4,
                replies: vec![Reply::Ok, Reply::Int(-1)],
                ordinal: 5,
            }),
        ),
    ]
}

fn offer() -> Offer {
    Offer {
        id: SNAPSHOT,
        leader_term: 10,
        stamp: Stamp {
            index: 11,
            now_ms: 12,
        },
        finished_at_ms: 13,
        parts: vec![PartSummary {
            file_bytes: 14,
            entry_count: 15,
            trailer_crc: 16,
        }],
        annex_bytes: 17,
        annex_crc: 18,
    }
}

fn chunk() -> Chunk {
    Chunk {
        id: SNAPSHOT,
        file: 1,
        offset: 2,
        bytes: Bytes::from_static(b"bytes"),
        crc: 3,
    }
}

fn chunk_ack() -> ChunkAck {
    ChunkAck {
        id: SNAPSHOT,
        file: 1,
        offset: 2,
        is_refused: true,
    }
}

fn forward() -> Forward {
    let once = Once {
        client: 1,
        sequence: 2,
    };
    let flush = Request {
        fault: Some(0.5),
        ..Command::Flush.into()
    };
    Forward {
        id: 4,
        requests: vec![Command::Get(Bytes::from_static(b"k")).into(), flush],
        once: vec![Once::default(), once],
    }
}

#[test]
fn messages_have_the_documented_bytes() {
    let golden = include_str!("../../testdata/peer-messages-v1.txt");
    let written: String = samples()
        .iter()
        .map(|(name, message)| {
            let bytes = bytes_of(message);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{name} {hex}\n")
        })
        .collect();
    assert_eq!(written, golden);
}

#[test]
fn messages_are_read_as_they_were_written_and_in_no_other_length() {
    for (name, message) in samples() {
        let bytes = bytes_of(&message);
        assert_eq!(decode(bytes.clone()), Ok(message), "{name}");
        for len in 0..bytes.len() {
            let cut = decode(bytes.slice(..len));
            // A chunk's bytes are all that is left, however much that is.
            assert!(cut.is_err() || name == "chunk", "{name} of {len} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(decode(longer.into()).is_err() || name == "chunk", "{name}");
    }
}

#[test]
fn what_a_node_only_tells_itself_is_refused() {
    let bytes = bytes_of(&raft(heartbeat()));
    for local in [0, 1, 10, 11, 12, 19, 255] {
        let mut changed = bytes.to_vec();
        changed[1] = local;
        let decoded = decode(changed.into());
        assert_eq!(decoded, Err(WireError::BadField("type")));
    }
}

#[test]
fn entries_that_do_not_follow_one_another_are_refused() {
    let mut message = append();
    message.index = 4;
    let bytes = bytes_of(&raft(message));
    let refused = WireError::BadField("order of entries");
    assert_eq!(decode(bytes), Err(refused));
}

#[test]
fn a_count_without_its_entries_is_cut_short() {
    let mut bytes = bytes_of(&raft(heartbeat())).to_vec();
    let count_at = bytes.len() - 4;
    bytes[count_at..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode(bytes.into()), Err(WireError::Short));
}

prop_compose! {
    fn any_message()(
        (kind, reject, numbers) in (0..14_usize, any::<bool>(), prop::array::uniform10(any::<u64>())),
        (priority, context) in (any::<i64>(), prop::collection::vec(any::<u8>(), 0..20)),
        entries in prop::collection::vec((0..3_u8, any::<u64>(), prop::collection::vec(any::<u8>(), 0..50)), 0..5),
    ) -> Message {
        let mut message = Message {
            msg_type: super::consensus::travelling()[kind],
            ..Message::default()
        };
        message.reject = reject;
        [
            message.to, message.from, message.term, message.log_term, message.commit,
            message.commit_term, message.request_snapshot, message.reject_hint,
            message.deprecated_priority, message.index,
        ] = numbers;
        message.index >>= 1;
        message.priority = priority;
        message.context = context.into();
        let first = message.index + 1;
        let entry = |(place, (kind, term, data)): (u64, (u8, u64, Vec<u8>))| Entry {
            entry_type: [
                EntryType::EntryNormal,
                EntryType::EntryConfChange,
                EntryType::EntryConfChangeV2,
            ][usize::from(kind)],
            index: first + place,
            term,
            data: data.into(),
            ..Entry::default()
        };
        let entries: Vec<Entry> = (0..).zip(entries).map(entry).collect();
        message.entries = entries.into();
        message
    }
}

proptest! {
    #[test]
    fn any_message_of_the_consensus_survives(message in any_message()) {
        let message = raft(message);
        prop_assert_eq!(decode(bytes_of(&message)), Ok(message));
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = decode(Bytes::from(bytes.clone())) {
            prop_assert_eq!(bytes_of(&message), bytes);
        }
    }

    #[test]
    fn a_message_with_one_byte_changed_is_a_message_or_an_error(
        sample in 0..9_usize,
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = bytes_of(&samples()[sample].1).to_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(message) = decode(Bytes::from(bytes.clone())) {
            prop_assert_eq!(bytes_of(&message), bytes);
        }
    }
}
