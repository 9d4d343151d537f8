//! Frames as `tokio_util` codecs: one for each side.
//!
//! ```text
//! reply kind     payload
//! 0x81 Reply     flag 1: applied u64, age in ms u64       which writes it follows, if asked
//!                then the reply: see `reply`
//! 0x85 Hello     `ServerHello` as in `control`                            little-endian
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::frame::{Frame, FrameError, put_frame};
use super::reply::{ReplyError, decode_reply, encode_reply};
use super::request::RequestBody;
use crate::control::{self, ServerHello};
use crate::limits::{Limits, WireLimits};
use crate::reply::{ErrorReply, Reply};
use crate::request::Position;

mod kind {
    pub(super) const REPLY: u8 = 0x81;
    pub(super) const HELLO: u8 = 0x85;
}

/// The reply's payload begins with a position.
const FLAG_POSITION: u8 = 1;

/// A request as a client sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFrame {
    /// Chosen by the client.
    pub id: u64,
    /// What is asked.
    pub body: RequestBody,
}

/// A request as a server receives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// To be sent back with the reply.
    pub id: u64,
    /// What is asked, or the error to be answered.
    pub body: Result<RequestBody, ErrorReply>,
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyFrame {
    /// The request's.
    pub id: u64,
    /// Which writes it follows, if that was asked.
    pub position: Option<Position>,
    /// The answer.
    pub body: ReplyBody,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ReplyBody {
    /// To anything but a hello.
    Reply(Reply),
    /// To a hello.
    Hello(ServerHello),
}

/// The server's side: requests in, replies out.
#[derive(Debug, Clone)]
pub struct ServerCodec {
    wire: WireLimits,
    limits: Limits,
}

impl ServerCodec {
    /// A codec that holds peers to these limits.
    #[must_use]
    pub fn new(wire: WireLimits, limits: Limits) -> ServerCodec {
        ServerCodec { wire, limits }
    }

    /// From now on these limits hold, as when the peer has authenticated.
    pub fn set_wire_limits(&mut self, wire: WireLimits) {
        self.wire = wire;
    }
}

impl Decoder for ServerCodec {
    type Item = Incoming;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, FrameError> {
        let frame = Frame::take(buffer, self.wire.frame_bytes_max)?;
        Ok(frame.map(|frame| Incoming {
            id: frame.id,
            body: RequestBody::from_frame(frame, &self.limits),
        }))
    }
}

impl Encoder<ReplyFrame> for ServerCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: ReplyFrame, out: &mut BytesMut) -> Result<(), FrameError> {
        match frame.body {
            ReplyBody::Reply(reply) => {
                encode_reply_frame_at(frame.id, frame.position, &reply, out);
                Ok(())
            }
            ReplyBody::Hello(hello) => {
                let message = control::encode(&hello)?;
                let head = (frame.id, kind::HELLO, 0);
                put_frame(out, reply_bytes_max(), head, |out| out.put_slice(&message))
            }
        }
    }
}

/// Clients take frames of this length, whatever the server takes.
fn reply_bytes_max() -> usize {
    WireLimits::default().frame_bytes_max
}

/// Appends a frame with `reply`; if it does not fit into one, a frame with an error that says so.
pub fn encode_reply_frame(id: u64, reply: &Reply, out: &mut BytesMut) {
    encode_reply_frame_at(id, None, reply, out);
}

/// The same, and the frame says which writes the reply follows.
pub fn encode_reply_frame_at(
    id: u64,
    position: Option<Position>,
    reply: &Reply,
    out: &mut BytesMut,
) {
    let max = reply_bytes_max();
    let flags = position.map_or(0, |_| FLAG_POSITION);
    let head = (id, kind::REPLY, flags);
    let fitted = put_frame(out, max, head, |out| {
        if let Some(Position { applied, age_ms }) = position {
            out.put_u64_le(applied);
            out.put_u64_le(age_ms);
        }
        encode_reply(reply, out);
    });
    if fitted.is_err() {
        let error = Reply::err("reply does not fit into a frame; ask for less at once");
        put_frame(out, max, (id, kind::REPLY, 0), |out| {
            encode_reply(&error, out);
        })
        .expect("a short error fits into a frame");
    }
}

/// Takes the position from the front of a reply's payload.
fn take_position(flags: u8, payload: &mut Bytes) -> Result<Option<Position>, FrameError> {
    if flags & !FLAG_POSITION != 0 {
        return Err(FrameError::UnknownReplyFlags(flags));
    }
    if flags & FLAG_POSITION == 0 {
        return Ok(None);
    }
    let mut number = || payload.try_get_u64_le().map_err(|_| ReplyError::Truncated);
    Ok(Some(Position {
        applied: number()?,
        age_ms: number()?,
    }))
}

/// The client's side: requests out, replies in.
#[derive(Debug, Clone)]
pub struct ClientCodec {
    frame_bytes_max: usize,
}

impl ClientCodec {
    /// A codec that sends frames of at most this length, as the server announced it.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> ClientCodec {
        ClientCodec { frame_bytes_max }
    }
}

impl Default for ClientCodec {
    fn default() -> ClientCodec {
        ClientCodec::new(WireLimits::default().frame_bytes_max)
    }
}

impl Encoder<RequestFrame> for ClientCodec {
    type Error = FrameError;

    /// # Errors
    /// If the request does not fit into a frame: nothing is appended then, and the connection is
    /// as sound as before.
    fn encode(&mut self, frame: RequestFrame, out: &mut BytesMut) -> Result<(), FrameError> {
        frame.body.put_frame(frame.id, self.frame_bytes_max, out)
    }
}

impl Decoder for ClientCodec {
    type Item = ReplyFrame;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<ReplyFrame>, FrameError> {
        let Some(mut frame) = Frame::take(buffer, reply_bytes_max())? else {
            return Ok(None);
        };
        let mut position = None;
        let body = match frame.kind {
            kind::REPLY => {
                position = take_position(frame.flags, &mut frame.payload)?;
                ReplyBody::Reply(decode_reply(frame.payload)?)
            }
            kind::HELLO => ReplyBody::Hello(control::decode(&frame.payload)?),
            other => return Err(FrameError::UnknownReplyKind(other)),
        };
        Ok(Some(ReplyFrame {
            id: frame.id,
            position,
            body,
        }))
    }
}
