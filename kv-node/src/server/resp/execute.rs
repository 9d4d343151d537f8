//! Commands on the connection and the server themselves.

use kv_proto::reply::Reply;
use kv_proto::resp::{ClientCommand, ClientReplyMode, ConnectionCommand, Protocol};

use super::{Peer, Replies};
use crate::backend::Backend;
use crate::server::clients::CloseReason;
use crate::server::clock::Clock;
use crate::server::info;
use crate::server::pubsub::Topic;
use crate::server::socket::Socket;

impl<B: Backend> Peer<B> {
    /// Executes a command and writes its replies to the output.
    pub(super) async fn execute(
        &mut self,
        socket: &mut Socket,
        command: ConnectionCommand,
    ) -> Result<(), CloseReason> {
        use ConnectionCommand as Command;
        match command {
            Command::Subscribe(names) => self.subscribe(socket, Topic::Channel, names).await,
            Command::PSubscribe(names) => self.subscribe(socket, Topic::Pattern, names).await,
            Command::Unsubscribe(names) => self.unsubscribe(socket, Topic::Channel, names).await,
            Command::PUnsubscribe(names) => self.unsubscribe(socket, Topic::Pattern, names).await,
            Command::Client(ClientCommand::Reply(mode)) => self.client_reply(socket, mode).await,
            Command::Quit => {
                self.answer(socket, Reply::Ok).await?;
                Err(CloseReason::Quit)
            }
            Command::Reset => {
                self.reset(socket);
                self.answer(socket, Reply::Status("RESET".into())).await
            }
            Command::Publish { channel, message } => {
                let count = self.hub.pubsub.publish(&channel, &message);
                // Who listens to itself hears the message before the reply.
                self.deliver(socket).await?;
                self.answer(socket, Reply::count(count)).await
            }
            command => {
                let reply = self.reply_to(command).await;
                self.answer(socket, reply).await
            }
        }
    }

    /// Executes a command that has exactly one reply.
    pub(super) async fn reply_to(&mut self, command: ConnectionCommand) -> Reply {
        use ConnectionCommand as Command;
        match command {
            Command::Answered(reply) => reply,
            Command::Ping(message) => self.ping(message),
            Command::Hello(hello) => self.hello(hello).await,
            Command::Auth(credentials) => self.auth(credentials).await,
            Command::Client(command) => self.client(command),
            Command::Stale(is_readonly) => {
                self.session.is_readonly = is_readonly;
                Reply::Ok
            }
            Command::Info { sections } => info::reply(&self.hub, &self.backend.status(), &sections),
            Command::Config(command) => self.config(command),
            Command::Time => time(),
            Command::BgSave if self.backend.request_snapshot() => {
                Reply::Status("Background saving started".into())
            }
            Command::Multi => self.multi(),
            Command::Exec => Box::pin(self.exec()).await,
            Command::Discard => self.discard(),
            Command::Watch(keys) => self.watch(keys).await,
            Command::Unwatch => self.unwatch(),
            Command::Publish { channel, message } => {
                Reply::count(self.hub.pubsub.publish(&channel, &message))
            }
            Command::PubSub(query) => self.pubsub(query),
            Command::NodeMeta => info::node_meta(&self.backend.status(), self.session.position),
            _ => Reply::err("not supported"),
        }
    }

    fn ping(&self, message: Option<bytes::Bytes>) -> Reply {
        if self.is_listening() {
            let message = message.unwrap_or_default();
            return Reply::Array(vec![Reply::text("pong"), Reply::Bytes(message)]);
        }
        match message {
            None => Reply::Status("PONG".into()),
            Some(message) => Reply::Bytes(message),
        }
    }

    async fn client_reply(
        &mut self,
        socket: &mut Socket,
        mode: ClientReplyMode,
    ) -> Result<(), CloseReason> {
        self.replies = match mode {
            ClientReplyMode::On => Replies::All,
            ClientReplyMode::Off => Replies::None,
            // There is no next one to skip while none is sent.
            ClientReplyMode::Skip if self.replies == Replies::None => Replies::None,
            ClientReplyMode::Skip => Replies::AllButNext,
        };
        match mode {
            ClientReplyMode::On => self.answer(socket, Reply::Ok).await,
            _ => Ok(()),
        }
    }

    /// Makes the connection as new.
    fn reset(&mut self, socket: &mut Socket) {
        self.leave_multi();
        self.subscriptions.clear();
        self.session.is_readonly = false;
        socket.idle_exempt = false;
        self.set_protocol(Protocol::default());
        self.replies = Replies::All;
        self.is_authenticated = !self.hub.gate.is_locked();
        self.client.profile.lock().name.clear();
    }
}

fn time() -> Reply {
    let now_us = Clock::unix_us();
    let text = |number: u64| Reply::Bytes(number.to_string().into());
    Reply::Array(vec![text(now_us / 1_000_000), text(now_us % 1_000_000)])
}
