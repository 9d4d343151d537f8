//! Any bytes from another node: frames of a connection, messages within them, and handshakes.
//!
//!   | flags u8 | bytes … |
//!
//! Flag 1 asks for the bytes to be taken as a stream of frames whose checksums are put right
//! first: a fuzzer does not guess a CRC. Without it they are one message.
//!
//! 1. Whatever the bytes, decoding ends in a message or an error.
//! 2. Nothing is reserved for what a length or a count announces.
//! 3. A message that was read is the same when it is written and read again. Consensus' messages
//!    have one encoding only.

#![no_main]

use bytes::{Bytes, BytesMut};
use kv_cluster::PeerMessage;
use kv_cluster::wire::{decode, encode};
use kv_node::peer::handshake::{Challenge, Hello};
use kv_node::peer::{FRAME_HEADER_BYTES, Frame, Kind, Refused};
use libfuzzer_sys::fuzz_target;
use raft::eraftpb::{Entry, Message, MessageType, Snapshot};

const FRAMED: u8 = 1;
const MESSAGE_BYTES_MAX: usize = 16 << 10;

fuzz_target!(init: fuzz::offer_seeds(seeds()), |data: &[u8]| {
    let [flags, bytes @ ..] = data else { return };
    if flags & FRAMED == 0 {
        return message(bytes);
    }
    let mut bytes = bytes.to_vec();
    frames(&bytes);
    repair(&mut bytes);
    frames(&bytes);
});

fn message(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let decoded = fuzz::assert_modest(bytes.len(), || decode(bytes.clone()));
    let Ok(message) = decoded else { return };
    let mut again = BytesMut::new();
    encode(&message, &mut again);
    if is_consensus(&message) {
        assert!(again == bytes, "one encoding");
    }
    let mut third = BytesMut::new();
    let message = decode(again.clone().freeze()).expect("what was written is a message");
    encode(&message, &mut third);
    assert!(third == again, "the same when it is written again");
}

/// Requests and replies may have been written in other ways than ours.
fn is_consensus(message: &PeerMessage) -> bool {
    !matches!(message, PeerMessage::Forward(_) | PeerMessage::Answer(_))
}

fn frames(mut bytes: &[u8]) {
    while let Ok(Some((frame, len))) = Frame::decode(bytes, MESSAGE_BYTES_MAX) {
        assert_eq!(len, FRAME_HEADER_BYTES + frame.payload.len());
        match frame.kind {
            Kind::Hello => same(frame.payload, Hello::decode(frame.payload), Hello::encode),
            Kind::Challenge => same(
                frame.payload,
                Challenge::decode(frame.payload),
                Challenge::encode,
            ),
            Kind::Refusal => {
                // Some reasons have fewer numbers than there is room for.
                let refused = Refused::decode(frame.payload).map(|refused| refused.encode());
                let again = refused.map(|bytes| (bytes.len(), Refused::decode(&bytes)));
                assert!(again.is_none_or(|(len, again)| len == 17 && again.is_some()));
            }
            Kind::Message => message(frame.payload),
            _ => {}
        }
        bytes = &bytes[len..];
    }
}

fn same<T>(bytes: &[u8], decoded: Option<T>, encode: fn(&T) -> Vec<u8>) {
    if let Some(decoded) = decoded {
        assert!(encode(&decoded) == bytes, "one encoding");
    }
}

/// Puts the checksums of frames right, as far as their lengths go.
fn repair(bytes: &mut [u8]) {
    let mut rest = bytes;
    while rest.len() >= FRAME_HEADER_BYTES {
        let len = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let whole = FRAME_HEADER_BYTES.saturating_add(len);
        if whole > rest.len() {
            return;
        }
        let (frame, after) = rest.split_at_mut(whole);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..]);
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
        rest = after;
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let plain = messages().map(|message| [&[0], &bytes_of(&message)[..]].concat());
    let framed = messages().map(|message| framed(16, &bytes_of(&message)));
    let hello = framed_zeros(1, 66);
    plain
        .chain(framed)
        .chain([hello, framed_zeros(2, 41), framed_zeros(5, 17)])
        .collect()
}

fn framed_zeros(kind: u8, len: usize) -> Vec<u8> {
    framed(kind, &vec![0; len])
}

fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("seeds are short");
    [&[FRAMED], &len.to_le_bytes()[..], &[0; 4], &[kind], payload].concat()
}

fn bytes_of(message: &PeerMessage) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(message, &mut bytes);
    bytes
}

/// Those of the golden bytes, and entries besides.
fn messages() -> impl Iterator<Item = PeerMessage> {
    let golden = include_str!("../../../kv-cluster/testdata/peer-messages-v1.txt");
    let golden = golden.lines().map(|line| {
        let hex = line.split(' ').nth(1).expect("a name and bytes");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        decode(bytes.into()).expect("golden bytes are a message")
    });
    golden.chain([append(), mark()])
}

fn append() -> PeerMessage {
    let entry = |index| Entry {
        index,
        term: 1,
        data: Bytes::from_static(b"data"),
        ..Entry::default()
    };
    PeerMessage::Raft(Box::new(Message {
        msg_type: MessageType::MsgAppend,
        index: 4,
        entries: vec![entry(5), entry(6)].into(),
        ..Message::default()
    }))
}

fn mark() -> PeerMessage {
    let mut message = Message {
        msg_type: MessageType::MsgSnapshot,
        ..Message::default()
    };
    message.set_snapshot(Snapshot::default());
    PeerMessage::Raft(Box::new(message))
}
