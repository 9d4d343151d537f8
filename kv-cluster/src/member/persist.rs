//! From a step of the consensus to a record, and from the record's sync to what waited for it.

use std::collections::VecDeque;

use kv_wal::{Health, Lsn, WalError};
use raft::eraftpb::{HardState, Message, MessageType};

use super::{Event, Member, PeerMessage};
use crate::NodeId;
use crate::consensus::{Consensus, Step};
use crate::planted::Bug;
use crate::record::{self, KIND_STEP};

/// What waits for the journal.
#[derive(Debug, Default)]
pub(super) struct Persistence {
    /// The last record appended.
    last: Lsn,
    /// Steps that are in the journal up to this record.
    steps: VecDeque<(u64, Lsn)>,
    /// Messages that promise what is in the journal up to this record.
    held: VecDeque<(Lsn, Vec<Message>)>,
    /// Could not be appended for want of space.
    stuck: Option<Box<Step>>,
    /// Term and vote of the last record, where those are to be old.
    logged: (u64, u64),
    /// Since when the oldest record that is not durable has been under way.
    outstanding_since_ms: Option<u64>,
}

impl Persistence {
    pub(super) fn new(last: Lsn) -> Persistence {
        Persistence {
            last,
            ..Persistence::default()
        }
    }

    pub(super) fn last(&self) -> Lsn {
        self.last
    }

    /// Whether a step waits to be logged: until then the consensus takes nothing in.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }

    pub(super) fn drop_held(&mut self) {
        self.held.clear();
        self.stuck = None;
    }

    fn note(&mut self, lsn: Lsn, now_ms: u64) {
        self.last = lsn;
        self.outstanding_since_ms.get_or_insert(now_ms);
    }
}

impl Member {
    /// Whether the journal has not made anything durable for a whole election timeout though it was
    /// to.
    pub(super) fn is_stalled(&self) -> bool {
        let since = self.persistence.outstanding_since_ms;
        let patience_ms = self.settings.election_timeout_ms();
        since.is_some_and(|since_ms| since_ms.saturating_add(patience_ms) < self.now_ms)
    }

    /// Looks how far the journal is, and lets go what waited for it.
    pub(super) fn note_journal(&mut self) {
        if self.failure.is_some() {
            return;
        }
        match self.journal.health() {
            Health::Poisoned(reason) => {
                self.fail(format!("its log failed: {reason}"));
                return;
            }
            // It looks for room when it is asked to write, and nothing is written meanwhile.
            Health::StorageFull(_) => self.out.flush = true,
            _ => {}
        }
        let before = self.persistence.steps.len();
        let durable = self.journal.durable_lsn();
        self.let_go(durable);
        if durable >= self.persistence.last && !self.persistence.is_stuck() {
            self.persistence.outstanding_since_ms = None;
        } else if self.persistence.steps.len() < before {
            self.persistence.outstanding_since_ms = Some(self.now_ms);
        }
        if self.is_stalled() && self.is_leader() {
            tracing::warn!("the disk stands still: giving up leadership");
            self.consensus.step_down();
        }
    }

    fn let_go(&mut self, durable: Lsn) {
        let persistence = &mut self.persistence;
        let mut number = None;
        while let Some((step, lsn)) = persistence.steps.front()
            && *lsn <= durable
        {
            number = Some(*step);
            persistence.steps.pop_front();
        }
        let mut released = Vec::new();
        while let Some((lsn, _)) = persistence.held.front()
            && *lsn <= durable
        {
            released.extend(persistence.held.pop_front().map(|(_, messages)| messages));
        }
        if let Some(number) = number {
            self.consensus.persisted(number);
        }
        self.send_all(released.into_iter().flatten());
    }

    /// Handles the next step, if there is one that can be handled now.
    pub(super) fn persist_next(&mut self) -> bool {
        let step = match self.persistence.stuck.take() {
            Some(step) => *step,
            None if self.consensus.has_step() => self.consensus.take_step(),
            None => return false,
        };
        if step.install.is_some() {
            self.install_step(step);
            return true;
        }
        match self.log_step(&step) {
            Ok(()) => {
                self.finish_step(step);
                true
            }
            Err(WalError::Poisoned(reason)) => {
                self.fail(format!("its log failed: {reason}"));
                false
            }
            Err(error) => {
                tracing::warn!(%error, "the log takes no record: trying again");
                let since = &mut self.persistence.outstanding_since_ms;
                since.get_or_insert(self.now_ms);
                self.persistence.stuck = Some(Box::new(step));
                false
            }
        }
    }

