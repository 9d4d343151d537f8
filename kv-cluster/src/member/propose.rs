//! From requests to entries that are proposed, and what becomes of those.
//!
//! 1. A batch is one entry's, and its reads are answered at its place; only one that is very large
//!    is of several entries, cut between two requests.
//! 2. Batches that are queued go into one entry, up to a bound; several entries may be under way.
//! 3. A batch that was refused has not been proposed. One that was proposed is answered when its
//!    place in the log is applied: by what was there, or, if that is another entry, by an error
//!    that says that nothing happened. Until then its outcome is unknown, and it is said to be so
//!    after a time.

use std::collections::{BTreeMap, VecDeque};

use kv_node::store::{Admission, not_logged, unconfirmed};
use kv_proto::{Command, ErrorCode, ErrorReply, Reply, Request};
use kv_wal::{Health, WalError};

use super::answer::{lost_place, no_leader};
use super::{Batch, Member, Route, UNLOGGED_BYTES_MAX};
use crate::consensus::{Consensus, mix};
use crate::entry::{COMMAND_HEAD_BYTES, EntryBuilder};
use crate::log::Mark;
use crate::{NodeId, Once};

/// Batches that may be queued or under way.
const BATCHES_MAX: usize = 65_536;

/// A batch with more is cut, and the rest is of another entry.
const PART_BYTES_MAX: usize = 4 << 20;

/// One command is at most so long: an entry, with what else is in its record, must fit in one of
/// the journal's.
const COMMAND_BYTES_MAX: usize = 20 << 20;

/// Expired entries removed by one write.
const SWEEP_ENTRIES_MAX: u64 = 1000;

/// Who is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// Whoever drives this node, under its ticket.
    Local(u64),
    /// Another node, under its number.
    Peer(NodeId, u64),
    /// Nobody.
    Own,
}

/// A batch that waits to be proposed.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) origin: Origin,
    pub(super) requests: Vec<Request>,
    pub(super) once: Vec<Once>,
    pub(super) since_ms: u64,
}

/// A batch in a proposed entry.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) origin: Origin,
    pub(super) requests: Vec<Request>,
    /// Requests that are not in the entry, ascending, and why.
    pub(super) refused: Vec<(usize, ErrorReply)>,
    /// Requests whose effect is to be lost (debug mode).
    pub(super) lost: Vec<usize>,
    /// The rest of the batch is in a later entry.
    pub(super) has_more: bool,
}

/// What an entry that this node proposed is for.
#[derive(Debug)]
pub(super) enum What {
    Writes(Vec<Prepared>),
    Change(u64),
}

/// An entry that this node proposed.
#[derive(Debug)]
pub(super) struct Proposed {
    mark: Mark,
    bytes: u64,
    pub(super) what: What,
    since_ms: u64,
}

/// All batches with writes that this node is to answer as leader.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    queued: VecDeque<Queued>,
    proposed: VecDeque<Proposed>,
    /// Of the entries under way.
    bytes: u64,
    /// Batches in the entries under way.
    batches: usize,
    /// Replies to the beginnings of batches that are of several entries.
    pub(super) begun: BTreeMap<Origin, Vec<Reply>>,
    dice: u64,
    last_sweep_ms: u64,
}

impl Proposals {
    pub(super) fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }
}

impl Member {
    /// Takes requests; their replies come with some later [`Member::work`]. `now_ms` must have been
    /// read after they arrived.
    pub fn submit(&mut self, batch: Batch, now_ms: u64) {
        self.tick(now_ms);
        let Batch {
            ticket,
            requests,
            once,
            route,
            reads,
        } = batch;
        if !requests.iter().any(|request| request.command.is_write()) {
            self.submit_reads(ticket, requests, reads);
            return;
        }
        let queued = Queued {
            origin: Origin::Local(ticket),
            requests,
            once,
            since_ms: self.now_ms,
        };
        match route {
            _ if self.is_leader() => self.enqueue(queued),
            Route::Forward if self.failure.is_none() => self.forward(ticket, queued),
            Route::Follow | Route::Forward => {
                let error = self.no_leader_here();
                self.counters.redirects += 1;
                self.refuse(queued.origin, &queued.requests, &error);
            }
        }
    }

    pub(super) fn enqueue(&mut self, queued: Queued) {
        let count = self.proposals.queued.len() + self.proposals.batches;
        if count >= BATCHES_MAX || self.proposals.bytes > self.settings.queue_bytes_max {
            let error = ErrorReply::new(
                ErrorCode::Busy,
                "too many writes are waiting for the cluster; try again",
            );
            self.refuse(queued.origin, &queued.requests, &error);
            return;
        }
        self.proposals.queued.push_back(queued);
    }

