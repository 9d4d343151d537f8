//! Tests of the node as a whole: state machine, server and process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod concurrency;
mod crash;
mod db_model;
mod own_vectors;
mod process;
mod search;
mod server_admin;
mod server_auth;
mod server_backend;
mod server_client;
mod server_hostile;
mod server_native;
mod server_pubsub;
mod server_resp;
mod server_shutdown;
mod training;
