//! What the nodes of a cluster say to each other, whatever it is that they replicate.
//!
//! It carries payloads, which are bytes to it, between nodes that have proved who they are. It
//! never retries, never reorders and never interprets: a payload arrives once, or not at all.
//!
//! ```text
//! send ──► link: frames queued ──► one write ──► socket ──► inbound ──► Receiver::receive
//!          one per peer and lane                            one task a connection
//! ```
//!
//! 1. A connection has one direction: who dialled it sends, who accepted it reads. Two nodes have
//!    one each way, and a further one for [`Lane::Bulk`], so that a long transfer delays nothing.
//! 2. Nothing but a handshake is read from, or written to, a node that has not said that it belongs
//!    to the same cluster, and has not proved it if there is a secret (see [`handshake`]).
//! 3. Every queue is bounded. What finds one full, or no connection, is dropped and counted: what
//!    replicates must be able to ask again anyway.
//! 4. Frames that were queued since the last write leave in one write.
//! 5. A length that a peer announces reserves nothing: a buffer is at most twice as large as what
//!    came, and 64 KiB.
//! 6. Everything lives on one thread, within a runtime of tokio's that is local to it.
//!
//! There is no encryption: who can change what is on the wire between two nodes can speak for them
//! once they have met. Keep the links within a network that is trusted with that.

use std::fmt;

mod error;
mod frame;
pub mod handshake;
mod inbound;
mod link;
mod listener;
mod metrics;
mod settings;
mod stream;
mod transport;

#[cfg(test)]
mod tests;

pub use error::{PeerError, Refused};
pub use frame::{FRAME_HEADER_BYTES, Frame, FrameError, Kind};
pub use inbound::Receiver;
pub use link::Unsent;
pub use listener::PeerListener;
pub use metrics::{PeerCounts, PeerMetrics};
pub use settings::PeerSettings;
pub use transport::Transport;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Short messages that others wait for.
    Consensus,
    /// Long transfers.
    Bulk,
}

impl Lane {
    /// Both.
    pub const ALL: [Lane; 2] = [Lane::Consensus, Lane::Bulk];

    fn number(self) -> u8 {
        match self {
            Lane::Consensus => 0,
            Lane::Bulk => 1,
        }
    }

    fn from_number(number: u8) -> Option<Lane> {
        Lane::ALL.into_iter().find(|lane| lane.number() == number)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lane::Consensus => "consensus",
            Lane::Bulk => "bulk",
        })
    }
}
