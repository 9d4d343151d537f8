//! One socket to a peer: its options, its input, and both sides of the handshake on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::Lane;
use super::error::{PeerError, Refused};
use super::frame::{Frame, Kind, put_frame};
use super::handshake::{
    Challenge, HANDSHAKE_BYTES_MAX, Hello, Meeting, Nonce, PREFACE, Role, check_preface,
};
use super::settings::PeerSettings;

/// Least and most room for a read.
const READ_BYTES_MIN: usize = 8 << 10;
const READ_BYTES_MAX: usize = 64 << 10;

/// An empty buffer larger than this is given back: one that many messages of the usual length, or
/// a large one now and then, have needed is kept.
const BUFFER_BYTES_KEPT: usize = 16 << 20;

/// How long what was sent may go without the other machine's word that it came.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);

/// Silence after which the other machine is asked whether the connection still is.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Who this process is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) settings: PeerSettings,
    /// A random number of the process.
    pub(super) instance: u64,
}

impl Identity {
    /// # Errors
    /// If the operating system has no random numbers.
    pub(super) fn new(settings: PeerSettings) -> io::Result<Identity> {
        let mut instance = [0; 8];
        fill_random(&mut instance)?;
        Ok(Identity {
            settings,
            instance: u64::from_le_bytes(instance),
        })
    }

    fn has_secret(&self) -> bool {
        self.settings.secret.is_some()
    }

    fn hello(&self, to: u64, lane: Lane) -> io::Result<Hello> {
        Ok(Hello {
            lane,
            has_secret: self.has_secret(),
            cluster_id: self.settings.cluster_id,
            from: self.settings.node_id,
            to,
            instance: self.instance,
            nonce: nonce()?,
        })
    }

    fn challenge(&self) -> io::Result<Challenge> {
        Ok(Challenge {
            has_secret: self.has_secret(),
            instance: self.instance,
            nonce: nonce()?,
        })
    }
}

fn nonce() -> io::Result<Nonce> {
    let mut nonce = Nonce::default();
    fill_random(&mut nonce)?;
    Ok(nonce)
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// A socket, and what was read from it.
#[derive(Debug)]
pub(super) struct PeerStream {
    stream: TcpStream,
    input: BytesMut,
    read_bytes: usize,
}

impl PeerStream {
    /// Sets the socket's options.
    pub(super) fn new(stream: TcpStream) -> io::Result<PeerStream> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        limit_unacknowledged(&socket);
        if stream.peer_addr()?.ip().is_loopback() {
            // As for clients: nothing is congested within a machine, so the control that costs
            // least is the best. Whoever may not choose it has what the system chose.
            let _ = socket.set_tcp_congestion(b"reno");
        }
        Ok(PeerStream {
            stream,
            input: BytesMut::new(),
            read_bytes: READ_BYTES_MIN,
        })
    }

    /// The socket alone, of one who only writes from now on.
    pub(super) fn into_socket(self) -> TcpStream {
        self.stream
    }

    /// Waits for bytes; how many came, and whether that was all there was room for.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<Fill, PeerError>> {
        if self.input.is_empty() && self.input.capacity() > BUFFER_BYTES_KEPT {
            self.input = BytesMut::new();
        }
        self.input.reserve(self.read_bytes);
        let room = self.input.capacity() - self.input.len();
        let count = ready!(poll_read_buf(
            Pin::new(&mut self.stream),
            cx,
            &mut self.input
        ))?;
        if count == 0 {
            return Poll::Ready(Err(PeerError::Closed));
        }
        let is_full = count == room;
        self.read_bytes = match is_full {
            true => (2 * self.read_bytes).min(READ_BYTES_MAX),
            false => READ_BYTES_MIN,
        };
        Poll::Ready(Ok(Fill { count, is_full }))
    }

    async fn fill(&mut self) -> Result<(), PeerError> {
        std::future::poll_fn(|cx| self.poll_fill(cx)).await?;
        Ok(())
    }

    /// Hands each frame that is all there to `take`; those that were taken are gone.
    pub(super) fn drain(
        &mut self,
        len_max: usize,
        mut take: impl FnMut(Frame<'_>) -> Result<(), PeerError>,
    ) -> Result<(), PeerError> {
        let mut taken = 0;
        while let Some((frame, len)) = Frame::decode(&self.input[taken..], len_max)? {
            taken += len;
            take(frame)?;
        }
        self.input.advance(taken);
        Ok(())
    }

    /// The next frame of a handshake.
    async fn frame(&mut self) -> Result<(Kind, Bytes), PeerError> {
        loop {
            if let Some((frame, len)) = Frame::decode(&self.input, HANDSHAKE_BYTES_MAX)? {
                let found = (frame.kind, Bytes::copy_from_slice(frame.payload));
                self.input.advance(len);
                return Ok(found);
            }
            self.fill().await?;
        }
    }

    async fn send(&mut self, before: &[u8], kind: Kind, payload: &[u8]) -> Result<(), PeerError> {
        let mut output = BytesMut::from(before);
        put_frame(&mut output, kind, HANDSHAKE_BYTES_MAX, |out| {
            out.extend_from_slice(payload);
        })?;
        Ok(self.stream.write_all(&output).await?)
    }

    async fn preface(&mut self) -> Result<(), PeerError> {
        while self.input.len() < PREFACE.len() {
            // What is something else shows before it has sent eight bytes.
            if !PREFACE.starts_with(&self.input[..self.input.len().min(7)]) {
                return Err(PeerError::NotAPeer);
            }
            self.fill().await?;
        }
        check_preface(self.input.get_u64().to_be_bytes())
    }
}

