//! What must hold after every step, across all nodes and for ever.
//!
//! 1. A term has one leader at most.
//! 2. Entries of one place and term are one entry, and so are those before them (log matching).
//! 3. What is committed at a place is one entry, on every node, for ever; a node's commit never
//!    goes back while it runs.
//! 4. Who becomes leader has all entries that were committed in an earlier term; in which one that
//!    was, the first node tells that knows it. (A candidate that was stopped may come to lead a term
//!    that others have left behind, and need not have what was committed since.)
//! 5. A leader takes nothing for committed because a quorum has it but entries of its own term.
//! 6. A node votes for one candidate a term, and never speaks of an earlier term than it has
//!    spoken of, whatever happened to it in between; unless it lost its disk.

use std::collections::HashMap;

use raft::eraftpb::MessageType;

use super::events::Place;
use crate::member::Probe;
use crate::{Member, Outgoing, PeerMessage, Role};

/// Entries that are remembered, from the last one backwards.
const REMEMBERED_MAX: u64 = 20_000;

#[derive(Debug, Default)]
pub(super) struct Invariants {
    leaders: HashMap<u64, Place>,
    /// By place in the log and term: what the entry holds, and the term of the one before.
    entries: HashMap<(u64, u64), (u32, Option<u64>)>,
    /// By place in the log: what is committed there.
    committed: HashMap<u64, Committed>,
    committed_max: u64,
    /// By term and voter: for whom.
    votes: HashMap<(u64, Place), u64>,
    /// By node: the highest term that it spoke of.
    terms: HashMap<Place, u64>,
    /// By node that runs: how it was last.
    last: HashMap<Place, Probe>,
}

/// A committed entry: its term, and the term that a node was in which knew first that it is.
#[derive(Debug, Clone, Copy)]
struct Committed {
    term: u64,
    known_in: u64,
}

impl Invariants {
    /// A node was switched off.
    pub(super) fn forget(&mut self, place: Place) {
        self.last.remove(&place);
    }

    /// A node lost its disk, and with it what it promised; it must not be counted on any more.
    pub(super) fn forgive(&mut self, place: Place) {
        self.forget(place);
        self.terms.remove(&place);
        self.votes.retain(|(_, voter), _| *voter != place);
    }

    /// Looks at a node.
    pub(super) fn look(&mut self, place: Place, member: &Member) -> Result<(), String> {
        let probe = member.probe();
        let before = self.last.insert(place, probe);
        if before == Some(probe) {
            return Ok(());
        }
        if before.is_none() {
            self.check_memory(place, &probe)?;
        }
        self.check_entries(place, member, &probe, before.as_ref())?;
        self.check_commit(place, member, &probe, before.as_ref())?;
        let is_new =
            before.is_none_or(|before| (before.role, before.term) != (probe.role, probe.term));
        if probe.role == Role::Leader && is_new {
            self.check_leader(place, member, &probe)?;
        }
        Ok(())
    }

    fn check_leader(&mut self, place: Place, member: &Member, probe: &Probe) -> Result<(), String> {
        let term = probe.term;
        let other = *self.leaders.entry(term).or_insert(place);
        if other != place {
            return Err(format!(
                "nodes {other} and {place} both lead in term {term}"
            ));
        }
        let first = probe.base + 1;
        for index in first..=self.committed_max {
            let committed = self.committed.get(&index);
            let Some(committed) = committed.filter(|entry| entry.known_in < term) else {
                continue;
            };
            let has = member.entry_digest(index).map(|(term, _)| term);
            if has != Some(committed.term) {
                return Err(format!(
                    "node {place} leads in term {term} without entry {index}: {committed:?}; it has \
                     one of {has:?}"
                ));
            }
        }
        Ok(())
    }

    /// A node that starts remembers the terms and votes that it had spoken of.
    fn check_memory(&self, place: Place, probe: &Probe) -> Result<(), String> {
        let spoken = self.terms.get(&place).copied().unwrap_or(0);
        if probe.term < spoken {
            return Err(format!(
                "node {place} starts in term {} though it spoke of term {spoken}",
                probe.term
            ));
        }
        match self.votes.get(&(probe.term, place)) {
            Some(voted) if *voted != probe.vote => Err(format!(
                "node {place} forgot its vote for {} in term {}: {probe:?}",
                voted - 1,
                probe.term
            )),
            _ => Ok(()),
        }
    }

