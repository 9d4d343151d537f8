//! What a connection talks to.
//!
//! The server half of this crate (listener, connections, limits, admin) knows only this trait;
//! standalone, Raft and masterless nodes each implement it.

use std::future::Future;
use std::sync::Arc;

use kv_proto::control::AdminRequest;
use kv_proto::{Position, Reply, Request};
use prometheus_client::registry::Registry;

use crate::status::Status;

/// The store behind a connection.
pub trait Backend: Send + Sync + 'static {
    /// Whether a write that is sent again with the same identity is applied once, so that clients
    /// may send it again when no answer came.
    const REMEMBERS_WRITES: bool = false;

    /// Answers `requests` in order, one reply each; a reply is returned once its durability
    /// promise holds. A batch costs one sync, not one a request.
    ///
    /// If a request asks for its position, it is left in the session: one for the whole batch.
    fn call(
        &self,
        session: &mut Session,
        requests: Vec<Request>,
    ) -> impl Future<Output = Vec<Reply>> + Send;

    /// Does what an operator asks of a cluster; the reply comes once it is done, and is OK or an
    /// error.
    fn admin(&self, request: AdminRequest) -> impl Future<Output = Reply> + Send {
        drop(request);
        std::future::ready(Reply::err(NOT_A_CLUSTER))
    }

    /// What people and monitors see of this node.
    fn status(&self) -> Status;

    /// Adds what it counts to `/metrics`, beside what the server counts and what
    /// [`Backend::status`] tells.
    fn register_metrics(&self, registry: &mut Registry) {
        let _ = registry;
    }

    /// Asks for a snapshot soon; false if there are none to be had.
    fn request_snapshot(&self) -> bool {
        false
    }

    /// Runs once on each I/O thread for as long as the server serves; a backend that completes
    /// requests on the threads that wait for them does it here.
    fn run_on_io_thread(self: Arc<Self>) -> impl Future<Output = ()> {
        std::future::pending()
    }

    /// Finishes what was accepted and makes everything durable; nothing is accepted afterwards.
    fn shutdown(&self) -> impl Future<Output = ()> + Send;
}

/// What an operator reads who takes a lone node for a cluster.
const NOT_A_CLUSTER: &str = "this node stands alone: it has no members";

/// What a backend and one client connection know of each other.
#[derive(Debug)]
#[non_exhaustive]
pub struct Session {
    /// Number of the connection, unique in this process.
    pub id: u64,
    /// What the client speaks.
    pub protocol: ClientProtocol,
    /// After READONLY: the connection asks for stale reads only, which its requests say.
    pub is_readonly: bool,
    /// Which writes the replies of the last batch follow. The backend sets it; the connection
    /// clears it before a batch.
    pub position: Option<Position>,
}

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientProtocol {
    /// Redis's: its clients know nothing of a leader, so a node passes on for them what another
    /// one has to answer.
    Resp,
    /// Ours: its clients go to the leader themselves once `NOTLEADER` tells them where it is.
    Native,
}

impl Session {
    /// The session of connection `id`.
    #[must_use]
    pub fn new(id: u64, protocol: ClientProtocol) -> Session {
        Session {
            id,
            protocol,
            is_readonly: false,
            position: None,
        }
    }
}
