//! Snapshots on their way between nodes, in chunks.
//!
//! ```text
//!  leader ── Offer ──────────────────► node
//!         ◄─────────────── ChunkAck ── "from byte b of file f on"
//!         ── Chunk, Chunk, … ────────►  at most 8 beyond what was acknowledged
//!         ◄─────────────── ChunkAck ── …
//!         ◄── "beyond the last file" ─  it is installed
//! ```
//!
//! 1. The receiver says what it needs; so a transfer that was cut goes on where it was.
//! 2. Chunks are taken in order. What is lost is sent again after a time without progress.
//! 3. A file is checked as a whole when it is complete, and all are durable before the snapshot is
//!    given to the consensus.
//! 4. Files of a snapshot that came to nothing are removed, at the latest by the next start.

use std::collections::BTreeMap;

use super::{Chunk, ChunkAck, Member, Offer, PeerMessage, SnapshotId};
use crate::NodeId;
use crate::consensus::Consensus;

mod receive;
mod send;

pub(super) use receive::Received;
use receive::Receiving;
use send::Sending;

/// Snapshots that are sent at the same time.
const SENDING_MAX: usize = 4;

/// All that is on its way.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    sending: BTreeMap<NodeId, Sending>,
    receiving: Option<Receiving>,
    received: Option<Received>,
    /// Who gets to know that it is installed.
    acknowledge_to: Option<NodeId>,
    /// Who was to get one, and gets none now.
    refused: Vec<NodeId>,
    pub(super) is_tick_due: bool,
}

impl Transfers {
    /// Whether snapshots of this node are being sent.
    pub(super) fn is_busy(&self) -> bool {
        !self.sending.is_empty()
    }

    /// Whether a snapshot of another node is arriving, or is about to be installed.
    pub(super) fn is_receiving(&self) -> bool {
        self.receiving.is_some() || self.received.is_some()
    }

    pub(super) fn is_sending_to(&self, node: NodeId) -> bool {
        self.sending.contains_key(&node)
    }

    /// Entries after this one will be needed.
    pub(super) fn pinned_index(&self) -> Option<u64> {
        self.sending.values().map(|sending| sending.id.index).min()
    }
}

impl Member {
    /// The consensus wants a node to have the newest snapshot.
    pub(super) fn begin_transfer(&mut self, to: NodeId) {
        let newest = self
            .snapshots
            .newest_generation()
            .zip(self.snapshots.newest);
        let has_room =
            self.transfers.sending.len() < SENDING_MAX || self.transfers.sending.contains_key(&to);
        let Some((generation, mark)) = newest.filter(|_| has_room) else {
            // The consensus is not to be disturbed here: it has a step under way.
            self.transfers.refused.push(to);
            return;
        };
        let id = SnapshotId {
            index: mark.index,
            term: mark.term,
        };
        let (term, now_ms) = (self.consensus.term(), self.now_ms);
        let sending = Sending::new(id, term, generation, now_ms);
        let offer = sending.offer();
        self.transfers.sending.insert(to, sending);
        self.send(to, PeerMessage::Offer(Box::new(offer)));
    }

    /// Sends what there is room for, and again what was lost.
    pub(super) fn pump_transfers(&mut self) {
        if self.persistence.is_stuck() {
            return;
        }
        for node in std::mem::take(&mut self.transfers.refused) {
            self.consensus.snapshot_ended(node, false);
        }
        let is_tick = std::mem::take(&mut self.transfers.is_tick_due);
        let nodes: Vec<_> = self.transfers.sending.keys().copied().collect();
        for node in nodes {
            if !self.is_leader() || !self.pump(node, is_tick) {
                self.end_transfer(node, false);
            }
        }
    }

    /// Whether the transfer goes on.
    fn pump(&mut self, node: NodeId, is_tick: bool) -> bool {
        let (term, now_ms) = (self.consensus.term(), self.now_ms);
        let is_member = self.consensus.progress(node).is_some();
        let Some(sending) = self.transfers.sending.get_mut(&node) else {
            return true;
        };
        if !is_member || sending.term != term || sending.is_given_up(now_ms) {
            return false;
        }
        if is_tick && sending.is_overdue(now_ms) {
            sending.go_back(now_ms);
            let offer = sending.offer();
            self.send(node, PeerMessage::Offer(Box::new(offer)));
        }
        while let Some(sending) = self.transfers.sending.get_mut(&node)
            && let Some(next) = sending.next_chunk(&*self.storage)
        {
            match next {
                Ok(chunk) => self.send(node, PeerMessage::Chunk(chunk)),
                Err(error) => {
                    tracing::warn!(%error, to = %node, "a snapshot cannot be read");
                    return false;
                }
            }
        }
        true
    }

    /// A receiver says how far it is.
    pub(super) fn chunk_acknowledged(&mut self, from: NodeId, ack: ChunkAck) {
        let now_ms = self.now_ms;
        let is_stuck = self.persistence.is_stuck();
        let Some(sending) = self.transfers.sending.get_mut(&from) else {
            return;
        };
        if sending.id != ack.id || is_stuck {
            return;
        }
        if ack.is_refused {
            self.end_transfer(from, false);
        } else if sending.acknowledge(&ack, now_ms) {
            self.end_transfer(from, true);
        }
    }

    fn end_transfer(&mut self, to: NodeId, has_arrived: bool) {
        if self.transfers.sending.remove(&to).is_some() {
            self.counters.snapshots_sent += u64::from(has_arrived);
            self.consensus.snapshot_ended(to, has_arrived);
        }
    }
}