    /// Entries that the node did not have when it was last looked at.
    fn check_entries(
        &mut self,
        place: Place,
        member: &Member,
        probe: &Probe,
        before: Option<&Probe>,
    ) -> Result<(), String> {
        let mut checked = probe.base;
        if let Some(before) = before
            && member.entry_digest(before.last).map(|(term, _)| term) == Some(before.last_term)
        {
            checked = checked.max(before.last);
        }
        for index in checked + 1..=probe.last {
            let Some((term, digest)) = member.entry_digest(index) else {
                return Err(format!("node {place} has no entry {index} of {probe:?}"));
            };
            let past = member.entry_digest(index - 1).map(|(term, _)| term);
            let known = self.entries.get(&(index, term)).copied();
            match known {
                None => {
                    self.entries.insert((index, term), (digest, past));
                }
                Some((other, _)) if other != digest => {
                    return Err(format!(
                        "entry {index} of term {term} on node {place} is not what others have"
                    ));
                }
                Some((_, Some(other))) if past.is_some_and(|past| past != other) => {
                    return Err(format!(
                        "before entry {index} of term {term}, node {place} has one of term \
                         {past:?} and others one of term {other}"
                    ));
                }
                Some((_, None)) if past.is_some() => {
                    self.entries.insert((index, term), (digest, past));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn check_commit(
        &mut self,
        place: Place,
        member: &Member,
        probe: &Probe,
        before: Option<&Probe>,
    ) -> Result<(), String> {
        if probe.applied > probe.commit {
            return Err(format!(
                "node {place} applied what is not committed: {probe:?}"
            ));
        }
        let from = match before {
            Some(before) if before.commit > probe.commit => {
                let (was, is) = (before.commit, probe.commit);
                return Err(format!(
                    "the commit of node {place} went from {was} back to {is}"
                ));
            }
            Some(before) => {
                check_own_term(place, member, probe, before)?;
                before.commit
            }
            None => probe.base,
        };
        for index in from.max(probe.base) + 1..=probe.commit.min(probe.last) {
            let Some((term, _)) = member.entry_digest(index) else {
                continue;
            };
            let known_in = probe.term;
            let entry = self.committed.entry(index);
            let committed = entry.or_insert(Committed { term, known_in }).term;
            if committed != term {
                return Err(format!(
                    "entry {index} is committed as one of term {term} on node {place}, \
                     and as one of term {committed} elsewhere"
                ));
            }
            self.committed_max = self.committed_max.max(index);
        }
        self.shed();
        Ok(())
    }

    /// Keeps memory within bounds.
    fn shed(&mut self) {
        let oldest = self.committed_max.saturating_sub(REMEMBERED_MAX);
        if self.committed.len() as u64 > 2 * REMEMBERED_MAX {
            self.committed.retain(|index, _| *index >= oldest);
            self.entries.retain(|(index, _), _| *index >= oldest);
        }
    }

    /// Looks at a message that a node sends.
    pub(super) fn look_at_message(
        &mut self,
        place: Place,
        outgoing: &Outgoing,
    ) -> Result<(), String> {
        let PeerMessage::Raft(message) = &outgoing.message else {
            return Ok(());
        };
        let kind = message.get_msg_type();
        // A would-be candidate asks, and is answered, about a term that nobody is in yet.
        let is_real = !matches!(
            kind,
            MessageType::MsgRequestPreVote | MessageType::MsgRequestPreVoteResponse
        );
        if !is_real || message.term == 0 {
            return Ok(());
        }
        let spoken = self.terms.entry(place).or_default();
        if message.term < *spoken {
            return Err(format!(
                "node {place} speaks of term {} after it spoke of {spoken}: {kind:?}",
                message.term
            ));
        }
        *spoken = message.term;
        match kind {
            MessageType::MsgRequestVoteResponse if !message.reject => {
                self.check_vote(place, message.term, message.to)
            }
            MessageType::MsgRequestVote => self.check_vote(place, message.term, message.from),
            _ => Ok(()),
        }
    }

    fn check_vote(&mut self, place: Place, term: u64, candidate: u64) -> Result<(), String> {
        let other = *self.votes.entry((term, place)).or_insert(candidate);
        if other != candidate {
            return Err(format!(
                "node {place} voted for {} and for {} in term {term}",
                other - 1,
                candidate - 1
            ));
        }
        Ok(())
    }

    pub(super) fn committed_max(&self) -> u64 {
        self.committed_max
    }
}

fn check_own_term(
    place: Place,
    member: &Member,
    probe: &Probe,
    before: &Probe,
) -> Result<(), String> {
    let leads_on =
        before.role == Role::Leader && (probe.role, probe.term) == (before.role, before.term);
    if !leads_on || probe.commit == before.commit || probe.commit > probe.last {
        return Ok(());
    }
    match member.entry_digest(probe.commit) {
        Some((term, _)) if term != probe.term => Err(format!(
            "node {place} leads in term {} and takes entry {} of term {term} for committed",
            probe.term, probe.commit
        )),
        _ => Ok(()),
    }
}
