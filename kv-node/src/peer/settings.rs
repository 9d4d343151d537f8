//! Who a node is to its peers, and how it treats them.

use std::time::Duration;

use crate::secret::Secret;

/// Who a node is to its peers, and how it treats them. Times and sizes have defaults that fit
/// nodes in one data centre.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerSettings {
    /// The cluster that it belongs to.
    pub cluster_id: u64,
    /// Its own number there.
    pub node_id: u64,
    /// What all nodes of the cluster know and nobody else; none: anybody may say that he is one.
    pub secret: Option<Secret>,
    /// Longest message, bytes.
    pub message_bytes_max: usize,
    /// Messages that wait on the consensus lane to one peer, bytes; one that is longer waits alone.
    pub queue_bytes_max: usize,
    /// The same for the bulk lane.
    pub bulk_queue_bytes_max: usize,
    /// From dialling to the end of the handshake.
    pub handshake_timeout: Duration,
    /// Silence after which the dialler says that it is still there.
    pub ping_interval: Duration,
    /// Silence after which the acceptor takes the dialler for dead.
    pub silence_max: Duration,
    /// Pause after the first attempt that failed; doubles from one to the next.
    pub backoff_min: Duration,
    /// Longest pause.
    pub backoff_max: Duration,
}

impl PeerSettings {
    /// Those of node `node_id` in cluster `cluster_id`, without a secret.
    #[must_use]
    pub fn new(cluster_id: u64, node_id: u64) -> PeerSettings {
        PeerSettings {
            cluster_id,
            node_id,
            secret: None,
            message_bytes_max: 64 << 20,
            queue_bytes_max: 64 << 20,
            bulk_queue_bytes_max: 16 << 20,
            handshake_timeout: Duration::from_secs(3),
            ping_interval: Duration::from_millis(500),
            silence_max: Duration::from_secs(3),
            backoff_min: Duration::from_millis(20),
            backoff_max: Duration::from_millis(500),
        }
    }
}
