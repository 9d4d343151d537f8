//! What the driver's thread and the others both see.

use std::sync::Arc;
use std::time::Instant;

use kv_node::Db;
use kv_node::peer::PeerMetrics;
use kv_node::store::Journal;
use tokio::sync::watch;

use super::claim::Claim;
use super::inbox::{Inbox, Submission};
use crate::metrics::Stages;
use crate::{Administration, Batch, MemberStatus};

/// What the driver's thread and the others both see.
pub(crate) struct Shared {
    pub(super) inbox: Inbox,
    /// The member's state, as of the last tick or change of roles.
    pub(super) view: watch::Sender<MemberStatus>,
    pub(crate) db: Arc<Db>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) stages: Stages,
    pub(crate) peers: Arc<PeerMetrics>,
    pub(super) clock: Monotonic,
}

impl Shared {
    /// The member's state, as of the last tick or change of roles.
    pub(crate) fn view(&self) -> MemberStatus {
        self.view.borrow().clone()
    }

    /// Waits until another node leads.
    pub(crate) async fn followed(&self) {
        let mut views = self.view.subscribe();
        let follows = |view: &MemberStatus| view.leader.is_some_and(|leader| leader != view.id);
        // The sender is here, so it cannot be gone.
        let _ = views.wait_for(follows).await;
    }

    /// Hands a batch to the driver's thread.
    pub(crate) fn submit(&self, batch: Batch) -> Claim {
        self.inbox.submit(batch)
    }

    /// Hands an operator's request to the driver's thread.
    pub(crate) fn administer(&self, request: Administration) -> Claim {
        self.inbox.administer(request)
    }

    /// Ends the driver. What it has not answered is answered UNKNOWN.
    pub(crate) fn close(&self) {
        self.inbox.push(Submission::Close);
    }
}

/// A clock that only goes forward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Monotonic(Instant);

impl Monotonic {
    /// A clock that shows 0.
    pub(crate) fn start() -> Monotonic {
        Monotonic(now())
    }

    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Now, for the driver.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver reads the clock for the member"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
