//! One connection that speaks the native protocol.
//!
//! 1. The commands of one buffer are one batch for the backend.
//! 2. Replies are in the order of the requests, though the protocol would allow any.
//! 3. A frame with a bad payload is answered with an error; one that is too large ends the
//!    connection.

use std::sync::Arc;

use kv_proto::control::{ClientHello, ServerHello, ServerLimits};
use kv_proto::credentials::Credentials;
use kv_proto::native::{
    Incoming, PREFACE_BYTES, Preface, ReplyBody, ReplyFrame, RequestBody, ServerCodec,
    encode_reply_frame_at,
};
use kv_proto::{ErrorCode, ErrorReply, Position, Reply, Request};
use tokio_util::codec::{Decoder, Encoder};

use super::clients::CloseReason;
use super::hub::Hub;
use super::metrics::ThreadMetrics;
use super::socket::Socket;
use super::status_page::StatusPage;
use crate::backend::{Backend, ClientProtocol, Session};

/// Commands handed to the backend at once; more wait in the buffer.
const BATCH_REQUESTS_MAX: usize = 1024;

/// One connection that speaks the native protocol.
#[derive(Debug)]
pub(crate) struct NativeConnection<B> {
    hub: Arc<Hub>,
    backend: Arc<B>,
    /// Which I/O thread this is.
    thread: usize,
    session: Session,
    codec: ServerCodec,
    has_greeted: bool,
    is_authenticated: bool,
    /// Commands that the backend has not seen yet, and whom their replies are for.
    batch: Vec<Request>,
    recipients: Vec<Recipient>,
}

/// Whom a reply is for, and what it has to say.
#[derive(Debug, Clone, Copy)]
struct Recipient {
    id: u64,
    asks_position: bool,
}

impl<B: Backend> NativeConnection<B> {
    pub(crate) fn new(hub: Arc<Hub>, backend: Arc<B>, thread: usize, socket: &Socket) -> Self {
        let is_authenticated = !hub.gate.is_locked();
        NativeConnection {
            codec: ServerCodec::new(hub.wire_limits(is_authenticated), hub.limits.clone()),
            session: Session::new(socket.client.id, ClientProtocol::Native),
            hub,
            backend,
            thread,
            has_greeted: false,
            is_authenticated,
            batch: Vec::new(),
            recipients: Vec::new(),
        }
    }

    /// Answers every complete request of the input.
    pub(crate) async fn serve_input(&mut self, socket: &mut Socket) -> Result<(), CloseReason> {
        if !self.has_greeted && !self.greet(socket)? {
            return Ok(());
        }
        loop {
            match self.codec.decode(&mut socket.input) {
                Ok(Some(request)) => self.serve(socket, request).await?,
                Ok(None) => return self.call_batch(socket).await,
                Err(breach) => {
                    self.call_batch(socket).await?;
                    return Err(self.complain(socket, breach.to_string()));
                }
            }
        }
    }

    /// Answers the client's preface; false if it is not all there.
    fn greet(&mut self, socket: &mut Socket) -> Result<bool, CloseReason> {
        let Some(preface) = socket.input.first_chunk::<PREFACE_BYTES>() else {
            return Ok(false);
        };
        let client = Preface::decode_client(*preface).map_err(|_| CloseReason::Protocol)?;
        let answer =
            Preface::answer(client, !self.is_authenticated).remembering_writes(B::REMEMBERS_WRITES);
        socket.output.extend_from_slice(&answer.encode());
        let _ = socket.input.split_to(PREFACE_BYTES);
        self.has_greeted = true;
        Ok(true)
    }

    /// Tells the client why the connection ends; no request has the id 0 then.
    fn complain(&mut self, socket: &mut Socket, message: String) -> CloseReason {
        self.metrics().errors.add(1);
        encode_reply_frame_at(0, None, &Reply::err(message), &mut socket.output);
        CloseReason::Protocol
    }

    fn metrics(&self) -> &ThreadMetrics {
        self.hub.metrics.thread(self.thread)
    }

