//! Servers in the same process: a test plays each of them by hand.
//!
//! A [`Net`] connects by name to whoever listens there; no sockets, so that time can be paused.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kv_client::{Client, Command, Config, Connect, Connecting, ErrorReply, Reply, Stream};
use kv_proto::native::{
    Incoming, PREFACE_BYTES, Preface, RequestBody, ServerCodec, encode_reply_frame,
    encode_reply_frame_at,
};
use kv_proto::{Limits, Position, Request, WireLimits};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::codec::Decoder;

const PIPE_BYTES: usize = 64 * 1024;

/// On paused time this is over in no time, so a client that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A network of names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Net {
    listeners: Arc<Mutex<HashMap<String, mpsc::UnboundedSender<DuplexStream>>>>,
    writes: Arc<AtomicUsize>,
}

impl Net {
    /// From now on connections to `addr` are made.
    pub(crate) fn listen(&self, addr: &str) -> Listener {
        let (sender, incoming) = mpsc::unbounded_channel();
        self.listeners
            .lock()
            .unwrap()
            .insert(addr.to_owned(), sender);
        Listener { incoming }
    }

    pub(crate) fn client(&self, config: impl Into<Config>) -> Client {
        Client::with_connector(config, self.clone()).unwrap()
    }

    /// How often clients wrote to a connection.
    pub(crate) fn write_count(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }
}

impl Connect for Net {
    fn connect<'a>(&'a self, addr: &'a str) -> Connecting<'a> {
        let (ours, theirs) = duplex(PIPE_BYTES);
        let listeners = self.listeners.lock().unwrap();
        let accepted = listeners
            .get(addr)
            .is_some_and(|listener| listener.send(theirs).is_ok());
        let writes = self.writes.clone();
        Box::pin(async move {
            match accepted {
                true => Ok(Box::new(Counted { ours, writes }) as Box<dyn Stream>),
                false => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

/// Counts writes.
struct Counted {
    ours: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.ours).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.ours).poll_write(cx, bytes);
        if written.is_ready() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.ours).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.ours).poll_shutdown(cx)
    }
}

/// A server that has not accepted yet.
pub(crate) struct Listener {
    incoming: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Listener {
    /// The next connection, before a word was said.
    pub(crate) async fn stream(&mut self) -> DuplexStream {
        let connected = timeout(PATIENCE, self.incoming.recv()).await;
        connected.ok().flatten().expect("a client connects")
    }

    /// The next connection, ready for requests.
    pub(crate) async fn accept(&mut self) -> Peer {
        Peer::greet(Box::new(self.stream().await), false).await
    }

    /// The next connection, ready for requests, to a server that knows writes again.
    pub(crate) async fn accept_as_member(&mut self) -> Peer {
        let answer = Preface::answer(Preface::client(), false).remembering_writes(true);
        Peer::greet_with(Box::new(self.stream().await), answer).await
    }

    /// The next connection, which must authenticate first.
    pub(crate) async fn accept_guarded(&mut self) -> Peer {
        Peer::greet(Box::new(self.stream().await), true).await
    }

    /// Whether nobody is waiting to be accepted.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.incoming.try_recv().is_err()
    }
}

/// The server's side of a connection.
pub(crate) struct Peer {
    stream: Box<dyn Stream>,
    codec: ServerCodec,
    buffer: BytesMut,
}

impl Peer {
    /// The server's side of a connection on which nothing was said yet.
    pub(crate) async fn greet(stream: Box<dyn Stream>, auth_required: bool) -> Peer {
        let answer = Preface::answer(Preface::client(), auth_required);
        Peer::greet_with(stream, answer).await
    }

    async fn greet_with(mut stream: Box<dyn Stream>, answer: Preface) -> Peer {
        let mut bytes = [0; PREFACE_BYTES];
        stream.read_exact(&mut bytes).await.unwrap();
        Preface::decode_client(bytes).unwrap();
        stream.write_all(&answer.encode()).await.unwrap();
        Peer {
            stream,
            codec: ServerCodec::new(WireLimits::default(), Limits::default()),
            buffer: BytesMut::new(),
        }
    }

    /// The next request, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(u64, RequestBody)> {
        loop {
            if let Some(Incoming { id, body }) = self.codec.decode(&mut self.buffer).unwrap() {
                return Some((id, body.unwrap()));
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            if read
                .expect("the client says or ends something")
                .unwrap_or(0)
                == 0
            {
                return None;
            }
        }
    }

    /// Whether a whole request has been read but not taken.
    pub(crate) fn has_next(&self) -> bool {
        let mut copy = self.buffer.clone();
        self.codec.clone().decode(&mut copy).unwrap().is_some()
    }

    /// The next request, which is a command.
    pub(crate) async fn command(&mut self) -> (u64, Command) {
        match self.next().await {
            Some((id, RequestBody::Command(request))) => (id, request.command),
            other => panic!("expected a command, got {other:?}"),
        }
    }

    /// The next request, which is a command, with all that is wanted of it.
    pub(crate) async fn request(&mut self) -> (u64, Request) {
        match self.next().await {
            Some((id, RequestBody::Command(request))) => (id, request),
            other => panic!("expected a command, got {other:?}"),
        }
    }

    /// Replies, and says that the reply follows all writes up to `applied`.
    pub(crate) async fn reply_at(&mut self, id: u64, applied: u64, reply: &Reply) {
        let position = Position { applied, age_ms: 9 };
        let mut bytes = BytesMut::new();
        encode_reply_frame_at(id, Some(position), reply, &mut bytes);
        self.send(&bytes).await;
    }

    pub(crate) async fn reply(&mut self, id: u64, reply: &Reply) {
        self.send(&reply_bytes(id, reply)).await;
    }

    /// The client may be gone already.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Answers everything with `reply` until the client is gone.
    pub(crate) async fn answer_all(mut self, reply: Reply) {
        while let Some((id, _)) = self.next().await {
            self.reply(id, &reply).await;
        }
    }
}

pub(crate) fn reply_bytes(id: u64, reply: &Reply) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode_reply_frame(id, reply, &mut bytes);
    bytes
}

pub(crate) fn refuse(code: kv_client::ErrorCode, message: &'static str) -> Reply {
    ErrorReply::new(code, message).into()
}

/// The key of a `GET` or a `SET`.
pub(crate) fn key_of(command: &Command) -> Bytes {
    match command {
        Command::Get(key) => key.clone(),
        Command::Set(set) => set.key.clone(),
        other => panic!("expected a GET or a SET, got {other:?}"),
    }
}

/// A bytes value, as a server answers a `GET`.
pub(crate) fn value(bytes: impl Into<Bytes>) -> Reply {
    Reply::Value(kv_client::EncodedValue::from_bytes(bytes.into()))
}