    /// Where writes go: to the leader's client address, or nowhere now.
    pub(super) fn no_leader_here(&self) -> ErrorReply {
        let leader = self.consensus.leader().filter(|_| self.failure.is_none());
        let address = leader
            .filter(|leader| *leader != self.settings.id)
            .and_then(|leader| self.address_of(leader));
        match address {
            Some(address) => ErrorReply::new(ErrorCode::NotLeader, address.client),
            None => no_leader(),
        }
    }

    /// Proposes what is queued.
    pub(super) fn propose(&mut self) {
        if !self.is_leader() {
            self.turn_away_queued();
            return;
        }
        self.sweep_if_due();
        while self.proposals.has_queued() && !self.persistence.is_stuck() {
            if let Some(error) = self.obstacle() {
                for queued in std::mem::take(&mut self.proposals.queued) {
                    self.refuse(queued.origin, &queued.requests, &error);
                }
                return;
            }
            if self.proposals.bytes > self.settings.queue_bytes_max {
                return;
            }
            self.propose_one();
            if self.consensus.unlogged_bytes() > UNLOGGED_BYTES_MAX {
                self.run_steps();
            }
        }
    }

    /// Why nothing can be proposed now.
    fn obstacle(&self) -> Option<ErrorReply> {
        if self.consensus.transferee().is_some() {
            return Some(no_leader());
        }
        match self.journal.health() {
            Health::StorageFull(reason) => Some(not_logged(&WalError::StorageFull(reason))),
            _ => None,
        }
    }

    /// Folds batches into one entry and proposes it.
    fn propose_one(&mut self) {
        let now_ms = self.wall_ms();
        let mut builder = EntryBuilder::new(self.settings.id, now_ms);
        let (mut commands, mut bytes) = (0, 0);
        let mut prepared = Vec::new();
        while commands < self.settings.entry_commands_max
            && bytes < self.settings.entry_bytes_max
            && let Some(queued) = self.proposals.queued.pop_front()
        {
            let (batch, count, len) = self.prepare(queued, now_ms, &mut builder);
            commands += count;
            bytes += len;
            // Reads among them are answered at a place of their own, though nothing is written.
            match batch.refused.len() == batch.requests.len() {
                true => self.refuse_prepared(batch, &no_leader()),
                false => prepared.push(batch),
            }
        }
        if prepared.is_empty() {
            return;
        }
        self.counters.commands_proposed += commands as u64;
        self.hand_over(builder.finish(), What::Writes(prepared));
    }

    fn hand_over(&mut self, data: Vec<u8>, what: What) {
        let bytes = data.len() as u64;
        match self.consensus.propose(data) {
            Ok(()) => self.note_proposed(bytes, what),
            Err(_) => {
                let error = ErrorReply::new(
                    ErrorCode::Busy,
                    "too many writes are waiting for the other nodes; try again",
                );
                self.refuse_what(what, &error);
            }
        }
    }

    pub(super) fn note_proposed(&mut self, bytes: u64, what: What) {
        let mark = Mark {
            index: self.consensus.last_index(),
            term: self.consensus.term(),
        };
        self.counters.entries_proposed += 1;
        if let What::Writes(prepared) = &what {
            self.proposals.batches += prepared.len();
        }
        self.proposals.bytes += bytes;
        let mut proposed = Proposed {
            mark,
            bytes,
            what,
            since_ms: self.now_ms,
        };
        self.plant_early_answers(&mut proposed);
        self.proposals.proposed.push_back(proposed);
    }

    /// Checks a batch's writes and adds them to an entry: how many, and their bytes. What would
    /// make the entry too large is queued again, to be next.
    fn prepare(
        &mut self,
        queued: Queued,
        now_ms: u64,
        builder: &mut EntryBuilder,
    ) -> (Prepared, usize, usize) {
        let Queued {
            origin,
            mut requests,
            once,
            since_ms,
        } = queued;
        let (mut refused, mut lost) = (Vec::new(), Vec::new());
        let (mut count, mut bytes) = (0, 0);
        let mut scratch = Vec::new();
        let mut rest = None;
        for (at, request) in requests.iter_mut().enumerate() {
            if !request.command.is_write() {
                continue;
            }
            if bytes > PART_BYTES_MAX {
                rest = Some(at);
                break;
            }
            if let Err(error) = self.admit(request, now_ms, bytes) {
                refused.push((at, error));
                continue;
            }
            request.command.stamp(now_ms);
            scratch.clear();
            request.command.encode(&mut scratch);
            if scratch.len() > COMMAND_BYTES_MAX {
                refused.push((at, too_large(scratch.len())));
                continue;
            }
            builder.push(once.get(at).copied().unwrap_or_default(), &scratch);
            count += 1;
            bytes += scratch.len() + COMMAND_HEAD_BYTES;
            if self.loses(request.fault) {
                lost.push(at);
            }
        }
        if let Some(at) = rest {
            self.proposals.queued.push_front(Queued {
                origin,
                once: once.get(at..).unwrap_or_default().to_vec(),
                requests: requests.split_off(at),
                since_ms,
            });
        }
        let prepared = Prepared {
            origin,
            requests,
            refused,
            lost,
            has_more: rest.is_some(),
        };
        (prepared, count, bytes)
    }