    async fn serve(&mut self, socket: &mut Socket, request: Incoming) -> Result<(), CloseReason> {
        let Incoming { id, body } = request;
        self.metrics().native_requests.add(1);
        match body.and_then(|body| self.admit(body)) {
            Ok(RequestBody::Command(request)) => {
                let asks_position = request.asks_position;
                self.recipients.push(Recipient { id, asks_position });
                self.batch.push(request);
                if self.batch.len() >= BATCH_REQUESTS_MAX {
                    self.call_batch(socket).await?;
                }
                Ok(())
            }
            Ok(body) => {
                self.call_batch(socket).await?;
                self.execute(socket, id, body).await
            }
            Err(error) => {
                self.call_batch(socket).await?;
                self.answer(socket, id, None, &error.into()).await
            }
        }
    }

    fn admit(&self, body: RequestBody) -> Result<RequestBody, ErrorReply> {
        match &body {
            RequestBody::Auth(_) => Ok(body),
            _ if !self.is_authenticated => Err(ErrorReply::new(
                ErrorCode::NoAuth,
                "Authentication required.",
            )),
            RequestBody::Command(Request { fault: Some(_), .. }) => {
                self.hub.check_faults_allowed().map(|()| body)
            }
            _ => Ok(body),
        }
    }

    async fn execute(
        &mut self,
        socket: &mut Socket,
        id: u64,
        body: RequestBody,
    ) -> Result<(), CloseReason> {
        let reply = match body {
            RequestBody::Auth(credentials) => self.auth(socket, credentials).await,
            RequestBody::Ping => Reply::Ok,
            RequestBody::Status => self.status(),
            RequestBody::Hello(hello) => return self.hello(socket, id, hello),
            RequestBody::Admin(request) => self.backend.admin(request).await,
            _ => Reply::err("not supported"),
        };
        self.answer(socket, id, None, &reply).await
    }

    async fn auth(&mut self, socket: &Socket, credentials: Credentials) -> Reply {
        let source = socket.client.peer.ip();
        let user = credentials.user.as_deref();
        let check = self.hub.check_password(source, user, &credentials.password);
        match check.await {
            Ok(()) => {
                self.is_authenticated = true;
                self.codec.set_wire_limits(self.hub.wire_limits(true));
                Reply::Ok
            }
            Err(error) => {
                self.metrics().auth_failures.add(1);
                error.into()
            }
        }
    }

    fn status(&self) -> Reply {
        let page = StatusPage::new(&self.hub, self.backend.status());
        Reply::Bytes(page.json().into())
    }

    fn hello(
        &mut self,
        socket: &mut Socket,
        id: u64,
        hello: ClientHello,
    ) -> Result<(), CloseReason> {
        {
            let mut profile = socket.client.profile.lock();
            profile.library = hello.client_name;
            profile.library_version = hello.client_version;
        }
        let hello = ServerHello {
            server_name: "kv".into(),
            server_version: env!("CARGO_PKG_VERSION").into(),
            mode: self.backend.status().mode.into(),
            connection_id: self.session.id,
            limits: ServerLimits::new(&self.hub.limits, &self.hub.wire_limits(true)),
        };
        let frame = ReplyFrame {
            id,
            position: None,
            body: ReplyBody::Hello(hello),
        };
        let encoded = self.codec.encode(frame, &mut socket.output);
        encoded.expect("our own names fit into a message");
        Ok(())
    }

    /// Hands the batch to the backend and writes its replies to the output.
    async fn call_batch(&mut self, socket: &mut Socket) -> Result<(), CloseReason> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let requests = std::mem::take(&mut self.batch);
        let recipients = std::mem::take(&mut self.recipients);
        self.session.position = None;
        let started = self.hub.clock.uptime();
        let replies = self.backend.call(&mut self.session, requests).await;
        let elapsed = self.hub.clock.uptime() - started;
        self.metrics().batch(recipients.len(), elapsed);
        assert_eq!(
            replies.len(),
            recipients.len(),
            "a backend gives one reply a request"
        );
        let position = self.session.position;
        for (recipient, reply) in recipients.into_iter().zip(replies) {
            let position = position.filter(|_| recipient.asks_position);
            self.answer(socket, recipient.id, position, &reply).await?;
        }
        Ok(())
    }

    async fn answer(
        &self,
        socket: &mut Socket,
        id: u64,
        position: Option<Position>,
        reply: &Reply,
    ) -> Result<(), CloseReason> {
        if matches!(reply, Reply::Error(_)) {
            self.metrics().errors.add(1);
        }
        if socket.wants_room() {
            socket.make_room().await?;
        }
        encode_reply_frame_at(id, position, reply, &mut socket.output);
        Ok(())
    }
}