    fn log_step(&mut self, step: &Step) -> Result<(), WalError> {
        if !step.is_vote && step.entries.is_empty() {
            return Ok(());
        }
        let mut hard_state = step.hard_state.clone();
        self.plant_old_hard_state(&mut hard_state);
        let body = record::encode(&hard_state, None, &step.entries);
        self.append_record(&body)?;
        Ok(())
    }

    /// Most records say what an earlier one said: a deliberate fault.
    fn plant_old_hard_state(&mut self, hard_state: &mut HardState) {
        if !self.settings.plants(Bug::HardStateApart) {
            return;
        }
        let logged = &mut self.persistence.logged;
        match self.counters.records.is_multiple_of(16) {
            true => *logged = (hard_state.term, hard_state.vote),
            false => (hard_state.term, hard_state.vote) = *logged,
        }
    }

    /// Appends a record, and has it flushed.
    pub(super) fn append_record(&mut self, body: &[u8]) -> Result<Lsn, WalError> {
        let lsn = self.journal.append_reserved(KIND_STEP, &[body])?;
        self.persistence.note(lsn, self.now_ms);
        self.counters.records += 1;
        self.out.flush = true;
        Ok(lsn)
    }

    fn finish_step(&mut self, step: Step) {
        let lsn = self.persistence.last;
        self.keep_entries(&step, lsn);
        self.send_all(step.messages);
        let durable = self.journal.durable_lsn();
        match lsn <= durable || step.is_vote && self.settings.plants(Bug::VoteNotSynced) {
            true => self.send_all(step.messages_after_sync),
            false => self.hold(lsn, step.messages_after_sync),
        }
        self.consensus.accept_step();
        match lsn <= durable && self.persistence.steps.is_empty() {
            true => self.consensus.persisted(step.number),
            false => self.persistence.steps.push_back((step.number, lsn)),
        }
        for (context, index) in step.reads {
            self.reads.answer(&context, index);
        }
        self.apply_all(step.committed);
        self.plant_commit_by_count();
        self.compact();
    }

    /// Entries after a snapshot that is on its way to another node stay, up to a bound.
    fn compact(&mut self) {
        let applied = self.machine.applied().index;
        let most = self.settings.log_memory_bytes_max;
        let log = self.consensus.log_mut();
        match self.transfers.pinned_index() {
            Some(pinned) => {
                log.compact(applied.min(pinned), most);
                log.compact(applied, most.saturating_mul(4));
            }
            None => log.compact(applied, most),
        }
    }

    /// Keeps messages back that promise what the records up to this one say. A question promises
    /// nothing.
    fn hold(&mut self, lsn: Lsn, messages: Vec<Message>) {
        let is_question = |message: &Message| message.get_msg_type() == MessageType::MsgReadIndex;
        let (questions, held): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_question);
        self.send_all(questions);
        if !held.is_empty() {
            self.persistence.held.push_back((lsn, held));
        }
    }

    fn keep_entries(&mut self, step: &Step, lsn: Lsn) {
        let log = self.consensus.log_mut();
        let last = log.last();
        let replaces = log.append(&step.entries, lsn);
        log.set_hard_state(step.hard_state.clone());
        if let Some(first) = step.entries.first()
            && replaces
            && first.index <= last
        {
            self.counters.truncations += 1;
            let from = first.index;
            self.out.events.push(Event::Truncated { from });
        }
    }

    /// Sends what the consensus has to say; a snapshot goes its own way.
    pub(super) fn send_all(&mut self, messages: impl IntoIterator<Item = Message>) {
        for mut message in messages {
            let Some(to) = NodeId::from_raft(message.to) else {
                continue;
            };
            match message.get_msg_type() {
                MessageType::MsgSnapshot => {
                    self.begin_transfer(to);
                    continue;
                }
                MessageType::MsgHeartbeat => self.stamp_heartbeat(&mut message),
                MessageType::MsgTimeoutNow => self.lease.suspend(),
                _ => {}
            }
            self.send(to, PeerMessage::Raft(Box::new(message)));
        }
    }

    fn plant_commit_by_count(&mut self) {
        if self.settings.plants(Bug::OldTermByCount) {
            self.consensus.commit_by_count();
        }
    }

    /// Term, vote and commit as a record by itself: for the journal's last one to be recent.
    pub(super) fn log_hard_state(&mut self) -> Result<Lsn, WalError> {
        let hard_state: HardState = self.consensus.log().hard_state().clone();
        let body = record::encode(&hard_state, None, &[]);
        self.append_record(&body)
    }
}
