//! One RESP connection: requests in, replies out, in order.
//!
//! The way of a pipelined buffer: decode every complete request; collect runs of data commands and
//! hand each run to the backend as one batch; answer the commands on the connection itself in
//! between; encode all replies into the one output buffer.
//!
//! 1. Replies are in the order of the requests.
//! 2. A batch is bounded by what the decoder takes from the buffer at once.
//! 3. Nothing here reads from or writes to the socket but to make room for more output.

use std::sync::Arc;

use kv_proto::reply::{ErrorCode, ErrorReply, Reply};
use kv_proto::resp::{
    self, Args, CommandSpec, ConnectionCommand, Flags, Parsed, Protocol, RequestDecoder, Requests,
};
use kv_proto::{ReadLevel, Request};

use super::clients::{Client, CloseReason};
use super::hub::Hub;
use super::metrics::ThreadMetrics;
use super::socket::Socket;
use crate::backend::{Backend, ClientProtocol, Session};
use subscriptions::Subscriptions;
use transaction::{Transaction, Watches};

mod client;
mod config;
mod exec;
mod execute;
mod hello;
mod subscribe;
mod subscriptions;
mod transaction;

/// An array longer than this is encoded item by item, making room in between.
const ARRAY_LEN_WHOLE: usize = 64;

/// One RESP connection.
#[derive(Debug)]
pub(crate) struct RespConnection<B> {
    decoder: RequestDecoder,
    peer: Peer<B>,
}

/// What is known of the client at the other end, and what serves it.
#[derive(Debug)]
struct Peer<B> {
    hub: Arc<Hub>,
    backend: Arc<B>,
    /// Which I/O thread this is.
    thread: usize,
    client: Arc<Client>,
    session: Session,
    protocol: Protocol,
    is_authenticated: bool,
    replies: Replies,
    /// Between MULTI and EXEC.
    transaction: Option<Transaction>,
    watches: Watches,
    subscriptions: Subscriptions,
    /// Data commands that the backend has not seen yet.
    batch: Vec<Request>,
}

/// Which replies the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replies {
    All,
    None,
    /// Not the next one's.
    AllButNext,
}

/// What becomes of a request.
enum Step {
    /// It waits in the batch.
    Data(Request),
    /// The connection executes it.
    Connection(ConnectionCommand),
    /// It is answered at once.
    Answer(Reply),
    /// It ends the connection.
    Close(CloseReason),
}

impl<B: Backend> RespConnection<B> {
    pub(crate) fn new(hub: Arc<Hub>, backend: Arc<B>, thread: usize, socket: &Socket) -> Self {
        let is_authenticated = !hub.gate.is_locked();
        let client = &socket.client;
        client.profile.lock().resp_version = 2;
        RespConnection {
            decoder: RequestDecoder::new(hub.wire_limits(is_authenticated)),
            peer: Peer {
                subscriptions: Subscriptions::new(hub.clone(), client.clone()),
                session: Session::new(client.id, ClientProtocol::Resp),
                client: client.clone(),
                hub,
                backend,
                thread,
                protocol: Protocol::default(),
                is_authenticated,
                replies: Replies::All,
                transaction: None,
                watches: Watches::default(),
                batch: Vec::new(),
            },
        }
    }

    /// Answers every complete request of the input.
    pub(crate) async fn serve_input(&mut self, socket: &mut Socket) -> Result<(), CloseReason> {
        while !socket.input.is_empty() {
            let was_authenticated = self.peer.is_authenticated;
            let requests = self.decoder.decode(&mut socket.input);
            if requests.is_empty() && requests.error().is_none() {
                break;
            }
            self.peer.serve(socket, &requests).await?;
            if let Some(breach) = requests.error() {
                let reply = Reply::Error(breach.into());
                self.peer.answer(socket, reply).await?;
                return Err(CloseReason::Protocol);
            }
            drop(requests);
            if self.peer.is_authenticated != was_authenticated {
                let limits = self.peer.hub.wire_limits(self.peer.is_authenticated);
                self.decoder.set_limits(limits);
            }
        }
        Ok(())
    }

    /// Writes the messages of the inbox to the output.
    pub(crate) async fn deliver(&mut self, socket: &mut Socket) -> Result<(), CloseReason> {
        self.peer.deliver(socket).await
    }
}

impl<B: Backend> Peer<B> {
    async fn serve(
        &mut self,
        socket: &mut Socket,
        requests: &Requests<'_>,
    ) -> Result<(), CloseReason> {
        for args in requests.iter() {
            match self.admit(args) {
                Step::Data(request) => self.batch.push(request),
                Step::Connection(command) => {
                    self.call_batch(socket).await?;
                    self.execute(socket, command).await?;
                }
                Step::Answer(reply) => {
                    self.call_batch(socket).await?;
                    self.answer(socket, reply).await?;
                }
                Step::Close(reason) => return Err(reason),
            }
        }
        self.call_batch(socket).await
    }

