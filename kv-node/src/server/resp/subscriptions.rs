//! What one client has subscribed to. Ends with the connection.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::server::clients::Client;
use crate::server::hub::Hub;
use crate::server::pubsub::Topic;

/// Subscriptions of one client.
const COUNT_MAX: usize = 65_536;

/// Bytes of their names together.
const BYTES_MAX: usize = 16 << 20;

/// The subscriptions of one client.
#[derive(Debug)]
pub(super) struct Subscriptions {
    hub: Arc<Hub>,
    client: Arc<Client>,
    channels: HashSet<Bytes>,
    patterns: HashSet<Bytes>,
    bytes: usize,
}

/// The client has too many.
#[derive(Debug)]
pub(super) struct TooMany;

impl Subscriptions {
    /// None.
    pub(super) fn new(hub: Arc<Hub>, client: Arc<Client>) -> Subscriptions {
        Subscriptions {
            hub,
            client,
            channels: HashSet::new(),
            patterns: HashSet::new(),
            bytes: 0,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    fn names_of(&mut self, topic: Topic) -> &mut HashSet<Bytes> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
        }
    }

    /// Adds one, unless it is there. The name is copied.
    pub(super) fn add(&mut self, topic: Topic, name: &[u8]) -> Result<(), TooMany> {
        if self.names_of(topic).contains(name) {
            return Ok(());
        }
        if self.count() >= COUNT_MAX || self.bytes + name.len() > BYTES_MAX {
            return Err(TooMany);
        }
        let name = Bytes::copy_from_slice(name);
        self.bytes += name.len();
        self.names_of(topic).insert(name.clone());
        self.hub.pubsub.subscribe(topic, name, &self.client);
        self.show();
        Ok(())
    }

    /// Removes one, if it is there.
    pub(super) fn remove(&mut self, topic: Topic, name: &[u8]) {
        if self.names_of(topic).remove(name) {
            self.bytes -= name.len();
            self.hub.pubsub.unsubscribe(topic, name, &self.client);
            self.show();
        }
    }

    /// The names, in order.
    pub(super) fn names(&mut self, topic: Topic) -> Vec<Bytes> {
        let mut names: Vec<Bytes> = self.names_of(topic).iter().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        for topic in [Topic::Channel, Topic::Pattern] {
            for name in self.names(topic) {
                self.remove(topic, &name);
            }
        }
    }

    fn show(&self) {
        let mut profile = self.client.profile.lock();
        profile.channel_count = self.channels.len();
        profile.pattern_count = self.patterns.len();
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.clear();
    }
}
