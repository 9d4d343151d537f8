//! The log against disks that fail, and against the real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod damage;
mod disk;
mod faults;
mod golden;
mod model;
mod wal;
mod watched;
mod workload;
