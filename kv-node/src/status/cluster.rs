//! What people and monitors see of a node's place among others.

use serde::Serialize;

/// A member's view of its cluster at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClusterStatus {
    /// This node.
    pub node_id: u64,
    /// `leader`, `follower`, `candidate` or `learner`.
    pub role: &'static str,
    /// The member that leads, if one is known.
    pub leader_id: Option<u64>,
    /// Where its clients connect.
    pub leader_address: Option<String>,
    /// The term; it grows with each election.
    pub term: u64,
    /// Last entry that a majority has.
    pub commit_index: u64,
    /// Last entry that is in memory here; entries of the log count otherwise than writes do.
    pub applied_index: u64,
    /// Last entry in the log here.
    pub last_index: u64,
    /// Milliseconds since this node last knew that it lacked nothing; 0 on the leader, absent if
    /// it never did.
    pub age_ms: Option<u64>,
    /// Everybody, in the order of their numbers.
    pub members: Vec<MemberStatus>,
    /// Of each node that ever led, the last write that it took as leader and that is applied here.
    pub vector_clock: Vec<ClockEntry>,
}

/// A member of a cluster. What only the leader knows is absent elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemberStatus {
    /// Its number.
    pub id: u64,
    /// Where its clients connect.
    pub client: String,
    /// Where its peers connect.
    pub peer: String,
    /// Whether it votes; otherwise it only learns.
    pub is_voter: bool,
    /// Last entry that it is known to have.
    pub match_index: Option<u64>,
    /// Entries that it lacks.
    pub lag: Option<u64>,
    /// Milliseconds since it last answered.
    pub last_contact_ms: Option<u64>,
}

/// One part of a vector clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockEntry {
    /// A node.
    pub node_id: u64,
    /// Its last write, in the order of all writes.
    pub write: u64,
}
