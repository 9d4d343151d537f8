//! What a client asks in a frame.
//!
//! ```text
//! kind         payload
//! 1 Command    flag  1: chance f64         the chance that the write fails to reach memory
//!              flag  2: client u64, sequence u64            what identifies the write
//!              flag  4: nothing                             a stale read
//!              flag  8: after u64                           … that sees this write; with flag 4
//!              flag 16: nothing                             the reply says what it follows
//!              the fields of the flags in this order; then the command as in a log record
//! 2 Auth       user len u16, user, password             no user: the default one
//! 3 Ping       nothing
//! 4 Status     nothing
//! 5 Hello      `ClientHello` as in `control`
//! 6 Admin      `AdminRequest` as in `control`                             little-endian
//! ```
//!
//! Flags that are not known are refused: they would change what is asked.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::frame::{Frame, FrameError, put_frame};
use crate::command::Command;
use crate::control::{self, AdminRequest, ClientHello};
use crate::credentials::Credentials;
use crate::limits::Limits;
use crate::reply::{ErrorCode, ErrorReply};
use crate::request::{Identity, ReadLevel, Request};

mod kind {
    pub(super) const COMMAND: u8 = 1;
    pub(super) const AUTH: u8 = 2;
    pub(super) const PING: u8 = 3;
    pub(super) const STATUS: u8 = 4;
    pub(super) const HELLO: u8 = 5;
    pub(super) const ADMIN: u8 = 6;
}

mod flag {
    /// There is a chance that the write fails to reach memory.
    pub(super) const FAULT: u8 = 1;
    /// The write has an identity.
    pub(super) const IDENTITY: u8 = 2;
    /// The read may be stale.
    pub(super) const STALE: u8 = 4;
    /// It has to see a certain write.
    pub(super) const AFTER: u8 = 8;
    /// The reply says which writes it follows.
    pub(super) const POSITION: u8 = 16;
    /// All of them.
    pub(super) const ALL: u8 = FAULT | IDENTITY | STALE | AFTER | POSITION;
}

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
    /// What is asked of a cluster as such; answered OK once it is done, or with an error.
    Admin(AdminRequest),
}

impl RequestBody {
    fn kind(&self) -> u8 {
        match self {
            RequestBody::Command(_) => kind::COMMAND,
            RequestBody::Auth(_) => kind::AUTH,
            RequestBody::Ping => kind::PING,
            RequestBody::Status => kind::STATUS,
            RequestBody::Hello(_) => kind::HELLO,
            RequestBody::Admin(_) => kind::ADMIN,
        }
    }

    fn flags(&self) -> u8 {
        match self {
            RequestBody::Command(request) => flags_of(request),
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
        let message = match self {
            RequestBody::Hello(hello) => control::encode(hello)?,
            RequestBody::Admin(request) => control::encode(request)?,
            _ => Vec::new(),
        };
        put_frame(out, max, head, |out| match self {
            RequestBody::Command(request) => put_command(request, out),
            RequestBody::Auth(credentials) => put_credentials(credentials, out),
            _ => out.put_slice(&message),
        })
    }

    /// What a frame asks.
    ///
    /// The error is to be answered; the frames after this one are sound.
    pub(super) fn from_frame(frame: Frame, limits: &Limits) -> Result<RequestBody, ErrorReply> {
        let known_flags = match frame.kind {
            kind::COMMAND => flag::ALL,
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
            kind::ADMIN => take_admin(&frame.payload).map(RequestBody::Admin),
            other => Err(bad(format!("unknown request kind {other:#x}"))),
        }
    }
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, message)
}

fn nothing(payload: &[u8], body: RequestBody) -> Result<RequestBody, ErrorReply> {
    match payload {
        [] => Ok(body),
        _ => Err(bad("this request has no payload")),
    }
}

