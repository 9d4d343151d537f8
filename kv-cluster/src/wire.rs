//! The bytes of what nodes say to each other.
//!
//! ```text
//! message  = kind u8 | body
//!  1 Raft      see `consensus`
//!  2 Hello     incarnation u64
//!  3 Welcome   incarnation u64 | accepted u8
//!  4 Offer     snapshot | leader term u64 | last write u64, its now_ms u64 | finished at ms u64
//!              | annex bytes u64 | annex crc u32 | count u16 | part*
//!  5 Chunk     snapshot | file u16 | offset u64 | crc u32 | the bytes
//!  6 ChunkAck  snapshot | file u16 | offset u64 | refused u8
//!  7 Forward   id u64 | is once u8 | count u32 | request*
//!  8 Answer    id u64 | last write u64 | count u32 | (len u32, reply as in kv-proto)*
//!
//! snapshot = index u64 | term u64
//! part     = file bytes u64 | entry count u64 | trailer crc u32
//! request  = [client u64 | sequence u64] | fault u8 [chance f64]
//!            | len u32, command as in kv-proto                             little-endian
//! ```
//!
//! What is in brackets is there if the byte before says so: 1, else 0.
//!
//! 1. Whatever the bytes, decoding ends in a message or an error, and reserves at most a constant
//!    factor of the bytes that came.
//! 2. A message has one encoding, and nothing is left of the bytes after it.
//! 3. Consensus' messages are read field by field. The parser that their types come with is never
//!    given bytes from a network.

use bytes::{BufMut, Bytes};

mod consensus;
mod fields;
mod requests;
mod transfer;

#[cfg(test)]
mod tests;

use crate::{Hello, PeerMessage, Welcome};
use fields::Fields;

mod kind {
    pub(super) const RAFT: u8 = 1;
    pub(super) const HELLO: u8 = 2;
    pub(super) const WELCOME: u8 = 3;
    pub(super) const OFFER: u8 = 4;
    pub(super) const CHUNK: u8 = 5;
    pub(super) const CHUNK_ACK: u8 = 6;
    pub(super) const FORWARD: u8 = 7;
    pub(super) const ANSWER: u8 = 8;
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// They end before the message does.
    #[error("a message is cut short")]
    Short,
    /// They go on after it.
    #[error("there is something behind a message")]
    Trailing,
    /// There is no such kind of message.
    #[error("a message of an unknown kind")]
    UnknownKind,
    /// A field has a value that it never has.
    #[error("a message has a bad {0}")]
    BadField(&'static str),
}

impl WireError {
    /// The same, for whoever wants no more than a few words.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            WireError::Short => "a message is cut short",
            WireError::Trailing => "there is something behind a message",
            WireError::UnknownKind => "a message of an unknown kind",
            WireError::BadField(_) => "a message has a bad field",
        }
    }
}

/// Appends a message's bytes.
///
/// # Panics
/// If a consensus message carries a snapshot's data, or something has 4 GiB.
pub fn encode(message: &PeerMessage, out: &mut impl BufMut) {
    match message {
        PeerMessage::Raft(message) => {
            out.put_u8(kind::RAFT);
            consensus::put(message, out);
        }
        PeerMessage::Hello(hello) => {
            out.put_u8(kind::HELLO);
            out.put_u64_le(hello.incarnation);
        }
        PeerMessage::Welcome(welcome) => {
            out.put_u8(kind::WELCOME);
            out.put_u64_le(welcome.incarnation);
            out.put_u8(u8::from(welcome.is_accepted));
        }
        PeerMessage::Offer(offer) => {
            out.put_u8(kind::OFFER);
            transfer::put_offer(offer, out);
        }
        PeerMessage::Chunk(chunk) => {
            out.put_u8(kind::CHUNK);
            transfer::put_chunk(chunk, out);
        }
        PeerMessage::ChunkAck(ack) => {
            out.put_u8(kind::CHUNK_ACK);
            transfer::put_ack(ack, out);
        }
        PeerMessage::Forward(forward) => {
            out.put_u8(kind::FORWARD);
            requests::put_forward(forward, out);
        }
        PeerMessage::Answer(answer) => {
            out.put_u8(kind::ANSWER);
            requests::put_answer(answer, out);
        }
    }
}

/// The message that is all of `bytes`. What it holds are slices of them.
///
/// # Errors
/// If they are anything else.
pub fn decode(bytes: Bytes) -> Result<PeerMessage, WireError> {
    let mut fields = Fields::new(bytes);
    let message = match fields.u8()? {
        kind::RAFT => PeerMessage::Raft(Box::new(consensus::take(&mut fields)?)),
        kind::HELLO => PeerMessage::Hello(Hello {
            incarnation: fields.u64()?,
        }),
        kind::WELCOME => PeerMessage::Welcome(Welcome {
            incarnation: fields.u64()?,
            is_accepted: fields.bool("welcome")?,
        }),
        kind::OFFER => PeerMessage::Offer(Box::new(transfer::take_offer(&mut fields)?)),
        kind::CHUNK => PeerMessage::Chunk(transfer::take_chunk(&mut fields)?),
        kind::CHUNK_ACK => PeerMessage::ChunkAck(transfer::take_ack(&mut fields)?),
        kind::FORWARD => PeerMessage::Forward(requests::take_forward(&mut fields)?),
        kind::ANSWER => PeerMessage::Answer(requests::take_answer(&mut fields)?),
        _ => return Err(WireError::UnknownKind),
    };
    fields.end()?;
    Ok(message)
}

/// A length or a count as it is written.
fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("limits on requests and messages are far below 4 GiB")
}

fn put_bytes(bytes: &[u8], out: &mut impl BufMut) {
    out.put_u32_le(narrow(bytes.len()));
    out.put_slice(bytes);
}
