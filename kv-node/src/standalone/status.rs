//! What `/status`, INFO and `kv status` say of a standalone node.

use crate::status::{self, IndexStatus, Status, WalStatus};
use crate::store::Store;

pub(super) fn of(store: &Store) -> Status {
    let db = store.db();
    Status {
        mode: "standalone",
        role: "master",
        ready: true,
        health: status::health_text(&store.journal().health()),
        key_count: db.key_count(),
        memory_bytes: db.memory_bytes(),
        memory_bytes_max: store.options().limits.memory_bytes_max,
        expiring_key_count: db.expiring_key_count(),
        expired_count: db.expired_count(),
        applied_index: db.applied().index,
        wal: WalStatus::of(store.journal(), store.options().wal.sync),
        snapshot: store.snapshot_status(),
        indexes: IndexStatus {
            model: store.model_index(),
            training: db.is_training(),
            model_error: store.model_error(),
            ..IndexStatus::of(&db.indexes().stats())
        },
        cluster: None,
    }
}