fn flags_of(request: &Request) -> u8 {
    let read = match request.read {
        ReadLevel::Linearizable => 0,
        ReadLevel::Stale { after: None } => flag::STALE,
        ReadLevel::Stale { after: Some(_) } => flag::STALE | flag::AFTER,
    };
    let when = |holds: bool, flag: u8| if holds { flag } else { 0 };
    read | when(request.fault.is_some(), flag::FAULT)
        | when(request.identity.is_some(), flag::IDENTITY)
        | when(request.asks_position, flag::POSITION)
}

fn put_command(request: &Request, out: &mut BytesMut) {
    if let Some(chance) = request.fault {
        out.put_f64_le(chance);
    }
    if let Some(Identity { client, sequence }) = request.identity {
        out.put_u64_le(client);
        out.put_u64_le(sequence);
    }
    if let ReadLevel::Stale { after: Some(after) } = request.read {
        out.put_u64_le(after);
    }
    request.command.encode(out);
}

fn take_command(mut frame: Frame, limits: &Limits) -> Result<Request, ErrorReply> {
    let (flags, payload) = (frame.flags, &mut frame.payload);
    let fault = take_if(flags, flag::FAULT, || take_chance(payload))?;
    let identity = take_if(flags, flag::IDENTITY, || take_identity(payload))?;
    let after = take_if(flags, flag::AFTER, || take_u64(payload))?;
    let request = Request {
        fault,
        identity,
        read: read_level(flags, after)?,
        asks_position: flags & flag::POSITION != 0,
        ..Command::decode_checked(frame.payload, limits)?.into()
    };
    check_fit(&request)?;
    Ok(request)
}

/// What a flag announces, if it is set.
fn take_if<T>(
    flags: u8,
    flag: u8,
    take: impl FnOnce() -> Result<T, ErrorReply>,
) -> Result<Option<T>, ErrorReply> {
    match flags & flag {
        0 => Ok(None),
        _ => take().map(Some),
    }
}

fn take_chance(payload: &mut Bytes) -> Result<f64, ErrorReply> {
    payload
        .try_get_f64_le()
        .ok()
        .filter(|chance| (0.0..=1.0).contains(chance))
        .ok_or_else(|| bad("chance is not a number from 0 to 1"))
}

fn take_identity(payload: &mut Bytes) -> Result<Identity, ErrorReply> {
    let identity = Identity {
        client: take_u64(payload)?,
        sequence: take_u64(payload)?,
    };
    match identity {
        Identity { client: 0, .. } | Identity { sequence: 0, .. } => {
            Err(bad("a write's client and sequence are numbers from 1 on"))
        }
        identity => Ok(identity),
    }
}

fn take_u64(payload: &mut Bytes) -> Result<u64, ErrorReply> {
    payload
        .try_get_u64_le()
        .map_err(|_| bad("request ends early"))
}

fn read_level(flags: u8, after: Option<u64>) -> Result<ReadLevel, ErrorReply> {
    match (flags & flag::STALE, after) {
        (0, None) => Ok(ReadLevel::Linearizable),
        (0, Some(_)) => Err(bad("only a stale read names a write to be seen")),
        (_, after) => Ok(ReadLevel::Stale { after }),
    }
}

/// What a write can ask for, a read cannot, and the other way round.
fn check_fit(request: &Request) -> Result<(), ErrorReply> {
    let is_write = request.command.is_write();
    if request.fault.is_some() && !is_write {
        return Err(bad("only a write can be made to fail"));
    }
    if request.identity.is_some() && !is_write {
        return Err(bad("only a write has an identity"));
    }
    if request.read != ReadLevel::Linearizable && is_write {
        return Err(bad("only a read can be stale"));
    }
    Ok(())
}

fn take_admin(payload: &[u8]) -> Result<AdminRequest, ErrorReply> {
    let request: AdminRequest = control::decode(payload).map_err(|error| bad(error.to_string()))?;
    request.check().map_err(|error| bad(error.to_string()))?;
    Ok(request)
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
        return Err(bad("credentials end early"));
    }
    let user = payload.split_to(user_len);
    Ok(Credentials {
        user: Some(user).filter(|user| !user.is_empty()),
        password: payload,
    })
}
