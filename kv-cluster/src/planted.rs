//! Deliberate faults, to show that the tests would notice the real ones.
//!
//! Only the feature `planted-bugs` can arm one, a member at a time, through its settings.

/// One fault that a simulation must catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "planted-bugs"),
    expect(unreachable_pub, reason = "exported with the feature only")
)]
pub enum Bug {
    /// A vote is sent before it is on the disk.
    VoteNotSynced,
    /// A write is answered once this node has it, without a quorum.
    AckBeforeQuorum,
    /// A read is answered from what this node has, and called linearizable.
    LocalRead,
    /// A lease goes on though the time for it has passed.
    LeaseAfterPause,
    /// A write that was sent twice is applied twice.
    RetryTwice,
    /// A snapshot of another node is taken for newer than it is.
    SnapshotDropsTail,
    /// Terms and votes are logged in other records than the entries, and fewer.
    HardStateApart,
    /// An entry of an older term is taken for committed because of how many elected its leader.
    OldTermByCount,
}

impl Bug {
    /// All of them.
    #[cfg(feature = "planted-bugs")]
    pub const ALL: [Bug; 8] = [
        Bug::VoteNotSynced,
        Bug::AckBeforeQuorum,
        Bug::LocalRead,
        Bug::LeaseAfterPause,
        Bug::RetryTwice,
        Bug::SnapshotDropsTail,
        Bug::HardStateApart,
        Bug::OldTermByCount,
    ];
}
