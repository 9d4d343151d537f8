//! What people and monitors see of a node: `/status`, `INFO`, `kv status`.

use serde::Serialize;

mod cluster;

pub use cluster::{ClockEntry, ClusterStatus, MemberStatus};

/// A node's state at one moment. All sizes are bytes, all times unix milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// `standalone`, `raft` or `masterless`.
    pub mode: &'static str,
    /// `master` where clients may write, else `slave`.
    pub role: &'static str,
    /// Whether requests are answered.
    pub ready: bool,
    /// `ok`, or why writes are refused.
    pub health: String,
    /// How many keys there are.
    pub key_count: u64,
    /// Memory the entries take.
    pub memory_bytes: u64,
    /// Limit on that; 0: none.
    pub memory_bytes_max: u64,
    /// How many keys have an expiry.
    pub expiring_key_count: u64,
    /// How many keys expired since the start.
    pub expired_count: u64,
    /// Last write applied.
    pub applied_index: u64,
    /// The log.
    pub wal: WalStatus,
    /// The newest snapshot.
    pub snapshot: SnapshotStatus,
    /// The indexes.
    pub indexes: IndexStatus,
    /// Its place among others; absent where it stands alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterStatus>,
}

/// State of the log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WalStatus {
    /// `always`, `interval` or `never`.
    pub sync: &'static str,
    /// Last record appended.
    pub last_lsn: u64,
    /// Last record on the disk.
    pub durable_lsn: u64,
    /// fdatasyncs since the start.
    pub sync_count: u64,
    /// Nanoseconds spent in them.
    pub sync_ns_total: u64,
    /// Bytes written since the start.
    pub written_bytes: u64,
    /// Groups written since the start.
    pub group_count: u64,
    /// Records written since the start.
    pub record_count: u64,
    /// Segment files.
    pub segment_count: u64,
}

/// State of the indexes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IndexStatus {
    /// Those that any key is in: `all`, `none`, or names with commas between them.
    pub kinds: String,
    /// Whether searches are answered.
    pub built: bool,
    /// What makes vectors of texts.
    pub embedder: String,
    /// The write after which the model was asked for that is in use; 0: none is.
    pub model: u64,
    /// Whether a model is being learnt.
    pub training: bool,
    /// Why a model could not be read or stored, if one could not.
    pub model_error: Option<String>,
    /// The language of stems, or `none`.
    pub language: String,
    /// How many numbers a vector has that comes with a value; 0: values come without.
    pub vector_dims: u64,
    /// Changes that searches would have to wait for.
    pub waiting: u64,
    /// Memory of all of them.
    pub bytes: u64,
    /// Each by itself; one that no key is in has no documents.
    pub each: Vec<OneIndexStatus>,
}

/// State of one index.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OneIndexStatus {
    /// `ordered`, `value`, `text`, `semantic` (vectors made from texts) or `vectors` (that came with
    /// values).
    pub name: &'static str,
    /// Entries in it.
    pub documents: u64,
    /// Different things they are found by: keys, hashes, words, vectors.
    pub terms: u64,
    /// Memory it takes.
    pub bytes: u64,
}

/// State of the snapshots.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SnapshotStatus {
    /// The newest one holds all writes up to this; 0: there is none.
    pub index: u64,
    /// When it was finished.
    pub finished_at_ms: u64,
    /// Whether one is being written.
    pub running: bool,
    /// Why the last one failed, if it did.
    pub last_error: Option<String>,
}
