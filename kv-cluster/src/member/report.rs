//! What a member tells of itself.

use kv_wal::Health;

use super::{Event, Member};
use crate::consensus::Consensus;
use crate::{MemberAddress, MemberStatus, NodeId, PeerStatus, Role};

impl Member {
    /// Notes what became of the node's part, and tells of it once.
    pub(super) fn follow_roles(&mut self) {
        let (role, term) = (self.role(), self.consensus.term());
        let leader = self.known_leader();
        if role == Role::Leader {
            self.lease.enter(term);
            self.leave_if_removed();
        }
        if (role, term, leader) == self.reported {
            return;
        }
        let (before, term_before, _) = self.reported;
        if role == Role::Leader && (before, term_before) != (Role::Leader, term) {
            self.counters.elections_won += 1;
        }
        self.reported = (role, term, leader);
        self.out.events.push(Event::Role { role, term, leader });
    }

    /// A leader that was removed has told the others so by now.
    fn leave_if_removed(&mut self) {
        if !self.machine.state().members.contains_key(&self.settings.id) {
            self.consensus.step_down();
        }
    }

    pub(super) fn known_leader(&self) -> Option<NodeId> {
        let is_in = self.failure.is_none() && self.identity.is_established;
        self.consensus.leader().filter(|_| is_in)
    }

    pub(super) fn address_of(&self, id: NodeId) -> Option<MemberAddress> {
        let member = self.machine.state().members.get(&id);
        let bootstrap = self.identity.members.iter();
        let known = member.or_else(|| bootstrap.into_iter().find(|member| member.id == id));
        known.cloned()
    }

    /// Everybody to be connected with: who is in the cluster as of the last entry applied, and
    /// before there was one, who was named at the start.
    #[must_use]
    pub fn members(&self) -> Vec<MemberAddress> {
        let members = &self.machine.state().members;
        match members.is_empty() {
            true => self.identity.members.clone(),
            false => members.values().cloned().collect(),
        }
    }

    /// Who leads, and where clients reach it.
    #[must_use]
    pub fn leader(&self) -> Option<MemberAddress> {
        self.known_leader()
            .and_then(|leader| self.address_of(leader))
    }

    /// What is known of it.
    #[must_use]
    pub fn status(&self, now_ms: u64) -> MemberStatus {
        let state = self.machine.state();
        let log = self.consensus.log();
        let hard_state = self.consensus.hard_state();
        let age_ms = self.contact_age_ms();
        let since_ms = now_ms.saturating_sub(self.now_ms);
        let is_leader = self.is_leader();
        MemberStatus {
            id: self.settings.id,
            role: self.role(),
            term: hard_state.term,
            vote: NodeId::from_raft(hard_state.vote),
            leader: self.known_leader(),
            commit: hard_state.commit,
            applied: state.applied.index,
            ordinal: self.machine.ordinal(),
            first: log.base().index + 1,
            last: self.consensus.last_index(),
            durable: self.consensus.persisted_index(),
            contact_age_ms: age_ms.map(|ms| if is_leader { 0 } else { ms + since_ms }),
            has_lease: self.has_lease(),
            is_ready: self.is_ready(),
            is_refused: self.greeting.is_refused,
            health: self.health(),
            members: state
                .members
                .values()
                .map(|member| self.peer(member))
                .collect(),
            clock: state
                .clock
                .iter()
                .map(|(id, ordinal)| (*id, *ordinal))
                .collect(),
            snapshot: self.snapshots.newest.map(super::snapshots::id_of),
            snapshot_error: self.snapshots.last_error.clone(),
            counters: self.counters,
        }
    }

    fn peer(&self, address: &MemberAddress) -> PeerStatus {
        let progress = self
            .consensus
            .progress(address.id)
            .filter(|_| self.is_leader());
        let is_self = address.id == self.settings.id;
        PeerStatus {
            address: address.clone(),
            is_voter: self
                .machine
                .state()
                .conf
                .voters
                .contains(&address.id.raft()),
            matched: progress.map(|progress| progress.matched),
            is_active: progress.map(|progress| is_self || progress.is_active),
            is_receiving_snapshot: self.transfers.is_sending_to(address.id),
        }
    }

    /// Whether it knows a leader and has applied what that had committed when it was last heard of.
    fn is_ready(&self) -> bool {
        let is_led = self.known_leader().is_some() && self.consensus.is_term_committed();
        is_led && self.machine.applied().index >= self.consensus.committed()
    }

    fn health(&self) -> String {
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        match self.journal.health() {
            Health::Ok => "ok".to_owned(),
            Health::StorageFull(reason) => format!("the disk is full: {reason}"),
            Health::Poisoned(reason) => format!("the log failed: {reason}"),
            other => format!("{other:?}"),
        }
    }

    /// The entry at `index` as its term and a checksum of what it holds, if it is in memory: for
    /// tests that compare logs.
    #[must_use]
    pub fn entry_digest(&self, index: u64) -> Option<(u64, u32)> {
        let entry = self.consensus.log().entry(index)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&entry.context), &entry.data);
        Some((entry.term, crc))
    }

    /// A number that tells states apart: equal on all nodes that have applied the same entries.
    #[must_use]
    pub fn state_digest(&self) -> u64 {
        let annex = crate::machine::annex::encode(self.machine.state());
        let crc = u64::from(crc32c::crc32c(&annex));
        self.machine.db().digest() ^ (crc << 32 | crc)
    }
}
