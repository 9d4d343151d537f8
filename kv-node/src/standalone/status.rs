//! What `/status`, INFO and `kv status` say of a standalone node.

use kv_index::IndexStats;
use kv_wal::{Health, SyncPolicy};

use crate::status::{IndexStatus, OneIndexStatus, Status, WalStatus};
use crate::store::Store;

pub(super) fn of(store: &Store) -> Status {
    let db = store.db();
    Status {
        mode: "standalone",
        role: "master",
        ready: true,
        health: health(&store.journal().health()),
        key_count: db.key_count(),
        memory_bytes: db.memory_bytes(),
        memory_bytes_max: store.options().limits.memory_bytes_max,
        expiring_key_count: db.expiring_key_count(),
        expired_count: db.expired_count(),
        applied_index: db.applied().index,
        wal: wal(store),
        snapshot: store.snapshot_status(),
        indexes: IndexStatus {
            model: store.model_index(),
            training: db.is_training(),
            model_error: store.model_error(),
            ..indexes(&db.indexes().stats())
        },
        cluster: None,
    }
}

fn indexes(stats: &IndexStats) -> IndexStatus {
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

fn health(health: &Health) -> String {
    match health {
        Health::Ok => "ok".to_owned(),
        Health::StorageFull(reason) => format!("storage full: {reason}"),
        Health::Poisoned(reason) => format!("the log failed: {reason}"),
        other => format!("{other:?}"),
    }
}

fn wal(store: &Store) -> WalStatus {
    let journal = store.journal();
    let journal_stats = journal.stats();
    let stats = journal_stats.stats;
    WalStatus {
        sync: sync_name(store.options().wal.sync),
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

fn sync_name(policy: SyncPolicy) -> &'static str {
    match policy {
        SyncPolicy::Always => "always",
        SyncPolicy::Interval(_) => "interval",
        SyncPolicy::Never => "never",
    }
}
