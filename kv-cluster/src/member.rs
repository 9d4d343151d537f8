//! One node of the cluster, as a machine that is handed time, messages and requests, and hands out
//! messages and replies.
//!
//! ```text
//!  tick, receive, submit ─► consensus ─► step ─┬─► one record ─► journal ── durable ──► held messages
//!                                              ├─► messages that need not wait
//!                                              └─► committed entries ─► machine ─► replies
//! ```
//!
//! 1. A step of the consensus is one record of the journal; term, vote, entries and truncation are
//!    on the disk together or not at all.
//! 2. What promises something to another node leaves once the record with the promise is durable.
//!    Only a leader's entries leave earlier, because the leader counts itself when it has them.
//! 3. An entry is applied once it is committed and durable here; so nothing that a reader sees can
//!    be lost by this node, and after a restart it is still there.
//! 4. A member whose journal failed takes no part any more: it sends nothing and promises nothing.
//!
//! No thread, no clock, no randomness: the same calls do the same, to the disk as well.

use std::sync::Arc;

use kv_node::Db;
use kv_node::store::{Clock, Journal};
use kv_wal::{LockGuard, Lsn, RecordRef, Storage, VisitError};
use raft::eraftpb::{Message, MessageType};

use crate::consensus::{Consensus, RaftRs};
use crate::identity::Identity;
use crate::lease::Lease;
use crate::machine::Machine;
use crate::reads::Reads;
use crate::{Counters, NodeId, Role};

mod administer;
mod answer;
mod apply;
mod forward;
mod greet;
mod install;
mod message;
mod open;
mod persist;
#[cfg(feature = "sim")]
mod probe;
mod propose;
mod read;
mod report;
mod settings;
mod snapshots;
mod transfers;

#[cfg(test)]
mod tests;

use forward::Forwards;
use greet::Greeting;
use persist::Persistence;
use propose::Proposals;
use snapshots::Snapshots;
use transfers::Transfers;

pub use message::{
    Administration, Answer, Batch, Change, Chunk, ChunkAck, Completed, Event, Forward, Hello, Lane,
    Offer, Once, Outgoing, Output, PeerMessage, ReadMode, Route, SnapshotId, Welcome,
};
#[cfg(feature = "sim")]
pub(crate) use probe::Probe;
pub use settings::MemberSettings;
pub use snapshots::{SnapshotJob, SnapshotWritten};

/// What the log calls with each record that is replayed.
pub type Visit<'a> = &'a mut dyn FnMut(Lsn, RecordRef<'_>) -> Result<(), VisitError>;

/// After a pause, so many ticks at most are made up for: a node that was stopped would else stand
/// for election before it has read what arrived meanwhile. Fewer ticks only keep promises longer.
const fn ticks_at_once(election_ticks: usize) -> usize {
    if election_ticks < 4 {
        1
    } else {
        election_ticks / 2
    }
}

/// Entries that arrived and are in no record yet; beyond, a record is made at once.
const UNLOGGED_BYTES_MAX: usize = 4 << 20;

/// One node of the cluster.
pub struct Member {
    settings: MemberSettings,
    storage: Arc<dyn Storage>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    _lock: Box<dyn LockGuard>,
    identity: Identity,
    consensus: RaftRs,
    machine: Machine,
    now_ms: u64,
    last_tick_ms: u64,
    /// Before, it may have promised something that it has forgotten: no votes.
    votes_from_ms: u64,
    contact_ms: Option<u64>,
    persistence: Persistence,
    proposals: Proposals,
    forwards: Forwards,
    reads: Reads,
    lease: Lease,
    greeting: Greeting,
    snapshots: Snapshots,
    transfers: Transfers,
    reported: (Role, u64, Option<NodeId>),
    counters: Counters,
    /// Why it takes no part any more.
    failure: Option<String>,
    out: Output,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("id", &self.settings.id)
            .field("role", &self.role())
            .field("applied", &self.machine.applied())
            .finish_non_exhaustive()
    }
}

impl Member {
    /// Lets time pass up to `now_ms`.
    pub fn tick(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        let due = (self.now_ms - self.last_tick_ms) / self.settings.tick_ms;
        let most = ticks_at_once(self.settings.election_ticks) as u64;
        for _ in 0..due.min(most) {
            self.one_tick();
        }
        self.last_tick_ms += due * self.settings.tick_ms;
    }

    fn one_tick(&mut self) {
        if !self.identity.is_established {
            self.greeting.is_due = true;
            return;
        }
        // A node whose disk stands still must not lead, and cannot vote.
        if self.failure.is_none() && !self.is_stalled() && !self.persistence.is_stuck() {
            self.consensus.tick();
            self.hasten_first_election();
        }
        self.transfers.is_tick_due = true;
        self.snapshots.is_check_due = true;
    }

    /// Nobody leads a cluster that was just made, and nobody is waited for: the first of its
    /// members begins at once.
    fn hasten_first_election(&mut self) {
        let first = self.identity.members.iter().map(|member| member.id).min();
        let is_new = self.consensus.term() <= 1 && self.consensus.leader().is_none();
        if is_new && !self.identity.has_joined && first == Some(self.settings.id) {
            self.consensus.campaign();
        }
    }

