//! What a connection talks to.
//!
//! The server half of this crate (listener, connections, limits, admin) knows only this trait;
//! standalone, Raft and masterless nodes each implement it.

use std::future::Future;
use std::sync::Arc;

use kv_proto::{Reply, Request};

use crate::status::Status;

/// The store behind a connection.
pub trait Backend: Send + Sync + 'static {
    /// Answers `requests` in order, one reply each; a reply is returned once its durability
    /// promise holds. A batch costs one sync, not one a request.
    fn call(
        &self,
        session: &mut Session,
        requests: Vec<Request>,
    ) -> impl Future<Output = Vec<Reply>> + Send;

    /// What people and monitors see of this node.
    fn status(&self) -> Status;

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

/// What a backend remembers of one client connection.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Session {
    /// Number of the connection, unique in this process.
    pub id: u64,
}

impl Session {
    /// The session of connection `id`.
    #[must_use]
    pub fn new(id: u64) -> Session {
        Session { id }
    }
}
