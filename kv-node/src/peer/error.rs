//! Why a node cannot talk to its peers, or will not.

use std::io;
use std::net::SocketAddr;

use super::frame::FrameError;
use crate::report::{ExitCode, Report};

/// Why a node does not listen for peers, or a connection to one ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// An address that others can reach, and no secret.
    #[error("{address} can be reached from other machines, and the cluster has no secret")]
    Unprotected {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be taken.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The network failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The other side closed the connection.
    #[error("the peer closed the connection")]
    Closed,
    /// Nothing came for too long.
    #[error("the peer is silent")]
    Silent,
    /// The handshake took too long.
    #[error("the peer does not finish the handshake in time")]
    Slow,
    /// What is there is no peer.
    #[error("what is there does not speak the peer protocol: is it the port for clients?")]
    NotAPeer,
    /// A peer of another version.
    #[error("the peer speaks version {theirs} of the protocol, this node {ours}")]
    Version {
        /// What it speaks.
        theirs: u8,
        /// What this node speaks.
        ours: u8,
    },
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame that is not allowed where it came, or whose payload is not what it should be.
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// This node will not talk to the other.
    #[error("{0}")]
    Refused(Refused),
    /// The other node will not talk to this one.
    #[error("refused by the peer: {0}")]
    RefusedByPeer(Refused),
}

impl PeerError {
    /// Whether it is about who somebody is: that heals by itself hardly ever, and a person has to
    /// know.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        !matches!(
            self,
            PeerError::Io(_) | PeerError::Closed | PeerError::Silent | PeerError::Slow
        )
    }

    /// The same for a person, of a node that does not start because of it.
    #[must_use]
    pub fn report(&self) -> Report {
        match self {
            PeerError::Unprotected { address } => {
                Report::new(ExitCode::Usage, format!("will not listen on {address}"))
                    .cause("it can be reached from other machines, and the cluster has no secret")
                    .hint("use --cluster-secret-file FILE, or an address like 127.0.0.1:6100")
            }
            PeerError::Bind { address, source } => Report::new(
                ExitCode::Connection,
                format!("cannot listen for peers on {address}"),
            )
            .cause(source)
            .hint("is this node's --member the one of this machine, and nothing else there?"),
            other => Report::new(ExitCode::Connection, "cannot talk to the peers").cause(other),
        }
    }
}

/// Why one node will not talk to another. Told to both, so it says who is who.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// They belong to different clusters.
    #[error("node dialled belongs to cluster {dialled:016x}, the one that dials to {dialler:016x}")]
    WrongCluster {
        /// That of the one that dials.
        dialler: u64,
        /// That of the one that is dialled.
        dialled: u64,
    },
    /// Somebody else was meant.
    #[error("node {wanted} was dialled, and node {found} answers: are their addresses mixed up?")]
    WrongNode {
        /// Who was meant.
        wanted: u64,
        /// Who was reached.
        found: u64,
    },
    /// A node is dialled by one with its own number.
    #[error("both say that they are node {id}")]
    SameId {
        /// The number.
        id: u64,
    },
    /// Another node with this number is connected, and alive.
    #[error("another node {id} is connected already, and was heard {heard_ms} ms ago")]
    AlreadyConnected {
        /// The number of both.
        id: u64,
        /// Since when the other is silent.
        heard_ms: u64,
    },
    /// One of the two has a secret, the other has none.
    #[error("one of the two has a cluster secret, the other has none")]
    SecretMissing,
    /// The secrets differ.
    #[error("their cluster secrets differ")]
    WrongSecret,
    /// There are too many connections.
    #[error("the node dialled has too many connections")]
    TooMany,
}
