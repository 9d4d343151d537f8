//! The client against servers that misbehave, and the command line against a real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
#[cfg(feature = "cli")]
mod cli;
mod cluster;
mod failover;
mod fake;
mod multiplex;
mod retries;
mod searches;
mod timeouts;
