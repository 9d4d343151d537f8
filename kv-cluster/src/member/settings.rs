//! The settings of a member.

use kv_node::db::IndexOptions;
use kv_node::store::Limits;

use crate::{MemberAddress, NodeId};

/// The settings of a member. Times are in milliseconds.
#[derive(Debug, Clone)]
pub struct MemberSettings {
    /// Who this is; must be among `members` unless the node joins.
    pub id: NodeId,
    /// Which cluster; nodes of different ones never talk to each other.
    pub cluster_id: u64,
    /// Who votes in a new cluster, the same on every node; afterwards, what the disk says counts.
    /// A node that joins lists those whom it may ask.
    pub members: Vec<MemberAddress>,
    /// The cluster exists, and an operator adds this node to it. Default no.
    pub joining: bool,
    /// A number drawn anew at every start: it becomes the name of the data directory if that is
    /// empty. Then a node whose disk was wiped is told from the one it was.
    pub incarnation: u64,
    /// How long a tick is. Default 50; at least 1.
    pub tick_ms: u64,
    /// So many ticks without a leader, up to twice as many, begin an election. Default 10; at least
    /// 3 times `heartbeat_ticks`.
    pub election_ticks: usize,
    /// A leader is heard of every so many ticks. Default 2.
    pub heartbeat_ticks: usize,
    /// Whether the leader answers reads without a round as long as a quorum's promises hold.
    /// Default yes.
    pub lease: bool,
    /// How much faster one node's clock may run than another's, in percent; leases are shorter by
    /// that. Default 10; below 100.
    pub drift_percent_max: u64,
    /// How long a request waits for a leader, a quorum or its place before it is given up.
    /// Default 5,000.
    pub request_timeout_ms: u64,
    /// Memory of log entries kept for nodes that lag; beyond, those get a snapshot. Default 64 MiB.
    pub log_memory_bytes_max: u64,
    /// Requests that wait, in bytes of log; beyond, they are refused. Default 64 MiB.
    pub queue_bytes_max: u64,
    /// Commands folded into one entry. Default 1,024.
    pub entry_commands_max: usize,
    /// Bytes of commands folded into one entry; a larger command has one of its own. Default 1 MiB.
    pub entry_bytes_max: usize,
    /// Bytes of entries in one message to another node, a larger entry excepted. Default 1 MiB.
    pub append_bytes_max: u64,
    /// Snapshots are taken when the log has grown by so many bytes, or by the last one's size if
    /// that is more; 0: on demand only. Default 256 MiB.
    pub snapshot_wal_bytes: u64,
    /// What requests may use.
    pub limits: Limits,
    /// What is indexed, and how. Default: everything.
    pub indexes: IndexOptions,
    /// What election timeouts and dice follow from. Default: the id.
    pub seed: u64,
    /// What the order of keys in scans and files follows from; `None`: chance.
    pub hash_seed: Option<u64>,
    /// A deliberate fault.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::Bug>,
}

impl MemberSettings {
    /// Default settings for node `id` of the cluster of `members`.
    #[must_use]
    pub fn new(id: NodeId, members: Vec<MemberAddress>) -> MemberSettings {
        MemberSettings {
            id,
            cluster_id: 0,
            members,
            joining: false,
            incarnation: 0,
            tick_ms: 50,
            election_ticks: 10,
            heartbeat_ticks: 2,
            lease: true,
            drift_percent_max: 10,
            request_timeout_ms: 5_000,
            log_memory_bytes_max: 64 << 20,
            queue_bytes_max: 64 << 20,
            entry_commands_max: 1024,
            entry_bytes_max: 1 << 20,
            append_bytes_max: 1 << 20,
            snapshot_wal_bytes: 256 << 20,
            limits: Limits::default(),
            indexes: IndexOptions::default(),
            seed: id.0,
            hash_seed: None,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// How long nobody votes against a leader that was just heard of.
    #[must_use]
    pub fn election_timeout_ms(&self) -> u64 {
        self.tick_ms.saturating_mul(self.election_ticks as u64)
    }

    /// What is out of its bounds, if anything is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let is_known = self.members.iter().any(|member| member.id == self.id);
        let mut ids: Vec<_> = self.members.iter().map(|member| member.id).collect();
        ids.sort_unstable();
        let has_twice = ids.windows(2).any(|pair| pair[0] == pair[1]);
        match () {
            () if self.id > NodeId::MAX => Some("the node id is too large"),
            () if !is_known && !self.joining => Some("the node is not among the members"),
            () if has_twice => Some("a member is listed twice"),
            () if self.members.iter().any(|member| member.check().is_err()) => {
                Some("a member's id or address is none")
            }
            () if self.entry_commands_max == 0 || self.entry_bytes_max == 0 => {
                Some("an entry has room for nothing")
            }
            () if self.tick_ms == 0 => Some("a tick has no length"),
            () if self.heartbeat_ticks == 0 => Some("there are no ticks between heartbeats"),
            () if self.election_ticks < 3 * self.heartbeat_ticks => {
                Some("an election needs at least three heartbeats' time")
            }
            () if self.drift_percent_max >= 100 => {
                Some("clocks may drift by less than 100 percent")
            }
            _ => None,
        }
    }

    #[cfg(feature = "planted-bugs")]
    pub(crate) fn plants(&self, bug: crate::Bug) -> bool {
        self.planted == Some(bug)
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[expect(
        clippy::unused_self,
        reason = "the feature's version reads the settings"
    )]
    pub(crate) fn plants(&self, _bug: crate::planted::Bug) -> bool {
        false
    }
}
