//! Reads, and the lease that spares most of them a round.

use kv_proto::{ErrorCode, ErrorReply, Reply, Request};
use raft::eraftpb::{Message, MessageType};

use super::answer::no_leader;
use super::apply::is_meta;
use super::{Completed, Member, PeerMessage, ReadMode};
use crate::NodeId;
use crate::consensus::Consensus;
use crate::planted::Bug;
use crate::reads::Waiting;

/// Batches of reads that may wait.
const BATCHES_MAX: usize = 65_536;

impl Member {
    pub(super) fn submit_reads(&mut self, ticket: u64, requests: Vec<Request>, mode: ReadMode) {
        let read = Waiting {
            ticket,
            requests,
            since_ms: self.now_ms,
        };
        match mode {
            ReadMode::Stale => self.answer_stale(read),
            ReadMode::After(ordinal) if ordinal <= self.machine.ordinal() => {
                self.answer_stale(read);
            }
            _ if self.reads.count() >= BATCHES_MAX => {
                let text = "too many reads are waiting; try again";
                self.refuse_read(&read, &ErrorReply::new(ErrorCode::Busy, text));
            }
            ReadMode::After(ordinal) => self.reads.push_after(ordinal, read),
            ReadMode::Linearizable if self.failure.is_some() => {
                self.refuse_read(&read, &no_leader());
            }
            ReadMode::Linearizable => self.reads.push(read),
        }
    }

    /// Finds a place for the reads that have none.
    pub(super) fn ask_for_reads(&mut self) {
        let patience_ms = 2 * self.settings.heartbeat_ticks as u64 * self.settings.tick_ms;
        self.reads.ask_again(self.now_ms, patience_ms);
        if !self.reads.has_waiting() || self.persistence.is_stuck() {
            return;
        }
        if self.settings.plants(Bug::LocalRead) {
            self.reads.place_waiting(self.machine.applied().index);
        } else if self.has_lease() {
            self.counters.lease_reads += 1;
            self.reads.place_waiting(self.consensus.committed());
        } else if self.can_ask()
            && let Some(context) = self.reads.ask(self.now_ms)
        {
            self.counters.read_rounds += 1;
            self.consensus.read_index(context);
        }
    }

    /// Whether a question would not be dropped at once.
    fn can_ask(&self) -> bool {
        match self.is_leader() {
            true => self.consensus.is_term_committed(),
            false => self.consensus.leader().is_some(),
        }
    }

    /// Whether nobody else can lead now, so that nobody else can have committed anything.
    pub(super) fn has_lease(&self) -> bool {
        if !self.is_leader() || !self.consensus.is_term_committed() {
            return false;
        }
        if self.settings.plants(Bug::LeaseAfterPause) {
            return self.consensus.is_quorum(&self.lease.holders_ever());
        }
        let holders = self.lease.holders(self.now_ms);
        holders.is_some_and(|holders| self.consensus.is_quorum(&holders))
    }

    /// Another node asks for the place of its reads; under the lease no round is needed.
    pub(super) fn asked_for_index(&mut self, from: NodeId, mut message: Message) {
        if message.entries.len() != 1 {
            tracing::warn!(%from, "a question without a context was ignored");
            return;
        }
        if !self.has_lease() {
            self.consensus.step(message);
            return;
        }
        let mut answer = Message::default();
        answer.set_msg_type(MessageType::MsgReadIndexResp);
        answer.to = message.from;
        answer.from = self.settings.id.raft();
        answer.term = self.consensus.term();
        answer.index = self.consensus.committed();
        answer.set_entries(message.take_entries());
        self.send(from, PeerMessage::Raft(Box::new(answer)));
    }

    /// A heartbeat says when it was sent; its answer brings that back.
    pub(super) fn stamp_heartbeat(&self, message: &mut Message) {
        let stamp = self.now_ms.to_le_bytes();
        message.context = [&message.context[..], &stamp[..]].concat().into();
    }

    pub(super) fn note_promise(&mut self, from: NodeId, message: &mut Message) {
        let Some((context, stamp)) = message.context.split_last_chunk::<8>() else {
            return;
        };
        let sent_ms = u64::from_le_bytes(*stamp);
        let context = message.context.slice(..context.len());
        message.context = context;
        if self.is_leader() && sent_ms <= self.now_ms {
            self.lease.enter(self.consensus.term());
            self.lease.note(from, message.term, sent_ms);
        }
    }

    /// Answers the reads whose place is applied.
    pub(super) fn answer_reads(&mut self) {
        let (applied, ordinal) = (self.machine.applied().index, self.machine.ordinal());
        for read in self.reads.take_ready(applied, ordinal) {
            self.answer_read(read, None);
        }
    }

    fn answer_stale(&mut self, read: Waiting) {
        self.counters.stale_reads += 1;
        let age_ms = self.contact_age_ms();
        self.answer_read(read, age_ms);
    }

    fn answer_read(&mut self, read: Waiting, age_ms: Option<u64>) {
        let now_ms = self.wall_ms();
        let db = self.machine.db();
        let commands = read.requests.iter().map(|request| &request.command);
        let mut replies: Vec<_> = commands.map(|command| db.read(now_ms, command)).collect();
        self.name_primaries(&read.requests, &mut replies);
        self.out.replies.push(Completed {
            ticket: read.ticket,
            replies,
            ordinal: self.machine.ordinal(),
            age_ms,
        });
    }

    /// Milliseconds since a leader was last heard of.
    pub(super) fn contact_age_ms(&self) -> Option<u64> {
        match self.is_leader() {
            true => Some(0),
            false => self.contact_ms.map(|contact_ms| self.now_ms - contact_ms),
        }
    }

    /// Adds to what is told of an entry who wrote it, and the vector clock.
    pub(super) fn name_primaries(&self, requests: &[Request], replies: &mut [Reply]) {
        for (request, reply) in requests.iter().zip(replies) {
            if !is_meta(&request.command) {
                continue;
            }
            let Reply::Map(fields) = reply else {
                continue;
            };
            let version = fields.iter().find_map(|(name, value)| match (name, value) {
                (Reply::Bytes(name), Reply::Int(version)) if name == "version" => Some(*version),
                _ => None,
            });
            let version = version.unwrap_or_default().unsigned_abs();
            if let Some(span) = self.machine.state().provenance.of(version) {
                fields.push((Reply::text("primary"), int(span.primary.0)));
                fields.push((Reply::text("term"), int(span.term)));
            }
            let clock = self.machine.state().clock.iter();
            let clock = clock.map(|(node, ordinal)| (int(node.0), int(*ordinal)));
            fields.push((Reply::text("clock"), Reply::Map(clock.collect())));
        }
    }

    /// Tells those who waited too long.
    pub(super) fn give_up_late(&mut self) {
        self.give_up_proposals();
        self.give_up_forwards();
        let timeout_ms = self.settings.request_timeout_ms;
        let (late, stale) = self.reads.take_expired(self.now_ms, timeout_ms);
        for read in late {
            self.refuse_read(&read, &no_leader());
        }
        for read in stale {
            let text = "this node has not caught up with what the session has seen; try another";
            self.refuse_read(&read, &ErrorReply::new(ErrorCode::Stale, text));
        }
    }

    pub(super) fn fail_reads(&mut self) {
        for read in self.reads.take_all() {
            self.refuse_read(&read, &no_leader());
        }
    }

    fn refuse_read(&mut self, read: &Waiting, error: &ErrorReply) {
        let replies = vec![Reply::Error(error.clone()); read.requests.len()];
        self.complete_local(read.ticket, replies);
    }
}

fn int(number: u64) -> Reply {
    Reply::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
