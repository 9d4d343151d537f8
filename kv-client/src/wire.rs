//! Between calls and frames: the only module that knows what a connection carries.
//!
//! ```text
//! client                                   server
//!   preface                           →
//!                                     ←    preface (auth required?)
//!   Auth, only if required            →
//!                                     ←    OK
//!   requests, any number at a time    →
//!                                     ←    replies, in any order
//! ```

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use kv_proto::control::AdminRequest;
use kv_proto::credentials::Credentials;
use kv_proto::native::{
    ClientCodec, FrameError, PREFACE_BYTES, Preface, ReplyBody, RequestBody, RequestFrame,
};
use kv_proto::{ErrorCode, ErrorReply, Identity, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::codec::{Decoder, Encoder};

use crate::config::Password;
use crate::connect::Stream;
use crate::error::Error;
use crate::retry::Failure;
use crate::seen::Seen;

/// What a client asks.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Ping,
    Status,
    Admin(AdminRequest),
    Command(Request),
}

impl Call {
    /// Whether it may change anything.
    pub(crate) fn is_write(&self) -> bool {
        match self {
            Call::Ping | Call::Status => false,
            Call::Admin(_) => true,
            Call::Command(request) => request.command.is_write(),
        }
    }

    /// Whether a server can know it again if it comes a second time.
    pub(crate) fn can_be_identified(&self) -> bool {
        matches!(self, Call::Command(request) if request.command.is_write())
    }

    /// The same with an identity; its reply says where in the order of all writes it is.
    pub(crate) fn identified(mut self, identity: Identity) -> Call {
        if let Call::Command(request) = &mut self {
            request.identity = Some(identity);
            request.asks_position = true;
        }
        self
    }
}

impl From<Call> for RequestBody {
    fn from(call: Call) -> RequestBody {
        match call {
            Call::Ping => RequestBody::Ping,
            Call::Status => RequestBody::Status,
            Call::Admin(request) => RequestBody::Admin(request),
            Call::Command(request) => RequestBody::Command(request),
        }
    }
}

/// Why a connection cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("answer to request {0}, which was never asked or is answered already")]
    Unasked(u64),
    #[error("answer of another kind than a reply")]
    Kind,
}

/// Frames of one connection.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    codec: ClientCodec,
    seen: Arc<Seen>,
}

impl Frames {
    /// Positions go to `seen`.
    pub(crate) fn new(seen: Arc<Seen>) -> Frames {
        Frames {
            codec: ClientCodec::default(),
            seen,
        }
    }

    /// Appends a frame.
    ///
    /// # Errors
    /// If it is too large; then nothing is appended.
    pub(crate) fn encode(
        &mut self,
        id: u64,
        call: Call,
        out: &mut BytesMut,
    ) -> Result<(), FrameError> {
        let body = call.into();
        self.codec.encode(RequestFrame { id, body }, out)
    }

    /// Takes the next whole reply.
    ///
    /// # Errors
    /// If the bytes are none.
    pub(crate) fn decode(
        &mut self,
        incoming: &mut BytesMut,
    ) -> Result<Option<(u64, Reply)>, WireError> {
        match self.codec.decode(incoming)? {
            None => Ok(None),
            Some(frame) => match frame.body {
                ReplyBody::Reply(reply) => {
                    frame.position.into_iter().for_each(|at| self.seen.note(at));
                    Ok(Some((frame.id, reply)))
                }
                _ => Err(WireError::Kind),
            },
        }
    }
}

/// Opens the conversation; nothing that could be executed is sent. Returns what the server said
/// of itself.
///
/// # Errors
/// `Final` if a later attempt cannot do better, else `NotSent`.
pub(crate) async fn handshake(
    stream: &mut Box<dyn Stream>,
    addr: &Arc<str>,
    password: Option<&Password>,
) -> Result<Preface, Failure> {
    let lost = |error: io::Error| Failure::NotSent(connect_error(addr, error));
    stream
        .write_all(&Preface::client().encode())
        .await
        .map_err(lost)?;
    let mut answer = [0; PREFACE_BYTES];
    stream.read_exact(&mut answer).await.map_err(lost)?;
    let server = Preface::decode_server(answer).map_err(|error| not_ours(addr, error))?;
    match (server.auth_required, password) {
        (false, _) => Ok(server),
        (true, Some(password)) => {
            authenticate(stream, addr, password).await?;
            Ok(server)
        }
        (true, None) => Err(Failure::Final(Error::Refused(ErrorReply::new(
            ErrorCode::NoAuth,
            "the server asks for a password",
        )))),
    }
}

async fn authenticate(
    stream: &mut Box<dyn Stream>,
    addr: &Arc<str>,
    password: &Password,
) -> Result<(), Failure> {
    let lost = |error: io::Error| Failure::NotSent(connect_error(addr, error));
    let mut codec = ClientCodec::default();
    let mut bytes = BytesMut::new();
    let body = RequestBody::Auth(Credentials {
        user: None,
        password: password.reveal().as_bytes().to_vec().into(),
    });
    let auth = RequestFrame { id: 0, body };
    codec
        .encode(auth, &mut bytes)
        .map_err(|error| not_ours(addr, error))?;
    stream.write_all(&bytes).await.map_err(lost)?;
    bytes.clear();
    loop {
        let frame = codec
            .decode(&mut bytes)
            .map_err(|error| not_ours(addr, error))?;
        match frame.map(|frame| frame.body) {
            Some(ReplyBody::Reply(Reply::Ok)) => return Ok(()),
            Some(ReplyBody::Reply(Reply::Error(refused))) => {
                return Err(Failure::Final(refused.into()));
            }
            Some(_) => return Err(not_ours(addr, WireError::Kind)),
            None => {}
        }
        if stream.read_buf(&mut bytes).await.map_err(lost)? == 0 {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

fn connect_error(addr: &Arc<str>, source: io::Error) -> Error {
    Error::Connect {
        addr: addr.clone(),
        source: Arc::new(source),
    }
}

/// Another server may be what this one is not.
fn not_ours(addr: &Arc<str>, error: impl ToString) -> Failure {
    Failure::NotSent(Error::Protocol {
        addr: addr.clone(),
        message: error.to_string(),
    })
}
