//! Batches of this thread's connections, on their way to the member.
//!
//! Reads wait for the other connections that are ready; writes for the clients as well that were
//! just answered, since whoever misses an entry waits for the next one.

use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::claim::{Claim, Debt};
use super::{Driver, shared};
use crate::Batch;

/// Batches after which an entry is proposed though more keep coming.
const GATHERED_MAX: usize = 128;

/// How long nobody may ask before those who were just answered are no longer waited for.
const QUIET_MAX: Duration = Duration::from_micros(30);

/// A batch that waits to be given to the member.
pub(super) struct Pending {
    batch: Batch,
    pub(super) debt: Debt,
    since: Instant,
}

impl Driver {
    /// Takes a batch of one of this thread's connections.
    pub(crate) fn submit(&self, batch: Batch) -> Claim {
        let (claim, debt) = Claim::new(batch.requests.len());
        let is_write = batch.requests.iter().any(|one| one.command.is_write());
        self.has_writes.set(self.has_writes.get() || is_write);
        let since = shared::now();
        self.pending
            .borrow_mut()
            .push(Pending { batch, debt, since });
        self.away.set(self.away.get().saturating_sub(1));
        self.wake();
        claim
    }

    /// Takes note that a batch of this thread was answered: its client is likely to ask again.
    pub(crate) fn answered(&self) {
        self.away.set(self.away.get() + 1);
    }

    /// Lets every connection that has requests submit them; if there are writes among them, the
    /// clients that were just answered as well, for as long as that brings more.
    pub(super) async fn gather(&self) {
        yield_now().await;
        if !self.has_writes.get() {
            return;
        }
        let mut quiet_since = shared::now();
        while self.pending_count() < GATHERED_MAX {
            let before = self.pending_count();
            self.progress();
            std::thread::yield_now();
            yield_now().await;
            if self.pending_count() > before {
                quiet_since = shared::now();
            } else if self.away.get() == 0 {
                return;
            } else if quiet_since.elapsed() > QUIET_MAX {
                self.away.set(0);
                return;
            }
        }
    }

    fn pending_count(&self) -> usize {
        self.pending.borrow().len()
    }

    /// Does what there is to do while writes are still being gathered.
    fn progress(&self) {
        if self.has_inputs.get() || self.shared.inbox.signal.take_news() {
            self.work();
        }
    }

    /// Gives the member what waits for it.
    pub(super) fn submit_pending(&self) {
        let now = shared::now();
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        self.has_writes.set(false);
        for Pending { batch, debt, since } in pending {
            self.shared.stages.queue.record(now.duration_since(since));
            self.give(batch, debt);
        }
    }
}
