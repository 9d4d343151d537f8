//! What can be due in a simulation.

use crate::{Batch, Completed, PeerMessage, SnapshotJob};

/// Places of nodes and clients in the simulation's lists.
pub(super) type Place = usize;

/// Something that happens at its time.
pub(super) enum Due {
    /// A message arrives, at the start of a node that it was sent to.
    Message {
        from: Place,
        to: Place,
        epoch: u32,
        message: Box<PeerMessage>,
    },
    /// A client's request arrives at a node.
    Request {
        client: Place,
        node: Place,
        epoch: u32,
        attempt: u64,
        batch: Box<Batch>,
    },
    /// A node's replies arrive at a client.
    Response {
        client: Place,
        attempt: u64,
        node: Place,
        completed: Box<Completed>,
    },
    /// A node's timer fires.
    Tick {
        node: Place,
        epoch: u32,
    },
    /// A node does its work.
    Work {
        node: Place,
        epoch: u32,
    },
    /// A sync ends.
    Synced {
        node: Place,
        epoch: u32,
    },
    /// A node has written a snapshot.
    Snapshot {
        node: Place,
        epoch: u32,
        job: Box<SnapshotJob>,
    },
    /// A node stands still no more.
    Resume {
        node: Place,
        epoch: u32,
    },
    /// A node starts.
    Start {
        node: Place,
    },
    /// A client begins its next operation.
    Next {
        client: Place,
    },
    /// A client sends its operation again.
    Again {
        client: Place,
        attempt: u64,
    },
    /// A client has waited long enough for an answer.
    Timeout {
        client: Place,
        attempt: u64,
    },
    /// A fault of the plan begins, or ends.
    FaultBegins(usize),
    FaultEnds(usize),
    /// The operator looks at the cluster.
    Operate,
}

impl Due {
    /// The node that it happens to, and its start; `None`: not to a node.
    pub(super) fn node(&self) -> Option<(Place, u32)> {
        match self {
            Due::Message { to, epoch, .. } => Some((*to, *epoch)),
            Due::Request { node, epoch, .. }
            | Due::Tick { node, epoch }
            | Due::Work { node, epoch }
            | Due::Synced { node, epoch }
            | Due::Snapshot { node, epoch, .. }
            | Due::Resume { node, epoch } => Some((*node, *epoch)),
            _ => None,
        }
    }

    /// For the trace.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Due::Message { .. } => 1,
            Due::Request { .. } => 2,
            Due::Response { .. } => 3,
            Due::Tick { .. } => 4,
            Due::Work { .. } => 5,
            Due::Synced { .. } => 6,
            Due::Snapshot { .. } => 7,
            Due::Resume { .. } => 8,
            Due::Start { .. } => 9,
            Due::Next { .. } => 10,
            Due::Again { .. } => 11,
            Due::Timeout { .. } => 12,
            Due::FaultBegins(_) => 13,
            Due::FaultEnds(_) => 14,
            Due::Operate => 15,
        }
    }
}
