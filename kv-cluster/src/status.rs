//! What people, monitors and tests see of a member.

use crate::{MemberAddress, NodeId, SnapshotId};

/// A node's part in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It takes writes.
    Leader,
    /// It follows a leader, or would if it knew one.
    Follower,
    /// It stands for election.
    Candidate,
    /// It follows, and has no vote.
    Learner,
    /// It is not part of the cluster: not yet, no longer, or refused.
    Outsider,
}

/// A member's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Who it is.
    pub id: NodeId,
    /// What it does.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// Whom it voted for in this term.
    pub vote: Option<NodeId>,
    /// Who leads, if known.
    pub leader: Option<NodeId>,
    /// The last entry known to be committed.
    pub commit: u64,
    /// The last entry applied.
    pub applied: u64,
    /// The ordinal of the last write applied.
    pub ordinal: u64,
    /// The first entry still in memory.
    pub first: u64,
    /// The last entry in its log.
    pub last: u64,
    /// The last entry on its disk.
    pub durable: u64,
    /// Milliseconds since a leader was last heard of; 0 for a leader, `None`: never.
    pub contact_age_ms: Option<u64>,
    /// Whether it may answer reads by its own lease.
    pub has_lease: bool,
    /// Whether it serves: it knows a leader and has applied what that had committed.
    pub is_ready: bool,
    /// Whether others know its id from another data directory.
    pub is_refused: bool,
    /// `ok`, or why the log takes no records.
    pub health: String,
    /// Everybody, as of the last entry applied.
    pub members: Vec<PeerStatus>,
    /// Nodes and the ordinal of the last write each led.
    pub clock: Vec<(NodeId, u64)>,
    /// The newest snapshot on its disk.
    pub snapshot: Option<SnapshotId>,
    /// Why the last snapshot failed, if it did.
    pub snapshot_error: Option<String>,
    /// What it has done since it was opened.
    pub counters: Counters,
}

/// One node of the cluster, as another one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who it is and where.
    pub address: MemberAddress,
    /// Whether it has a vote.
    pub is_voter: bool,
    /// The last entry it is known to have on its disk; known to the leader only.
    pub matched: Option<u64>,
    /// Whether it answered of late; known to the leader only.
    pub is_active: Option<bool>,
    /// Whether a snapshot is on its way to it.
    pub is_receiving_snapshot: bool,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times it became leader.
    pub elections_won: u64,
    /// Entries it proposed.
    pub entries_proposed: u64,
    /// Commands in them.
    pub commands_proposed: u64,
    /// Records it appended to its log.
    pub records: u64,
    /// Writes it applied.
    pub writes_applied: u64,
    /// Writes that were sent twice and answered from memory.
    pub retries_answered: u64,
    /// Reads answered under the lease.
    pub lease_reads: u64,
    /// Rounds of messages for reads.
    pub read_rounds: u64,
    /// Reads answered from what was there.
    pub stale_reads: u64,
    /// Batches refused with the leader's address.
    pub redirects: u64,
    /// Batches passed on to the leader.
    pub forwards: u64,
    /// Times the tail of its log was replaced.
    pub truncations: u64,
    /// Snapshots it took.
    pub snapshots_taken: u64,
    /// Snapshots it sent.
    pub snapshots_sent: u64,
    /// Snapshots of others it installed.
    pub snapshots_installed: u64,
    /// Configurations it applied.
    pub configurations: u64,
}
