//! One node of the kv store: the state machine, the standalone log-and-apply path, and the server
//! plumbing that every mode shares.

pub mod backend;
pub mod config;
pub mod db;
pub mod indexer;
pub mod model;
pub mod peer;
pub mod program;
pub mod report;
pub mod searches;
pub mod secret;
pub mod server;
pub mod snapshot;
pub mod standalone;
pub mod status;
pub mod store;

pub use backend::{Backend, ClientProtocol, Session};
pub use db::{Db, Stamp};
pub use standalone::Standalone;
pub use status::Status;
pub use store::{Store, StoreOptions};
