//! The leader's right to answer reads by itself: as long as a quorum has promised, of late enough,
//! not to vote for anybody else.
//!
//! A node that answers a heartbeat votes for nobody for one election timeout from then on. The
//! leader counts from when it *sent* that heartbeat, and a part less: one tick, because the other
//! node counts in whole ticks, and the bound on how much faster its clock may run.
//!
//! 1. Never in force while leadership is being handed over, nor later in that term: the node that
//!    is told to take over asks for votes that disregard promises.
//! 2. A promise is of one term; a new term begins with none.

use std::collections::BTreeMap;

use crate::{MemberSettings, NodeId};

/// Promises made to a leader.
#[derive(Debug)]
pub(crate) struct Lease {
    is_on: bool,
    length_ms: u64,
    term: u64,
    is_suspended: bool,
    /// By when the newest heartbeat that was answered had been sent.
    sent_ms: BTreeMap<NodeId, u64>,
}

impl Lease {
    pub(crate) fn new(settings: &MemberSettings) -> Lease {
        let ticks = (settings.election_ticks as u64).saturating_sub(1);
        let promise_ms = ticks * settings.tick_ms;
        Lease {
            is_on: settings.lease,
            length_ms: promise_ms * (100 - settings.drift_percent_max) / 100,
            term: 0,
            is_suspended: false,
            sent_ms: BTreeMap::new(),
        }
    }

    /// The leader's term; promises of another one are void.
    pub(crate) fn enter(&mut self, term: u64) {
        if self.term != term {
            self.term = term;
            self.is_suspended = false;
            self.sent_ms.clear();
        }
    }

    /// `node` answered, in the term that was entered, what was sent at `sent_ms`.
    pub(crate) fn note(&mut self, node: NodeId, term: u64, sent_ms: u64) {
        if term == self.term {
            let newest = self.sent_ms.entry(node).or_default();
            *newest = sent_ms.max(*newest);
        }
    }

    /// Leadership is being handed over.
    pub(crate) fn suspend(&mut self) {
        self.is_suspended = true;
    }

    /// Whose promises hold at `now_ms`; `None` if no promise counts.
    pub(crate) fn holders(&self, now_ms: u64) -> Option<Vec<NodeId>> {
        if !self.is_on || self.is_suspended {
            return None;
        }
        let holding = self
            .sent_ms
            .iter()
            .filter(|(_, sent_ms)| now_ms < sent_ms.saturating_add(self.length_ms));
        Some(holding.map(|(node, _)| *node).collect())
    }

    /// Whoever ever promised in this term: a deliberate fault.
    pub(crate) fn holders_ever(&self) -> Vec<NodeId> {
        self.sent_ms.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        let mut lease = Lease::new(&MemberSettings::new(NodeId(0), Vec::new()));
        lease.enter(3);
        lease
    }

    #[test]
    fn a_promise_counts_from_when_it_was_asked_for() {
        let mut lease = lease();
        lease.note(NodeId(1), 3, 1_000);
        lease.note(NodeId(1), 3, 900);
        // Nine ticks of 50 ms, less a tenth.
        assert_eq!(lease.holders(1_404), Some(vec![NodeId(1)]));
        assert_eq!(lease.holders(1_405), Some(vec![]));
    }

    #[test]
    fn a_promise_of_another_term_is_void() {
        let mut lease = lease();
        lease.note(NodeId(1), 2, 1_000);
        assert_eq!(lease.holders(1_000), Some(vec![]));
        lease.note(NodeId(1), 3, 1_000);
        lease.enter(4);
        assert_eq!(lease.holders(1_000), Some(vec![]));
    }

    #[test]
    fn nothing_counts_once_leadership_is_handed_over() {
        let mut lease = lease();
        lease.note(NodeId(1), 3, 1_000);
        lease.suspend();
        assert_eq!(lease.holders(1_000), None);
        lease.enter(3);
        assert_eq!(lease.holders(1_000), None);
        lease.enter(4);
        assert_eq!(lease.holders(1_000), Some(vec![]));
    }
}