/// What a read brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fill {
    pub(super) count: usize,
    /// There may be more.
    pub(super) is_full: bool,
}

#[cfg(target_os = "linux")]
fn limit_unacknowledged(socket: &SockRef<'_>) {
    // Without it a machine that is gone is noticed after a quarter of an hour.
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
}

#[cfg(not(target_os = "linux"))]
fn limit_unacknowledged(_: &SockRef<'_>) {}

/// The dialler's half of the handshake.
pub(super) async fn introduce(
    stream: &mut PeerStream,
    identity: &Identity,
    to: u64,
    lane: Lane,
) -> Result<(), PeerError> {
    let secret = identity.settings.secret.as_ref();
    let hello = identity.hello(to, lane)?;
    stream.send(&PREFACE, Kind::Hello, &hello.encode()).await?;
    stream.preface().await?;
    let challenge = answer(stream.frame().await?, Kind::Challenge)?;
    let challenge = Challenge::decode(&challenge).ok_or(PeerError::Protocol("no challenge"))?;
    if challenge.has_secret != hello.has_secret {
        return Err(PeerError::Refused(Refused::SecretMissing));
    }
    let meeting = Meeting { hello, challenge };
    let proof = meeting.proof(Role::Dialler, secret);
    stream.send(&[], Kind::Proof, &proof).await?;
    let welcome = answer(stream.frame().await?, Kind::Welcome)?;
    match meeting.is_proven(Role::Acceptor, secret, &welcome) {
        true => Ok(()),
        false => Err(PeerError::Refused(Refused::WrongSecret)),
    }
}

/// The payload of a frame that should be of `kind`, and may be a refusal.
fn answer((found, payload): (Kind, Bytes), kind: Kind) -> Result<Bytes, PeerError> {
    if found == kind {
        return Ok(payload);
    }
    match found {
        Kind::Refusal => Err(match Refused::decode(&payload) {
            Some(refused) => PeerError::RefusedByPeer(refused),
            None => PeerError::Protocol("it refuses for a reason that this node does not know"),
        }),
        _ => Err(PeerError::Protocol("not what comes next in a handshake")),
    }
}

/// The acceptor's half. `admit` has the last word, once the dialler has proved who it is.
pub(super) async fn receive<T>(
    stream: &mut PeerStream,
    identity: &Identity,
    admit: impl FnOnce(&Hello) -> Result<T, Refused>,
) -> Result<(Hello, T), PeerError> {
    if let Err(error) = stream.preface().await {
        if let PeerError::Version { .. } = error {
            // So that it can tell what this node speaks.
            stream.stream.write_all(&PREFACE).await?;
        }
        return Err(error);
    }
    let hello = Hello::decode(&answer(stream.frame().await?, Kind::Hello)?)
        .ok_or(PeerError::Protocol("no hello"))?;
    let settings = &identity.settings;
    let has_secret = identity.has_secret();
    if let Some(refused) = hello.refusal(settings.cluster_id, settings.node_id, has_secret) {
        return refuse(stream, &PREFACE, refused).await;
    }
    let challenge = identity.challenge()?;
    let meeting = Meeting { hello, challenge };
    stream
        .send(&PREFACE, Kind::Challenge, &challenge.encode())
        .await?;
    let proof = answer(stream.frame().await?, Kind::Proof)?;
    let secret = settings.secret.as_ref();
    if !meeting.is_proven(Role::Dialler, secret, &proof) {
        return refuse(stream, &[], Refused::WrongSecret).await;
    }
    let admitted = match admit(&hello) {
        Ok(admitted) => admitted,
        Err(refused) => return refuse(stream, &[], refused).await,
    };
    let welcome = meeting.proof(Role::Acceptor, secret);
    stream.send(&[], Kind::Welcome, &welcome).await?;
    Ok((hello, admitted))
}

async fn refuse<T>(
    stream: &mut PeerStream,
    before: &[u8],
    refused: Refused,
) -> Result<T, PeerError> {
    stream
        .send(before, Kind::Refusal, &refused.encode())
        .await?;
    Err(PeerError::Refused(refused))
}
