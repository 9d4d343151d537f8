//! Agreement on one log: what the rest of this crate knows of it.
//!
//! 1. What a [`Step`] holds is to be handled in its order: the record first, then the messages that
//!    may leave at once, then what is committed; the others leave once the record is on the disk.
//! 2. Nothing here reads a clock or draws a number: election timeouts follow from a seed, the node
//!    and the term.
//! 3. Bytes that came from the network are never given to protobuf.

use raft::eraftpb::{ConfState, Entry, HardState, Message};

use crate::log::{Mark, RaftLog};
use crate::membership::Reconfiguration;
use crate::{NodeId, Role};

mod raft_rs;

pub(crate) use raft_rs::{RaftRs, mix, next_conf};

/// The consensus had no use for a proposal now; nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped;

/// Work that the consensus hands out.
#[derive(Debug)]
pub(crate) struct Step {
    /// To be named in [`Consensus::persisted`].
    pub(crate) number: u64,
    /// Term, vote and commit, as they are after it.
    pub(crate) hard_state: HardState,
    /// Whether term or vote changed.
    pub(crate) is_vote: bool,
    /// To be logged; what the log had from the first one on is void.
    pub(crate) entries: Vec<Entry>,
    /// A snapshot that takes the place of everything.
    pub(crate) install: Option<Mark>,
    /// To leave at once.
    pub(crate) messages: Vec<Message>,
    /// To leave once everything up to here is on the disk.
    pub(crate) messages_after_sync: Vec<Message>,
    /// Contexts of reads, and the entry that must be applied for them.
    pub(crate) reads: Vec<(Vec<u8>, u64)>,
    /// To be applied.
    pub(crate) committed: Vec<Entry>,
}

/// Where another node is in the log, as the leader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerProgress {
    pub(crate) matched: u64,
    pub(crate) is_active: bool,
    pub(crate) is_receiving_snapshot: bool,
}

/// A node's part in the agreement.
pub(crate) trait Consensus {
    /// Lets one tick pass.
    fn tick(&mut self);

    /// Takes a message of another node.
    fn step(&mut self, message: Message);

    /// Stands for election at once.
    fn campaign(&mut self);

    /// Appends an entry, on a leader.
    fn propose(&mut self, data: Vec<u8>) -> Result<(), Dropped>;

    /// Appends an entry that changes who takes part, on a leader.
    fn propose_change(&mut self, change: &Reconfiguration) -> Result<(), Dropped>;

    /// Such an entry is applied; who takes part from now on.
    fn apply_change(&mut self, change: &Reconfiguration) -> Result<ConfState, Dropped>;

    /// Takes for committed what the leader has of older terms, as if those who elected it had it
    /// too: a deliberate fault.
    fn commit_by_count(&mut self);

    /// Asks for the place in the log that a read must wait for.
    fn read_index(&mut self, context: Vec<u8>);

    /// Has another node take over.
    fn transfer(&mut self, to: NodeId);

    /// Gives up leading or standing, in this term.
    fn step_down(&mut self);

    /// A message to `peer` was lost.
    fn unreachable(&mut self, peer: NodeId);

    /// A snapshot reached `peer`, or did not.
    fn snapshot_ended(&mut self, peer: NodeId, has_arrived: bool);

    /// Whether there is a step.
    fn has_step(&self) -> bool;

    /// The next step. Its entries must be in [`Consensus::log_mut`] before it is accepted.
    fn take_step(&mut self) -> Step;

    /// The step was logged, though not yet to the disk.
    fn accept_step(&mut self);

    /// Everything up to the step of this number is on the disk.
    fn persisted(&mut self, number: u64);

    /// Everything up to this entry is applied.
    fn applied(&mut self, index: u64);

    /// The log.
    fn log(&self) -> &RaftLog;

    /// The log, to change it.
    fn log_mut(&mut self) -> &mut RaftLog;

    fn role(&self) -> Role;

    fn term(&self) -> u64;

    fn leader(&self) -> Option<NodeId>;

    fn hard_state(&self) -> HardState;

    fn committed(&self) -> u64;

    /// The last entry of the log, on the disk or not.
    fn last_index(&self) -> u64;

    /// The last entry that is on the disk.
    fn persisted_index(&self) -> u64;

    /// Bytes of entries that are not in a step yet.
    fn unlogged_bytes(&self) -> usize;

    /// Whether an entry of this term is committed: before, a leader cannot know what is.
    fn is_term_committed(&self) -> bool;

    /// To whom leadership is on its way.
    fn transferee(&self) -> Option<NodeId>;

    /// Whether a change of who takes part is not applied yet.
    fn has_pending_change(&self) -> bool;

    /// Whether `nodes`, with this one, are a quorum of every configuration in force.
    fn is_quorum(&self, nodes: &[NodeId]) -> bool;

    /// What the leader knows of another node.
    fn progress(&self, peer: NodeId) -> Option<PeerProgress>;
}
