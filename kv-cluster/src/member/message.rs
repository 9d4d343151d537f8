//! What goes into a member and what comes out of it.

use bytes::Bytes;
use kv_node::Stamp;
use kv_node::snapshot::PartSummary;
use kv_proto::{Reply, Request};
use raft::eraftpb::Message;

use crate::{MemberAddress, NodeId, SnapshotJob};

/// What nodes say to each other. `wire` has its bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerMessage {
    /// Of the consensus. Never a snapshot: those go in chunks.
    Raft(Box<Message>),
    /// A node that has no state yet asks to be taken for who it says it is.
    Hello(Hello),
    /// The answer.
    Welcome(Welcome),
    /// A snapshot is there to be had.
    Offer(Box<Offer>),
    /// Part of a file of a snapshot.
    Chunk(Chunk),
    /// How far the receiver of a snapshot is.
    ChunkAck(ChunkAck),
    /// Requests of a client of a node that does not lead.
    Forward(Forward),
    /// What became of them.
    Answer(Answer),
}

/// A node without state introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// Drawn when its data directory was made.
    pub incarnation: u64,
}

/// Whether a [`Hello`] was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Welcome {
    /// The one that was asked for.
    pub incarnation: u64,
    /// No: another data directory was known under the id before.
    pub is_accepted: bool,
}

/// Which snapshot: of which place in the consensus' log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId {
    /// The last entry in it.
    pub index: u64,
    /// That entry's term.
    pub term: u64,
}

/// All that a receiver needs to know of a snapshot before its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Which it is.
    pub id: SnapshotId,
    /// The leader's term: an older leader's offer is void.
    pub leader_term: u64,
    /// The last write in it.
    pub stamp: Stamp,
    /// When it was finished.
    pub finished_at_ms: u64,
    /// Its files; at most [`Offer::PARTS_MAX`].
    pub parts: Vec<PartSummary>,
    /// Length of the annex, the file after the last part.
    pub annex_bytes: u64,
    /// Checksum of the annex.
    pub annex_crc: u32,
}

impl Offer {
    /// A snapshot has at most so many parts.
    pub const PARTS_MAX: usize = 1024;
}

/// Bytes of one file of an offered snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Of which snapshot.
    pub id: SnapshotId,
    /// Which file: its part, or the number of parts for the annex.
    pub file: u16,
    /// Where in the file.
    pub offset: u64,
    /// At most [`Chunk::BYTES_MAX`].
    pub bytes: Bytes,
    /// CRC-32C of the bytes.
    pub crc: u32,
}

impl Chunk {
    /// A chunk is at most so long.
    pub const BYTES_MAX: usize = 256 << 10;
}

/// What the receiver of a snapshot needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkAck {
    /// Of which snapshot.
    pub id: SnapshotId,
    /// The next file; one beyond the annex: nothing is missing.
    pub file: u16,
    /// The next byte of it.
    pub offset: u64,
    /// Nothing: the snapshot is of no use, or could not be stored.
    pub is_refused: bool,
}

/// Requests that the leader is to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// The sender's number for them.
    pub id: u64,
    /// What is asked; at least one is a write.
    pub requests: Vec<Request>,
    /// Empty, or one for each request.
    pub once: Vec<Once>,
}

/// Replies to a [`Forward`], in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The number it came with.
    pub id: u64,
    /// One for each request.
    pub replies: Vec<Reply>,
    /// The causal token: the ordinal of the last write among them.
    pub ordinal: u64,
}

/// Which of a node's connections to another a message takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Small, and first.
    Consensus,
    /// Chunks of snapshots, which must not get in the way.
    Bulk,
}

/// A message to another node.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// To whom.
    pub to: NodeId,
    /// On which connection.
    pub lane: Lane,
    /// What.
    pub message: PeerMessage,
}

/// What makes a write happen once though it is sent twice; zeroes: nothing does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Once {
    /// Drawn by the client at random.
    pub client: u64,
    /// The client's number for the write; they only grow.
    pub sequence: u64,
}

/// What becomes of a write on a node that does not lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Route {
    /// It is refused with the leader's client address; the client follows.
    #[default]
    Follow,
    /// It is passed on to the leader; for clients that cannot follow.
    Forward,
}

/// How recent a read is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// It sees all that was acknowledged, anywhere, before it was asked.
    #[default]
    Linearizable,
    /// It sees what this node has, at once.
    Stale,
    /// As stale, once the node has applied the write of this ordinal.
    After(u64),
}

/// Requests of one caller.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The caller's number for it, in [`Completed`] again.
    pub ticket: u64,
    /// What is asked. With a write among them, all are answered at that write's place.
    pub requests: Vec<Request>,
    /// Empty, or one for each request; those of reads are not looked at.
    pub once: Vec<Once>,
    /// Where writes may go.
    pub route: Route,
    /// How recent reads are, if there is no write among the requests.
    pub reads: ReadMode,
}

/// A batch's replies.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// The caller's number for the batch.
    pub ticket: u64,
    /// One a request, in order.
    pub replies: Vec<Reply>,
    /// The ordinal of the last write that the replies know of: a causal token.
    pub ordinal: u64,
    /// For stale reads: milliseconds since a leader was last heard of; `None`: never.
    pub age_ms: Option<u64>,
}

/// One change of who is in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new node, which gets all data but has no vote.
    AddLearner(MemberAddress),
    /// A learner gets a vote.
    Promote(NodeId),
    /// A node is no longer part of the cluster; its id is spent.
    Remove(NodeId),
}

/// What an operator asks of the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Administration {
    /// Changes that take effect at once; more than one by way of a joint configuration.
    Change(Vec<Change>),
    /// Another node is to lead. `None`: whoever is furthest.
    TransferLeader(Option<NodeId>),
    /// A snapshot is to be taken soon.
    Snapshot,
}

/// Something a log should tell people about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The node's own part changed.
    Role {
        /// Now.
        role: crate::Role,
        /// In which term.
        term: u64,
        /// Who leads, if known.
        leader: Option<NodeId>,
    },
    /// Who is in the cluster changed.
    Members {
        /// Entry that changed it.
        index: u64,
        /// Those with a vote.
        voters: Vec<NodeId>,
        /// Those without.
        learners: Vec<NodeId>,
    },
    /// A snapshot of this node's own was finished.
    SnapshotTaken(SnapshotId),
    /// A snapshot of another node's replaced the data.
    SnapshotInstalled(SnapshotId),
    /// A snapshot failed; it will be tried again.
    SnapshotFailed(String),
    /// The tail of the log was replaced by the leader's.
    Truncated {
        /// The first entry replaced.
        from: u64,
    },
    /// Others know this node's id from another data directory.
    Refused,
    /// This node is no longer part of the cluster.
    Removed,
    /// The log failed, and with it the node's part in the cluster.
    Poisoned(String),
}

/// What a member wants done, in this order.
#[derive(Debug, Default)]
pub struct Output {
    /// To be sent at once.
    pub messages: Vec<Outgoing>,
    /// Replies to callers.
    pub replies: Vec<Completed>,
    /// Whether the journal is to be flushed, after `messages` are on their way.
    pub flush: bool,
    /// Role changes and the like.
    pub events: Vec<Event>,
    /// A snapshot to be written aside; the result goes to [`Member::finish_snapshot`].
    ///
    /// [`Member::finish_snapshot`]: crate::Member::finish_snapshot
    pub snapshot: Option<SnapshotJob>,
}