    fn admit(&self, request: &Request, now_ms: u64, bytes: usize) -> Result<(), ErrorReply> {
        if matches!(request.command, Command::Train) {
            let message = "a cluster learns nothing yet: KV.TRAIN is for a node that stands alone";
            return Err(ErrorReply::new(ErrorCode::Err, message));
        }
        let admission = Admission {
            limits: &self.settings.limits,
            db: self.machine.db(),
            learns: false,
            queued_bytes: self.proposals.bytes + bytes as u64,
            now_ms,
        };
        admission.check(request)
    }

    /// Throws the dice of debug mode.
    fn loses(&mut self, chance: Option<f64>) -> bool {
        let Some(chance) = chance else {
            return false;
        };
        self.proposals.dice = mix(self.proposals.dice ^ self.settings.seed);
        let uniform = (self.proposals.dice >> 40) as f64 / (1u64 << 24) as f64;
        uniform < chance
    }

    /// Expired entries are removed by a write like any other, about once a second.
    fn sweep_if_due(&mut self) {
        const PERIOD_MS: u64 = 1000;
        let deadline_ms = self.machine.db().next_deadline_ms();
        let is_due = deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.wall_ms());
        if !is_due || self.now_ms < self.proposals.last_sweep_ms + PERIOD_MS {
            return;
        }
        self.proposals.last_sweep_ms = self.now_ms;
        let limit = SWEEP_ENTRIES_MAX;
        self.proposals.queued.push_back(Queued {
            origin: Origin::Own,
            requests: vec![Command::Sweep { limit }.into()],
            once: Vec::new(),
            since_ms: self.now_ms,
        });
    }

    /// The entry that this node proposed for a place that is applied. Others for places up to that
    /// one never happened: it may have led twice, and proposed anew from further back.
    pub(super) fn take_proposed(&mut self, mark: Mark) -> Option<Proposed> {
        if self.proposals.proposed.front()?.mark == mark {
            return self.forget(0);
        }
        let mut found = None;
        for proposed in self.forget_through(mark.index) {
            match proposed.mark == mark {
                true => found = Some(proposed),
                false => self.refuse_what(proposed.what, &lost_place()),
            }
        }
        found
    }

    /// Entries for places up to this one, in the order in which they were proposed.
    fn forget_through(&mut self, index: u64) -> Vec<Proposed> {
        let mut forgotten = Vec::new();
        let mut at = 0;
        while let Some(proposed) = self.proposals.proposed.get(at) {
            match proposed.mark.index <= index {
                true => forgotten.extend(self.forget(at)),
                false => at += 1,
            }
        }
        forgotten
    }

    fn forget(&mut self, at: usize) -> Option<Proposed> {
        let proposed = self.proposals.proposed.remove(at)?;
        self.proposals.bytes -= proposed.bytes;
        if let What::Writes(prepared) = &proposed.what {
            self.proposals.batches -= prepared.len();
        }
        Some(proposed)
    }

    /// Nobody knows what became of entries up to this one: a snapshot passed them by.
    pub(super) fn pass_over(&mut self, index: u64) {
        for proposed in self.forget_through(index) {
            self.refuse_what(proposed.what, &unconfirmed());
        }
    }

    /// Entries that took too long may still come to be.
    pub(super) fn give_up_proposals(&mut self) {
        let timeout_ms = self.settings.request_timeout_ms;
        while let Some(front) = self.proposals.proposed.front()
            && front.since_ms.saturating_add(timeout_ms) <= self.now_ms
        {
            if let Some(proposed) = self.forget(0) {
                self.refuse_what(proposed.what, &unconfirmed());
            }
        }
        while let Some(front) = self.proposals.queued.front()
            && front.since_ms.saturating_add(timeout_ms) <= self.now_ms
        {
            if let Some(queued) = self.proposals.queued.pop_front() {
                self.refuse(queued.origin, &queued.requests, &no_leader());
            }
        }
    }

    fn turn_away_queued(&mut self) {
        if !self.proposals.has_queued() {
            return;
        }
        let error = self.no_leader_here();
        for queued in std::mem::take(&mut self.proposals.queued) {
            self.refuse(queued.origin, &queued.requests, &error);
        }
    }

    pub(super) fn fail_proposals(&mut self) {
        self.pass_over(u64::MAX);
        self.turn_away_queued();
    }
}

fn too_large(bytes: usize) -> ErrorReply {
    let text = format!("a command has {bytes} bytes, the limit is {COMMAND_BYTES_MAX}");
    ErrorReply::new(ErrorCode::Err, text)
}
