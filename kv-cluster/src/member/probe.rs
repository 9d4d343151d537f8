//! What a simulation looks at after each step: cheap to make, unlike a status.

use super::Member;
use crate::Role;
use crate::consensus::Consensus;

/// A member at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) role: Role,
    pub(crate) term: u64,
    /// For whom it votes in this term, as consensus counts; 0: nobody.
    pub(crate) vote: u64,
    pub(crate) commit: u64,
    pub(crate) applied: u64,
    /// Entries up to this one are not in memory.
    pub(crate) base: u64,
    /// The last entry that is logged, on the disk or not, and not about to be replaced.
    pub(crate) last: u64,
    pub(crate) last_term: u64,
}

impl Member {
    pub(crate) fn probe(&self) -> Probe {
        let log = self.consensus.log();
        let last = log.last().min(self.consensus.first_unlogged() - 1);
        Probe {
            role: self.role(),
            term: self.consensus.term(),
            vote: self.consensus.hard_state().vote,
            commit: self.consensus.committed(),
            applied: self.machine.applied().index,
            base: log.base().index,
            last,
            last_term: log.term_at(last).unwrap_or(0),
        }
    }
}
