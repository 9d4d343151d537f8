//! A Raft cluster of kv nodes: one primary, linearizable.
//!
//! [`Member`] is one node without its sockets, threads and clocks: whoever drives it gives it
//! messages, requests and the time, and does what it says. So a whole cluster runs in one thread of
//! a test, on simulated disks, the same way every time.
//!
//! What it is: consensus (raft-rs) over a log that is the node's own write-ahead log, and the state
//! machine of `kv-node` behind it. What it never does: answer a write that a minority's loss could
//! lose, or a read that misses an acknowledged write, unless it was asked for a stale one.

mod backend;
mod consensus;
mod driver;
mod entry;
mod error;
mod id;
mod identity;
mod lease;
mod log;
mod machine;
mod member;
mod membership;
mod metrics;
mod planted;
mod reads;
mod record;
pub mod settings;
#[cfg(feature = "sim")]
pub mod sim;
mod status;
pub mod wire;

pub use backend::{Cluster, ClusterError, ClusterOptions};
pub use error::OpenError;
pub use id::{MemberAddress, MemberError, NodeId};
pub use member::{
    Administration, Answer, Batch, Change, Chunk, ChunkAck, Completed, Event, Forward, Hello, Lane,
    Member, MemberSettings, Offer, Once, Outgoing, Output, PeerMessage, ReadMode, Route,
    SnapshotId, SnapshotJob, SnapshotWritten, Visit, Welcome,
};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use status::{Counters, MemberStatus, PeerStatus, Role};
