//! SUBSCRIBE and its kin, and the messages that come of it.

use bytes::Bytes;
use kv_proto::reply::Reply;
use kv_proto::resp::PubSubQuery;

use super::Peer;
use crate::backend::Backend;
use crate::server::clients::CloseReason;
use crate::server::inbox::Message;
use crate::server::pubsub::Topic;
use crate::server::socket::Socket;

/// Messages written to the output before requests get a turn.
const MESSAGES_AT_ONCE: usize = 1024;

impl<B: Backend> Peer<B> {
    pub(super) async fn subscribe(
        &mut self,
        socket: &mut Socket,
        topic: Topic,
        names: Vec<Bytes>,
    ) -> Result<(), CloseReason> {
        let kind = match topic {
            Topic::Channel => "subscribe",
            Topic::Pattern => "psubscribe",
        };
        for name in names {
            if self.subscriptions.add(topic, &name).is_err() {
                self.answer(socket, Reply::err("too many subscriptions"))
                    .await?;
                continue;
            }
            socket.idle_exempt = true;
            self.confirm(socket, kind, Reply::Bytes(name)).await?;
        }
        Ok(())
    }

    pub(super) async fn unsubscribe(
        &mut self,
        socket: &mut Socket,
        topic: Topic,
        mut names: Vec<Bytes>,
    ) -> Result<(), CloseReason> {
        let kind = match topic {
            Topic::Channel => "unsubscribe",
            Topic::Pattern => "punsubscribe",
        };
        if names.is_empty() {
            names = self.subscriptions.names(topic);
            if names.is_empty() {
                return self.confirm(socket, kind, Reply::Nil).await;
            }
        }
        for name in names {
            self.subscriptions.remove(topic, &name);
            // What came before is told before.
            self.deliver(socket).await?;
            self.confirm(socket, kind, Reply::Bytes(name)).await?;
        }
        socket.idle_exempt = self.subscriptions.count() > 0;
        Ok(())
    }

    async fn confirm(
        &self,
        socket: &mut Socket,
        kind: &'static str,
        name: Reply,
    ) -> Result<(), CloseReason> {
        let count = Reply::count(self.subscriptions.count());
        let push = Reply::Push(vec![Reply::text(kind), name, count]);
        self.write(socket, push).await
    }

    /// Writes the messages of the inbox to the output.
    pub(super) async fn deliver(&mut self, socket: &mut Socket) -> Result<(), CloseReason> {
        for _ in 0..MESSAGES_AT_ONCE {
            let Some(message) = self.client.inbox.pop() else {
                break;
            };
            self.write(socket, push_of(message)).await?;
        }
        Ok(())
    }

    pub(super) fn pubsub(&self, query: PubSubQuery) -> Reply {
        let pubsub = &self.hub.pubsub;
        match query {
            PubSubQuery::Channels { pattern } => {
                let channels = pubsub.channels(pattern.as_deref());
                Reply::Array(channels.into_iter().map(Reply::Bytes).collect())
            }
            PubSubQuery::NumSub(channels) => Reply::Array(
                channels
                    .into_iter()
                    .flat_map(|channel| {
                        let count = pubsub.subscriber_count(&channel);
                        [Reply::Bytes(channel), Reply::count(count)]
                    })
                    .collect(),
            ),
            PubSubQuery::NumPat => Reply::count(pubsub.pattern_count()),
            _ => Reply::err("unknown query"),
        }
    }
}

fn push_of(message: Message) -> Reply {
    let (channel, payload) = (Reply::Bytes(message.channel), Reply::Bytes(message.payload));
    Reply::Push(match message.pattern {
        None => vec![Reply::text("message"), channel, payload],
        Some(pattern) => vec![
            Reply::text("pmessage"),
            Reply::Bytes(pattern),
            channel,
            payload,
        ],
    })
}