    /// Whether a request may run, and what it is.
    fn admit(&mut self, args: Args<'_>) -> Step {
        let spec = match resp::resolve(args) {
            Ok(spec) => spec,
            Err(_) if is_http(args) => return Step::Close(CloseReason::Protocol),
            Err(error) if is_exec(args) => return self.refuse_exec(&error),
            Err(error) => return self.refuse(error),
        };
        let index = index_of(spec);
        self.metrics().command(index);
        self.client.set_last_command(index);
        if let Err(refusal) = self.may_run(spec) {
            return self.refuse(refusal);
        }
        if self.transaction.is_some() && !spec.flags.contains(Flags::NOT_QUEUED) {
            return self.queue(spec, args);
        }
        match spec.parse(args, &self.hub.limits) {
            Ok(Parsed::Data(request)) => self.admit_data(request),
            Ok(Parsed::Connection(command)) => Step::Connection(command),
            Err(error) => Step::Answer(error.into()),
        }
    }

    fn admit_data(&self, request: Request) -> Step {
        if request.fault.is_some()
            && let Err(error) = self.hub.check_faults_allowed()
        {
            return Step::Answer(error.into());
        }
        Step::Data(request)
    }

    /// An error before a command is even looked at spoils the transaction it was meant for.
    fn refuse(&mut self, error: ErrorReply) -> Step {
        if let Some(transaction) = &mut self.transaction {
            transaction.spoil();
        }
        Step::Answer(error.into())
    }

    /// An EXEC with arguments ends the transaction, as if it had been spoiled.
    fn refuse_exec(&mut self, error: &ErrorReply) -> Step {
        self.leave_multi();
        let message = format!("Transaction discarded because of: {}", error.message);
        Step::Answer(ErrorReply::new(ErrorCode::ExecAbort, message).into())
    }

    fn may_run(&self, spec: &CommandSpec) -> Result<(), ErrorReply> {
        if !self.is_authenticated && !spec.flags.contains(Flags::NO_AUTH) {
            return Err(ErrorReply::new(
                ErrorCode::NoAuth,
                "Authentication required.",
            ));
        }
        if self.is_listening() && !spec.flags.contains(Flags::PUBSUB) {
            let name = spec.name;
            return Err(ErrorReply::new(
                ErrorCode::Err,
                format!(
                    "Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / \
                     QUIT / RESET are allowed in this context"
                ),
            ));
        }
        Ok(())
    }

    /// A RESP2 client with subscriptions cannot tell a reply from a message, so it gets no
    /// replies.
    fn is_listening(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions.count() > 0
    }

    fn metrics(&self) -> &ThreadMetrics {
        self.hub.metrics.thread(self.thread)
    }

    /// Hands the batch to the backend and writes its replies to the output.
    async fn call_batch(&mut self, socket: &mut Socket) -> Result<(), CloseReason> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let requests = std::mem::take(&mut self.batch);
        for reply in self.call(requests).await {
            self.answer(socket, reply).await?;
        }
        Ok(())
    }

    async fn call(&mut self, mut requests: Vec<Request>) -> Vec<Reply> {
        if self.session.is_readonly {
            requests.iter_mut().for_each(let_be_stale);
        }
        self.session.position = None;
        let count = requests.len();
        let started = self.hub.clock.uptime();
        let replies = self.backend.call(&mut self.session, requests).await;
        let elapsed = self.hub.clock.uptime() - started;
        self.metrics().batch(count, elapsed);
        assert_eq!(replies.len(), count, "a backend gives one reply a request");
        replies
    }

    /// Writes one request's reply to the output, if the client wants it.
    async fn answer(&mut self, socket: &mut Socket, reply: Reply) -> Result<(), CloseReason> {
        if matches!(reply, Reply::Error(_)) {
            self.metrics().errors.add(1);
        }
        match self.replies {
            Replies::All => self.write(socket, reply).await,
            Replies::None => Ok(()),
            Replies::AllButNext => {
                self.replies = Replies::All;
                Ok(())
            }
        }
    }

    /// Writes to the output.
    async fn write(&self, socket: &mut Socket, reply: Reply) -> Result<(), CloseReason> {
        if socket.wants_room() {
            socket.make_room().await?;
        }
        match reply {
            Reply::Array(items) if items.len() > ARRAY_LEN_WHOLE => {
                resp::encode_array_len(items.len(), &mut socket.output);
                for item in items {
                    resp::encode_reply(&item, self.protocol, &mut socket.output);
                    if socket.wants_room() {
                        socket.make_room().await?;
                    }
                }
            }
            reply => resp::encode_reply(&reply, self.protocol, &mut socket.output),
        }
        Ok(())
    }
}

/// After READONLY. A write is none the less one: it goes to whoever can take it.
fn let_be_stale(request: &mut Request) {
    if !request.command.is_write() {
        request.read = ReadLevel::Stale { after: None };
        request.asks_position = true;
    }
}

/// Where a command is in the table.
fn index_of(spec: &'static CommandSpec) -> usize {
    let start = resp::commands().as_ptr().addr();
    (std::ptr::from_ref(spec).addr() - start) / size_of::<CommandSpec>()
}

fn is_exec(args: Args<'_>) -> bool {
    args.name().eq_ignore_ascii_case(b"EXEC")
}

/// Whether a browser was made to send its requests here: it takes each line of what it was given
/// for a command.
fn is_http(args: Args<'_>) -> bool {
    ["post", "host:"]
        .iter()
        .any(|word| args.name().eq_ignore_ascii_case(word.as_bytes()))
}
