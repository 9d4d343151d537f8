//! Who has subscribed to which channel.
//!
//! 1. Publishing never waits for a subscriber: a message goes into its inbox, or, when that is
//!    full, the subscriber is asked to close.
//! 2. A message is copied once, however many subscribers there are, and pins no network buffer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use kv_proto::glob;
use parking_lot::RwLock;

use super::clients::{Client, CloseReason};
use super::inbox::Message;

/// A channel, or a pattern of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Exactly this channel.
    Channel,
    /// All channels that match.
    Pattern,
}

type Subscribers = BTreeMap<u64, Arc<Client>>;

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    topics: RwLock<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    channels: HashMap<Bytes, Subscribers>,
    patterns: HashMap<Bytes, Subscribers>,
}

impl Topics {
    fn of(&mut self, topic: Topic) -> &mut HashMap<Bytes, Subscribers> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
        }
    }
}

impl PubSub {
    /// Adds a subscription. `name` must own its bytes.
    pub(crate) fn subscribe(&self, topic: Topic, name: Bytes, client: &Arc<Client>) {
        let mut topics = self.topics.write();
        let subscribers = topics.of(topic).entry(name).or_default();
        subscribers.insert(client.id, client.clone());
    }

    /// Removes a subscription; no message for it comes into the inbox after this.
    pub(crate) fn unsubscribe(&self, topic: Topic, name: &[u8], client: &Client) {
        let mut topics = self.topics.write();
        let by_name = topics.of(topic);
        let Some(subscribers) = by_name.get_mut(name) else {
            return;
        };
        subscribers.remove(&client.id);
        if subscribers.is_empty() {
            by_name.remove(name);
        }
    }

    /// Sends a message to all subscribers; returns how many subscriptions took it.
    pub(crate) fn publish(&self, channel: &[u8], payload: &[u8]) -> usize {
        let topics = self.topics.read();
        let mut message = None;
        let mut receiver_count = 0;
        let mut send = |pattern: Option<&Bytes>, subscribers: &Subscribers| {
            let shared = message.get_or_insert_with(|| Message {
                pattern: None,
                channel: Bytes::copy_from_slice(channel),
                payload: Bytes::copy_from_slice(payload),
            });
            for client in subscribers.values() {
                let pattern = pattern.cloned();
                deliver(
                    client,
                    Message {
                        pattern,
                        ..shared.clone()
                    },
                );
            }
            receiver_count += subscribers.len();
        };
        if let Some(subscribers) = topics.channels.get(channel) {
            send(None, subscribers);
        }
        for (pattern, subscribers) in &topics.patterns {
            if glob::matches(pattern, channel) {
                send(Some(pattern), subscribers);
            }
        }
        receiver_count
    }

    /// The channels that have subscribers and match `pattern`, in order.
    pub(crate) fn channels(&self, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let topics = self.topics.read();
        let is_wanted = |name: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, name));
        let mut names: Vec<Bytes> = topics.channels.keys().filter(is_wanted).cloned().collect();
        names.sort_unstable();
        names
    }

    /// How many have subscribed to `channel` itself.
    pub(crate) fn subscriber_count(&self, channel: &[u8]) -> usize {
        let topics = self.topics.read();
        topics.channels.get(channel).map_or(0, BTreeMap::len)
    }

    /// How many different patterns have subscribers.
    pub(crate) fn pattern_count(&self) -> usize {
        self.topics.read().patterns.len()
    }

    /// How many different channels have subscribers.
    pub(crate) fn channel_count(&self) -> usize {
        self.topics.read().channels.len()
    }
}

fn deliver(client: &Client, message: Message) {
    match client.inbox.push(message) {
        Ok(()) => client.wake(),
        Err(_) => {
            client.ask_to_close(CloseReason::SlowSubscriber);
        }
    }
}