    /// Takes a message of another node. `now_ms` must have been read after it arrived.
    pub fn receive(&mut self, from: NodeId, message: PeerMessage, now_ms: u64) {
        // First: a promise counts from now on, not from the last tick.
        self.tick(now_ms);
        if self.failure.is_some() || from == self.settings.id {
            return;
        }
        match message {
            PeerMessage::Hello(hello) => self.greet(from, hello),
            PeerMessage::Welcome(welcome) => self.welcomed(from, welcome),
            _ if !self.identity.is_established => {}
            PeerMessage::Raft(message) => self.step(from, *message),
            PeerMessage::Forward(forward) => self.forwarded(from, forward),
            PeerMessage::Answer(answer) => self.answered(from, answer),
            PeerMessage::Offer(offer) => self.offered(from, *offer),
            PeerMessage::Chunk(chunk) => self.chunk_arrived(from, chunk),
            PeerMessage::ChunkAck(ack) => self.chunk_acknowledged(from, ack),
        }
    }

    fn step(&mut self, from: NodeId, mut message: Message) {
        if message.from != from.raft() || message.to != self.settings.id.raft() {
            tracing::warn!(%from, "a message under another node's name was ignored");
            return;
        }
        if self.persistence.is_stuck() {
            return;
        }
        match message.get_msg_type() {
            MessageType::MsgRequestVote | MessageType::MsgRequestPreVote
                if self.now_ms < self.votes_from_ms => {}
            MessageType::MsgRequestVote
            | MessageType::MsgRequestVoteResponse
            | MessageType::MsgRequestPreVote
            | MessageType::MsgRequestPreVoteResponse
            | MessageType::MsgAppendResponse
            | MessageType::MsgReadIndexResp
            | MessageType::MsgTimeoutNow => self.consensus.step(message),
            MessageType::MsgHeartbeatResponse => {
                self.note_promise(from, &mut message);
                self.consensus.step(message);
            }
            MessageType::MsgAppend | MessageType::MsgHeartbeat => {
                let term = message.term;
                self.consensus.step(message);
                self.note_contact(from, term);
            }
            MessageType::MsgReadIndex => self.asked_for_index(from, message),
            kind => tracing::warn!(%from, ?kind, "a message that no node sends was ignored"),
        }
        if self.consensus.unlogged_bytes() > UNLOGGED_BYTES_MAX {
            self.run_steps();
        }
    }

    fn note_contact(&mut self, from: NodeId, term: u64) {
        if self.consensus.leader() == Some(from) && self.consensus.term() == term {
            self.contact_ms = Some(self.now_ms);
        }
    }

    /// Another node cannot be reached: what was sent last may be lost.
    pub fn unreachable(&mut self, peer: NodeId) {
        if self.identity.is_established && !self.persistence.is_stuck() {
            self.consensus.unreachable(peer);
        }
    }

    /// Does what there is to do. To be called after inputs, and when the journal has progressed.
    /// `now_ms` must have been read after the inputs arrived.
    pub fn work(&mut self, now_ms: u64) -> Output {
        self.tick(now_ms);
        self.note_journal();
        if self.failure.is_none() {
            self.greet_others();
        }
        if self.failure.is_none() && self.identity.is_established {
            self.follow_roles();
            self.propose();
            self.send_forwards();
            self.ask_for_reads();
            self.run_steps();
            self.pump_transfers();
            self.take_snapshot_if_due();
        }
        self.answer_reads();
        self.give_up_late();
        self.follow_roles();
        std::mem::take(&mut self.out)
    }

    /// Steps may bring forth others; most have no more than two.
    fn run_steps(&mut self) {
        const STEPS_MAX: usize = 64;
        for _ in 0..STEPS_MAX {
            if self.failure.is_some() || !self.persist_next() {
                break;
            }
        }
    }

    /// Whether [`Member::work`] has something to do, apart from time and the journal's progress.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.failure.is_none()
            && self.identity.is_established
            && (self.consensus.has_step()
                || self.proposals.has_queued()
                || self.reads.has_waiting())
    }

    fn role(&self) -> Role {
        match self.identity.is_established && self.failure.is_none() {
            true => self.consensus.role(),
            false => Role::Outsider,
        }
    }

    fn is_leader(&self) -> bool {
        self.role() == Role::Leader
    }

    /// The wall clock, never before the last write's.
    fn wall_ms(&self) -> u64 {
        self.clock.now_ms().max(self.machine.db().applied().now_ms)
    }

    fn send(&mut self, to: NodeId, message: PeerMessage) {
        let lane = match message {
            PeerMessage::Chunk(_) => Lane::Bulk,
            _ => Lane::Consensus,
        };
        self.out.messages.push(Outgoing { to, lane, message });
    }

    /// Takes no part from now on.
    fn fail(&mut self, reason: String) {
        if self.failure.is_some() {
            return;
        }
        tracing::error!(reason, "this node takes no part in the cluster any more");
        self.consensus.step_down();
        self.persistence.drop_held();
        self.out.messages.clear();
        self.out.events.push(Event::Poisoned(reason.clone()));
        self.failure = Some(reason);
        self.fail_proposals();
        self.fail_forwards();
        self.fail_reads();
    }

    /// The data.
    #[must_use]
    pub fn db(&self) -> &Arc<Db> {
        self.machine.db()
    }

    /// The log.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }
}
