//! One node of the kv store: the state machine, the standalone log-and-apply path, and the server
//! plumbing that every mode shares.

pub mod backend;
pub mod status;

pub use backend::{Backend, Session};
pub use status::Status;
