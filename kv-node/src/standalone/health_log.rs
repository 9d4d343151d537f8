//! Says in the process's log when the write-ahead log stops taking writes, why, and when it heals.
//!
//! Runs on the log's threads, after each commit and on each change of its health.

use std::sync::{Arc, Weak};

use kv_wal::Health;
use parking_lot::Mutex;

use crate::store::{Store, Watcher};

/// Remembers what was said last, so that nothing is said twice.
pub(super) struct HealthLog {
    store: Weak<Store>,
    said: Mutex<Health>,
}

impl HealthLog {
    /// Watches `store` for as long as it lives.
    pub(super) fn start(store: &Arc<Store>) -> Arc<HealthLog> {
        let log = Arc::new(HealthLog {
            store: Arc::downgrade(store),
            said: Mutex::new(Health::Ok),
        });
        store.watch(&log);
        log.on_progress();
        log
    }
}

impl Watcher for HealthLog {
    fn on_progress(&self) {
        let Some(store) = self.store.upgrade() else {
            return;
        };
        let health = store.journal().health();
        let mut said = self.said.lock();
        if *said != health {
            say(&health);
            *said = health;
        }
    }
}

fn say(health: &Health) {
    match health {
        Health::Ok => tracing::info!("the log takes writes again"),
        Health::StorageFull(cause) => tracing::error!(
            %cause,
            "the disk is full: writes are refused until there is space; reads go on"
        ),
        Health::Poisoned(cause) => tracing::error!(
            %cause,
            "the log failed: writes are refused until a restart; reads go on"
        ),
        other => tracing::error!(health = ?other, "the log changed its state"),
    }
}
