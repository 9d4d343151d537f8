//! Deliberate faults, to show that the tests would notice the real ones.
//!
//! Only the feature `planted-bugs` can arm one, a log at a time, through its options.

/// One fault that a crash test must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "planted-bugs"),
    expect(unreachable_pub, reason = "public with the feature only")
)]
pub enum Bug {
    /// Records count as committed before they are synced.
    AckBeforeSync,
    /// A new segment is used before its directory entry is durable.
    NoDirectorySync,
    /// Recovery takes a group whose checksum does not match.
    TornBatch,
    /// Purging drops one segment more than it may.
    PurgeEarly,
}
