//! Our own protocol, by the codec of `kv-proto`: what a real client pays is paid here too.
//!
//! The preface goes out with the first request; the server's comes with the first answer. Frames
//! are numbered from 0 and answers must come in that order, as they do from a server that is
//! asked for nothing but reads and writes of single keys.

use bytes::{Bytes, BytesMut};
use kv_proto::native::{
    ClientCodec, FrameError, PREFACE_BYTES, Preface, ReplyBody, ReplyFrame, RequestBody,
    RequestFrame,
};
use kv_proto::{Command, EncodedValue, Reply, Request, WireLimits};
use tokio_util::codec::{Decoder, Encoder};

use super::{Answer, Protocol, ProtocolError};
use crate::workload::{KeySpace, Kind, Operation};

/// One connection's state.
#[derive(Debug, Clone, Default)]
pub struct Native {
    codec: ClientCodec,
    frame: BytesMut,
    has_sent_preface: bool,
    has_seen_preface: bool,
    /// Number of the next request.
    next_request: u64,
    /// Number of the next answer.
    next_answer: u64,
    /// What the last answer refers to.
    last: Bytes,
}

impl Native {
    /// A connection that has yet to say hello.
    ///
    /// # Errors
    ///
    /// If a write of these keys and values does not fit into a frame.
    pub fn new(space: &KeySpace) -> Result<Native, FrameError> {
        let mut native = Native::default();
        let write = Operation {
            kind: Kind::Write,
            key: 0,
            nonce: 0,
        };
        native.put_frame(space, &write)?;
        Ok(Native::default())
    }

    fn put_frame(&mut self, space: &KeySpace, operation: &Operation) -> Result<(), FrameError> {
        let frame = RequestFrame {
            id: self.next_request,
            body: RequestBody::Command(Request::from(command(space, operation))),
        };
        self.frame.clear();
        self.codec.encode(frame, &mut self.frame)
    }

    /// Bytes of the server's preface at the front of `input`; `None` if it is not whole yet.
    fn preface_bytes(&self, input: &[u8]) -> Result<Option<usize>, ProtocolError> {
        if self.has_seen_preface {
            return Ok(Some(0));
        }
        let Some(bytes) = input.first_chunk::<PREFACE_BYTES>() else {
            return Ok(None);
        };
        match Preface::decode_server(*bytes) {
            Ok(preface) if preface.auth_required => {
                Err(ProtocolError::new("a server that wants a password", bytes))
            }
            Ok(_) => Ok(Some(PREFACE_BYTES)),
            Err(_) => Err(ProtocolError::new("a bad preface", bytes)),
        }
    }

    fn check_order(&mut self, id: u64, input: &[u8]) -> Result<(), ProtocolError> {
        if id != self.next_answer {
            return Err(ProtocolError::new("an answer out of order", input));
        }
        self.next_answer += 1;
        Ok(())
    }

    fn answer(&mut self, body: ReplyBody, input: &[u8]) -> Result<Answer<'_>, ProtocolError> {
        let unexpected = Err(ProtocolError::new("no answer to a read or write", input));
        let ReplyBody::Reply(reply) = body else {
            return unexpected;
        };
        match reply {
            Reply::Ok => return Ok(Answer::Done),
            Reply::Nil => return Ok(Answer::Nothing),
            Reply::Bytes(bytes) => self.last = bytes,
            Reply::Value(value) => self.last = value.payload,
            Reply::Error(error) => {
                self.last = error.to_string().into();
                return Ok(Answer::Refused(&self.last));
            }
            _ => return unexpected,
        }
        Ok(Answer::Value(&self.last))
    }
}

/// The command for an operation.
fn command(space: &KeySpace, operation: &Operation) -> Command {
    let mut key = Vec::with_capacity(space.key_bytes());
    space.write_key(operation.key, &mut key);
    match operation.kind {
        Kind::Read => Command::Get(key.into()),
        Kind::Write => {
            let mut value = Vec::new();
            space.write_value(operation.key, operation.nonce, &mut value);
            let value = EncodedValue::from_bytes(value.into());
            Command::Set(kv_proto::command::Set::new(key.into(), value))
        }
    }
}

impl Protocol for Native {
    fn encode(&mut self, space: &KeySpace, operation: &Operation, out: &mut Vec<u8>) {
        if !self.has_sent_preface {
            out.extend_from_slice(&Preface::client().encode());
            self.has_sent_preface = true;
        }
        self.put_frame(space, operation)
            .expect("keys and values of this size were seen to fit into a frame");
        self.next_request += 1;
        out.extend_from_slice(&self.frame);
    }

    fn decode<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(Answer<'a>, usize)>, ProtocolError> {
        let Some(start) = self.preface_bytes(input)? else {
            return Ok(None);
        };
        let Some(frame) = whole_frame(&input[start..])? else {
            return Ok(None);
        };
        self.has_seen_preface = true;
        let decoded = self.codec.decode(&mut BytesMut::from(frame));
        let Ok(Some(ReplyFrame { id, body, .. })) = decoded else {
            return Err(ProtocolError::new("a bad frame", frame));
        };
        self.check_order(id, frame)?;
        Ok(Some((self.answer(body, frame)?, start + frame.len())))
    }
}

/// The frame at the front; `None` if not all of it is there.
fn whole_frame(input: &[u8]) -> Result<Option<&[u8]>, ProtocolError> {
    const LEN_BYTES: usize = 4;
    let Some(len) = input.first_chunk::<LEN_BYTES>() else {
        return Ok(None);
    };
    let len = LEN_BYTES + u32::from_le_bytes(*len) as usize;
    if len > WireLimits::default().frame_bytes_max {
        return Err(ProtocolError::new("a frame beyond the limit", input));
    }
    Ok(input.get(..len))
}

#[cfg(test)]
mod tests;
