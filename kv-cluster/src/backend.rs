//! A node of a cluster, as the server sees it.

use std::sync::Arc;
use std::time::Duration;

use kv_node::Status;
use kv_node::backend::{Backend, Session};
use kv_node::indexer::Indexer;
use kv_node::searches::Searches;
use kv_node::store::{Clock, Journal, SystemClock};
use kv_proto::control::AdminRequest;
use kv_proto::{Command, ErrorCode, ErrorReply, Reply, Request};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;

mod batch;
mod open;
mod status;

use crate::driver::{self, Seat, Shared};
use crate::metrics::Telling;
use crate::{Administration, Batch, Change, Completed, MemberAddress, NodeId, ReadMode, Role};
use batch::Asked;
pub use open::{ClusterError, ClusterOptions};

/// How long another node may take to lead once it was asked to.
const TRANSFER_MAX: Duration = Duration::from_secs(3);

/// A node of a cluster with the threads it needs.
pub struct Cluster {
    shared: Arc<Shared>,
    /// Until the thread that it is for takes it.
    seat: Mutex<Option<Seat>>,
    indexer: Mutex<Option<Indexer>>,
    searches: Searches,
    clock: SystemClock,
    memory_bytes_max: u64,
}

impl Cluster {
    fn new(
        shared: Arc<Shared>,
        seat: Seat,
        options: &ClusterOptions,
    ) -> Result<Self, ClusterError> {
        let indexer = Indexer::start(&shared.db).map_err(ClusterError::Store)?;
        Ok(Cluster {
            searches: Searches::start().map_err(ClusterError::Thread)?,
            shared,
            seat: Mutex::new(Some(seat)),
            indexer: Mutex::new(Some(indexer)),
            clock: SystemClock,
            memory_bytes_max: options.member.limits.memory_bytes_max,
        })
    }

    /// If this node leads, has another one lead instead, within `patience`. Then the cluster loses
    /// no time when this one stops.
    pub async fn hand_over(&self, patience: Duration) {
        if self.shared.view().role != Role::Leader {
            return;
        }
        let handed_over = async {
            match self.administer(Administration::TransferLeader(None)).await {
                Reply::Error(error) => tracing::warn!(%error, "nobody takes over"),
                _ => {
                    self.shared.followed().await;
                    tracing::info!("another node leads");
                }
            }
        };
        if tokio::time::timeout(patience, handed_over).await.is_err() {
            tracing::warn!("nobody took over in time");
        }
    }

    async fn administer(&self, request: Administration) -> Reply {
        let completed = self.shared.administer(request).await;
        let mut replies = completed.replies;
        replies.pop().expect("one request has one reply")
    }

    /// The member says that it has begun; done it is once another node leads.
    async fn transfer_leader(&self, to: Option<NodeId>) -> Reply {
        let own = self.shared.view().id;
        let reply = self.administer(Administration::TransferLeader(to)).await;
        if matches!(reply, Reply::Error(_)) || to == Some(own) {
            return reply;
        }
        let followed = tokio::time::timeout(TRANSFER_MAX, self.shared.followed()).await;
        match followed {
            Ok(()) => reply,
            Err(_) => Reply::Error(ErrorReply::new(
                ErrorCode::Busy,
                "the other node did not take over; look at the status and try again",
            )),
        }
    }

    /// Answers requests in runs: those with searches on threads for searches, once this node has
    /// seen all that they have to see.
    async fn answer_runs(&self, asked: &Asked, requests: Vec<Request>) -> Completed {
        let mut whole = Completed {
            ticket: 0,
            replies: Vec::with_capacity(requests.len()),
            ordinal: 0,
            age_ms: None,
        };
        for run in batch::runs(requests) {
            let is_search = run.iter().any(|request| request.command.is_search());
            let completed = match is_search {
                true => self.search(asked, run).await,
                false => self.answer(asked.batch(run)).await,
            };
            whole.replies.extend(completed.replies);
            whole.ordinal = whole.ordinal.max(completed.ordinal);
            whole.age_ms = whole.age_ms.max(completed.age_ms);
        }
        whole
    }

