//! What a client asks in a frame.
//!
//! ```text
//! kind         payload
//! 1 Command    with flag 1: chance f64; then the command as in a log record
//! 2 Auth       user len u16, user, password             no user: the default one
//! 3 Ping       nothing
//! 4 Status     nothing
//! 5 Hello      `ClientHello` as in `control`                              little-endian
//! ```
//!
//! Flags that are not known are refused: they would change what is asked.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::frame::{Frame, FrameError, put_frame};
use crate::command::{Command, Request};
use crate::control::{self, ClientHello};
use crate::credentials::Credentials;
use crate::limits::Limits;
use crate::reply::{ErrorCode, ErrorReply};

mod kind {
    pub(super) const COMMAND: u8 = 1;
    pub(super) const AUTH: u8 = 2;
    pub(super) const PING: u8 = 3;
    pub(super) const STATUS: u8 = 4;
    pub(super) const HELLO: u8 = 5;
}

/// The payload begins with the chance that the write fails to reach memory.
const FLAG_FAULT: u8 = 1;

/// What a client asks.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RequestBody {
    /// A command on data.
    Command(Request),
    /// Who it is; answered OK or with an error.
    Auth(Credentials),
    /// Whether the server lives; answered OK.
    Ping,
    /// The node's state; answered by JSON text.
    Status,
    /// Who it is to people; answered by a [`ServerHello`](crate::control::ServerHello).
    Hello(ClientHello),
}

impl RequestBody {
    fn kind(&self) -> u8 {
        match self {
            RequestBody::Command(_) => kind::COMMAND,
            RequestBody::Auth(_) => kind::AUTH,
            RequestBody::Ping => kind::PING,
            RequestBody::Status => kind::STATUS,
            RequestBody::Hello(_) => kind::HELLO,
        }
    }

    fn flags(&self) -> u8 {
        match self {
            RequestBody::Command(Request { fault: Some(_), .. }) => FLAG_FAULT,
            _ => 0,
        }
    }

    /// Appends a frame with this request.
    pub(super) fn put_frame(
        &self,
        id: u64,
        max: usize,
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        let head = (id, self.kind(), self.flags());
        match self {
            RequestBody::Command(request) => put_frame(out, max, head, |out| {
                if let Some(chance) = request.fault {
                    out.put_f64_le(chance);
                }
                request.command.encode(out);
            }),
            RequestBody::Auth(credentials) => {
                put_frame(out, max, head, |out| put_credentials(credentials, out))
            }
            RequestBody::Ping | RequestBody::Status => put_frame(out, max, head, |_| {}),
            RequestBody::Hello(hello) => {
                let message = control::encode(hello)?;
                put_frame(out, max, head, |out| out.put_slice(&message))
            }
        }
    }

    /// What a frame asks.
    ///
    /// The error is to be answered; the frames after this one are sound.
    pub(super) fn from_frame(frame: Frame, limits: &Limits) -> Result<RequestBody, ErrorReply> {
        let known_flags = match frame.kind {
            kind::COMMAND => FLAG_FAULT,
            _ => 0,
        };
        if frame.flags & !known_flags != 0 {
            return Err(bad(format!("unknown request flags {:#x}", frame.flags)));
        }
        match frame.kind {
            kind::COMMAND => take_command(frame, limits).map(RequestBody::Command),
            kind::AUTH => take_credentials(frame.payload).map(RequestBody::Auth),
            kind::PING => nothing(&frame.payload, RequestBody::Ping),
            kind::STATUS => nothing(&frame.payload, RequestBody::Status),
            kind::HELLO => control::decode(&frame.payload)
                .map(RequestBody::Hello)
                .map_err(|error| bad(error.to_string())),
            other => Err(bad(format!("unknown request kind {other:#x}"))),
        }
    }
}

fn bad(message: String) -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, message)
}

fn nothing(payload: &[u8], body: RequestBody) -> Result<RequestBody, ErrorReply> {
    match payload {
        [] => Ok(body),
        _ => Err(bad("this request has no payload".to_owned())),
    }
}

fn take_command(mut frame: Frame, limits: &Limits) -> Result<Request, ErrorReply> {
    let fault = match frame.flags & FLAG_FAULT {
        0 => None,
        _ => Some(take_chance(&mut frame.payload)?),
    };
    let command = Command::decode_checked(frame.payload, limits)?;
    if fault.is_some() && !command.is_write() {
        return Err(bad("only a write can be made to fail".to_owned()));
    }
    Ok(Request { command, fault })
}

fn take_chance(payload: &mut Bytes) -> Result<f64, ErrorReply> {
    payload
        .try_get_f64_le()
        .ok()
        .filter(|chance| (0.0..=1.0).contains(chance))
        .ok_or_else(|| bad("chance is not a number from 0 to 1".to_owned()))
}

fn put_credentials(credentials: &Credentials, out: &mut BytesMut) {
    let user = credentials.user.as_deref().unwrap_or_default();
    let user = user.get(..usize::from(u16::MAX)).unwrap_or(user);
    out.put_u16_le(u16::try_from(user.len()).unwrap_or(u16::MAX));
    out.put_slice(user);
    out.put_slice(&credentials.password);
}

fn take_credentials(mut payload: Bytes) -> Result<Credentials, ErrorReply> {
    let user_len = payload.try_get_u16_le().map_or(usize::MAX, usize::from);
    if user_len > payload.len() {
        return Err(bad("credentials end early".to_owned()));
    }
    let user = payload.split_to(user_len);
    Ok(Credentials {
        user: Some(user).filter(|user| !user.is_empty()),
        password: payload,
    })
}
