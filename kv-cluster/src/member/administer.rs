//! What operators ask: who is in the cluster, and who leads it.
//!
//! 1. A new node is a learner first: it has all data before it has a vote.
//! 2. An id is given away once; see [`crate::identity`].
//! 3. One change at a time; the next one once it is applied, and no joint configuration is left.

use kv_proto::{ErrorCode, ErrorReply, Reply};

use super::answer::no_leader;
use super::propose::What;
use super::{Administration, Change, Member};
use crate::NodeId;
use crate::consensus::Consensus;
use crate::machine::conf_ids;
use crate::membership::{CHANGES_MAX, Reconfiguration};

/// A learner that lacks more entries than this gets no vote: it would hold up every write.
const PROMOTE_LAG_MAX: u64 = 10_000;

impl Member {
    /// Takes an operator's request; the reply comes as that of a batch of one request.
    pub fn administer(&mut self, ticket: u64, request: Administration, now_ms: u64) {
        self.tick(now_ms);
        let done = match request {
            Administration::Snapshot => {
                self.snapshots.is_requested = true;
                Ok(true)
            }
            _ if !self.is_leader() => Err(self.no_leader_here()),
            _ if self.persistence.is_stuck() => Err(ErrorReply::new(
                ErrorCode::Busy,
                "the log of the leader takes nothing now; try again",
            )),
            Administration::TransferLeader(to) => self.transfer_leader(to).map(|()| true),
            Administration::Change(changes) => self.change(ticket, changes).map(|()| false),
        };
        match done {
            Ok(true) => self.complete_local(ticket, vec![Reply::Ok]),
            Ok(false) => {}
            Err(error) => self.complete_local(ticket, vec![Reply::Error(error)]),
        }
    }

    fn transfer_leader(&mut self, to: Option<NodeId>) -> Result<(), ErrorReply> {
        let to = match to {
            Some(to) if to == self.settings.id => return Ok(()),
            Some(to) if self.is_voter(to) => to,
            Some(to) => return Err(err(format!("node {to} has no vote"))),
            None => self.furthest().ok_or_else(no_leader)?,
        };
        // Before the other node hears of it: see `lease`.
        self.lease.suspend();
        self.consensus.transfer(to);
        Ok(())
    }

    /// The voter that lacks least.
    fn furthest(&self) -> Option<NodeId> {
        let conf = &self.machine.state().conf;
        let voters = conf.voters.iter().filter_map(|id| NodeId::from_raft(*id));
        let others = voters.filter(|id| *id != self.settings.id);
        let progress = others.filter_map(|id| {
            let progress = self.consensus.progress(id)?;
            Some((progress.is_active, progress.matched, id))
        });
        progress.max().map(|(_, _, id)| id)
    }

    fn is_voter(&self, id: NodeId) -> bool {
        self.machine.state().conf.voters.contains(&id.raft())
    }

    fn change(&mut self, ticket: u64, changes: Vec<Change>) -> Result<(), ErrorReply> {
        if changes.is_empty() || changes.len() > CHANGES_MAX {
            return Err(err(format!("a change is of 1 to {CHANGES_MAX} nodes")));
        }
        let is_joint = !self.machine.state().conf.voters_outgoing.is_empty();
        if is_joint || self.consensus.has_pending_change() || self.consensus.transferee().is_some()
        {
            return Err(ErrorReply::new(
                ErrorCode::Busy,
                "another change of members is under way; try again",
            ));
        }
        for change in &changes {
            self.check_change(change)?;
        }
        self.check_rest(&changes)?;
        let change = Reconfiguration { changes };
        self.consensus
            .propose_change(&change)
            .map_err(|_| no_leader())?;
        self.note_proposed(0, What::Change(ticket));
        Ok(())
    }

    fn check_change(&self, change: &Change) -> Result<(), ErrorReply> {
        let state = self.machine.state();
        let is_member = |id: &NodeId| conf_ids(&state.conf).contains(id);
        match change {
            Change::AddLearner(address) if is_member(&address.id) => {
                Err(err(format!("node {} is a member already", address.id)))
            }
            Change::AddLearner(address) if state.removed.contains(&address.id) => {
                Err(err(format!(
                    "node {} was a member before: a node that comes back needs a new id",
                    address.id
                )))
            }
            Change::AddLearner(address) => address.check().map_err(err),
            Change::Promote(id) if self.is_voter(*id) => {
                Err(err(format!("node {id} has a vote already")))
            }
            Change::Promote(id) if !is_member(id) => Err(err(format!("there is no node {id}"))),
            Change::Promote(id) => self.check_lag(*id),
            Change::Remove(id) if !is_member(id) => Err(err(format!("there is no node {id}"))),
            Change::Remove(_) => Ok(()),
        }
    }

    fn check_lag(&self, id: NodeId) -> Result<(), ErrorReply> {
        let matched = self
            .consensus
            .progress(id)
            .map_or(0, |progress| progress.matched);
        let lag = self.consensus.last_index().saturating_sub(matched);
        match lag <= PROMOTE_LAG_MAX && matched > 0 {
            true => Ok(()),
            false => Err(ErrorReply::new(
                ErrorCode::Busy,
                format!("node {id} lacks {lag} entries still; try again when it has caught up"),
            )),
        }
    }

    /// Somebody has to be left, and nobody can be changed twice at once.
    fn check_rest(&self, changes: &[Change]) -> Result<(), ErrorReply> {
        let change = Reconfiguration {
            changes: changes.to_vec(),
        };
        let mut ids: Vec<_> = change.changes().map(|(_, id)| id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(err("a node is named twice"));
        }
        let is_kept = |id: &&u64| {
            !changes
                .iter()
                .any(|change| matches!(change, Change::Remove(removed) if removed.raft() == **id))
        };
        let voters = &self.machine.state().conf.voters;
        let promotes = changes
            .iter()
            .any(|change| matches!(change, Change::Promote(_)));
        match promotes || voters.iter().any(|id| is_kept(&id)) {
            true => Ok(()),
            false => Err(err("the last node with a vote cannot be removed")),
        }
    }
}

fn err(message: impl Into<std::borrow::Cow<'static, str>>) -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, message)
}
