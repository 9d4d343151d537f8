//! The log against disks that fail, and against the real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod wal;
