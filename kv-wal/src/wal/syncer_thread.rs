//! The thread that syncs what the writer wrote, for the policies that do not sync each group.

use std::{sync::Arc, time::Duration};

use super::shared::{PoisonOnPanic, Shared};
use crate::{SyncPolicy, writer::Syncer};

pub(super) struct SyncerThread {
    shared: Arc<Shared>,
    syncer: Syncer,
    interval: Option<Duration>,
}

impl SyncerThread {
    pub(super) fn new(shared: Arc<Shared>, syncer: Syncer, policy: SyncPolicy) -> SyncerThread {
        let interval = match policy {
            SyncPolicy::Interval(interval) => Some(interval),
            SyncPolicy::Always | SyncPolicy::Never => None,
        };
        SyncerThread {
            shared,
            syncer,
            interval,
        }
    }

    pub(super) fn run(self) {
        let _guard = PoisonOnPanic(Arc::clone(&self.shared));
        loop {
            self.shared.await_sync_round(self.interval);
            if self.shared.is_closing() || self.shared.progress.poisoned().is_some() {
                return;
            }
            if self.syncer.files() == 0 {
                continue;
            }
            match self.syncer.sync() {
                Ok(()) => self.shared.observe(),
                Err(error) => return self.shared.poison(&error.to_string()),
            }
        }
    }
}
