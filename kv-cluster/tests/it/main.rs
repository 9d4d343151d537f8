//! Clusters of real processes on one machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failover;
mod harness;
mod members;
mod peers;
mod serve;
