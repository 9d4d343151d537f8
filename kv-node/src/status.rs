//! What people and monitors see of a node: `/status`, `INFO`, `kv status`.

use kv_index::IndexStats;
use kv_wal::{Health, SyncPolicy};
use serde::Serialize;

use crate::store::Journal;

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

impl IndexStatus {
    /// Of indexes with these counts.
    #[must_use]
    pub fn of(stats: &IndexStats) -> IndexStatus {
        let one = |name, documents, terms, bytes| OneIndexStatus {
            name,
            documents,
            terms,
            bytes,
        };
        let (keys, vectors) = (stats.ordered_keys, stats.semantic_documents);
        IndexStatus {
            kinds: stats.kinds.clone(),
            built: stats.is_built,
            waiting: stats.waiting,
            embedder: stats.embedder.clone(),
            language: stats.language.clone(),
            vector_dims: stats.vector_dims,
            bytes: stats.bytes(),
            each: vec![
                one("ordered", keys, keys, stats.ordered_bytes),
                one(
                    "value",
                    stats.documents,
                    stats.value_hashes,
                    stats.value_bytes,
                ),
                one(
                    "text",
                    stats.text_documents,
                    stats.text_terms,
                    stats.text_bytes,
                ),
                one("semantic", vectors, vectors, stats.semantic_bytes),
                one(
                    "vectors",
                    stats.vector_documents,
                    stats.vector_documents,
                    stats.vector_bytes,
                ),
            ],
            ..IndexStatus::default()
        }
    }
}

impl WalStatus {
    /// Of a log that syncs as `policy` says.
    #[must_use]
    pub fn of(journal: &dyn Journal, policy: SyncPolicy) -> WalStatus {
        let journal_stats = journal.stats();
        let stats = journal_stats.stats;
        WalStatus {
            sync: sync_name(policy),
            last_lsn: journal_stats.last_lsn,
            durable_lsn: journal.durable_lsn().0,
            sync_count: stats.syncs,
            sync_ns_total: stats.sync_ns,
            written_bytes: stats.bytes,
            group_count: stats.groups,
            record_count: stats.records,
            segment_count: journal_stats.segment_count as u64,
        }
    }
}

fn sync_name(policy: SyncPolicy) -> &'static str {
    match policy {
        SyncPolicy::Always => "always",
        SyncPolicy::Interval(_) => "interval",
        SyncPolicy::Never => "never",
    }
}

/// A log's health in a few words: `ok`, or why writes are refused.
#[must_use]
pub fn health_text(health: &Health) -> String {
    match health {
        Health::Ok => "ok".to_owned(),
        Health::StorageFull(reason) => format!("storage full: {reason}"),
        Health::Poisoned(reason) => format!("the log failed: {reason}"),
        other => format!("{other:?}"),
    }
}