    async fn answer(&self, batch: Batch) -> Completed {
        let claim = match driver::of_thread(&self.shared) {
            Some(driver) => driver.submit(batch),
            None => self.shared.submit(batch),
        };
        let completed = claim.await;
        if let Some(driver) = driver::of_thread(&self.shared) {
            driver.answered();
        }
        completed
    }

    /// Waits for the place that a read of now would have, and searches then.
    async fn search(&self, asked: &Asked, requests: Vec<Request>) -> Completed {
        let place = Command::Exists(Vec::new()).into();
        let mut completed = self.answer(asked.batch(vec![place])).await;
        if let Some(Reply::Error(error)) = completed.replies.first() {
            completed.replies = vec![Reply::Error(error.clone()); requests.len()];
            return completed;
        }
        let (db, count) = (Arc::clone(&self.shared.db), requests.len());
        let now_ms = self.clock.now_ms().max(db.applied().now_ms);
        let searched = self.searches.run(move || {
            let commands = requests.iter().map(|request| &request.command);
            commands.map(|command| db.read(now_ms, command)).collect()
        });
        completed.replies = searched
            .await
            .unwrap_or_else(|why| vec![Reply::Error(why.reply()); count]);
        completed
    }
}

impl Backend for Cluster {
    const REMEMBERS_WRITES: bool = true;

    async fn call(&self, session: &mut Session, requests: Vec<Request>) -> Vec<Reply> {
        let begun = batch::now();
        let asked = Asked::of(session, &requests);
        let has_search = requests.iter().any(|request| request.command.is_search());
        let completed = match has_search {
            true => self.answer_runs(&asked, requests).await,
            false => self.answer(asked.batch(requests)).await,
        };
        if asked.position {
            session.position = Some(asked.position_of(&completed));
        }
        self.shared.stages.answer.record(begun.elapsed());
        completed.replies
    }

    async fn admin(&self, request: AdminRequest) -> Reply {
        match administration(request) {
            Some(Administration::TransferLeader(to)) => self.transfer_leader(to).await,
            Some(request) => self.administer(request).await,
            None => Reply::err("this node does not know that request"),
        }
    }

    fn status(&self) -> Status {
        let view = self.shared.view();
        Status {
            memory_bytes_max: self.memory_bytes_max,
            ..status::of(&self.shared, &view)
        }
    }

    fn register_metrics(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Telling(Arc::clone(&self.shared))));
    }

    fn request_snapshot(&self) -> bool {
        // Nobody waits for the outcome: the status tells of it.
        drop(self.shared.administer(Administration::Snapshot));
        true
    }

    async fn run_on_io_thread(self: Arc<Self>) {
        let seat = self.seat.lock().take();
        if let Some(seat) = seat
            && let Err(error) = driver::run(Arc::clone(&self.shared), seat).await
        {
            tracing::error!(%error, "the node takes no part in the cluster");
        }
        std::future::pending().await
    }

    async fn shutdown(&self) {
        self.shared.close();
        let journal = Arc::clone(&self.shared.journal);
        let indexer = self.indexer.lock().take();
        let (done, finished) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            drop(indexer);
            close(&*journal);
            let _ = done.send(());
        });
        let _ = finished.await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.indexer.lock().take());
        close(&*self.shared.journal);
    }
}

/// Makes everything that was accepted durable. Waits for the disk.
fn close(journal: &dyn Journal) {
    if let Err(error) = journal.close() {
        tracing::error!(%error, "the log did not end well");
    }
}

/// `None` for what is new in a later version.
fn administration(request: AdminRequest) -> Option<Administration> {
    let change = match request {
        AdminRequest::Add { id, client, peer } => Change::AddLearner(MemberAddress {
            id: NodeId(id),
            client,
            peer,
        }),
        AdminRequest::Promote { id } => Change::Promote(NodeId(id)),
        AdminRequest::Remove { id } => Change::Remove(NodeId(id)),
        AdminRequest::TransferLeader { to } => {
            return Some(Administration::TransferLeader(to.map(NodeId)));
        }
        _ => return None,
    };
    Some(Administration::Change(vec![change]))
}
