//! Deliberate faults, to show that the tests would notice the real ones.
//!
//! Only the feature `planted-bugs` can arm one, a store at a time, through its options.

/// One fault that a crash test must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "planted-bugs"),
    expect(unreachable_pub, reason = "exported with the feature only")
)]
pub enum Bug {
    /// Replies are given for what was appended, not for what was committed.
    AckBeforeCommit,
    /// A batch is logged as one record a pair.
    TornBatch,
    /// The log is purged before the manifest names the snapshot that replaces it.
    PurgeEarly,
}
