//! What the links to the peers count.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that one thread writes and all may read.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(sum, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts of one transport, which its thread writes and others may read.
#[derive(Debug, Default)]
pub struct PeerMetrics {
    pub(super) sent_messages: Counter,
    pub(super) sent_bytes: Counter,
    pub(super) writes: Counter,
    pub(super) dropped_messages: Counter,
    pub(super) received_messages: Counter,
    pub(super) received_bytes: Counter,
    pub(super) dialled: Counter,
    pub(super) accepted: Counter,
    pub(super) refused: Counter,
    pub(super) lost: Counter,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeerCounts {
    /// Messages queued to be sent.
    pub sent_messages: u64,
    /// Bytes written to sockets.
    pub sent_bytes: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Messages dropped because there was no connection, or too much waited for it.
    pub dropped_messages: u64,
    /// Messages received.
    pub received_messages: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Connections made.
    pub dialled: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Handshakes that came to nothing, either way.
    pub refused: u64,
    /// Connections lost.
    pub lost: u64,
}

impl PeerMetrics {
    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> PeerCounts {
        PeerCounts {
            sent_messages: self.sent_messages.value(),
            sent_bytes: self.sent_bytes.value(),
            writes: self.writes.value(),
            dropped_messages: self.dropped_messages.value(),
            received_messages: self.received_messages.value(),
            received_bytes: self.received_bytes.value(),
            dialled: self.dialled.value(),
            accepted: self.accepted.value(),
            refused: self.refused.value(),
            lost: self.lost.value(),
        }
    }
}
