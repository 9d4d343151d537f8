//! When entries expire.

/// What becomes of an entry's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It has none.
    Clear,
    /// As before.
    Keep,
    /// It expires then.
    At(When),
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Unix milliseconds; below 0 counts as long past.
    UnixMs(i64),
    /// Milliseconds after the command's stamp. [`Command::stamp`](super::Command::stamp) turns it into `UnixMs` before
    /// the command is logged.
    InMs(i64),
}

/// Which form of a key's expiry is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlForm {
    /// TTL: seconds left, rounded.
    Seconds,
    /// PTTL: milliseconds left.
    Millis,
    /// EXPIRETIME: unix seconds.
    UnixSeconds,
    /// PEXPIRETIME: unix milliseconds.
    UnixMillis,
}

/// On what condition an expiry is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpireCondition {
    /// Always.
    Always,
    /// NX: it has none.
    IfNone,
    /// XX: it has one.
    IfSome,
    /// GT: the new one is later; no expiry counts as never.
    IfLater,
    /// LT: the new one is earlier; no expiry counts as never.
    IfEarlier,
    /// XX LT: it has one, and the new one is earlier.
    IfSomeAndEarlier,
}

impl When {
    /// What a command has in place of a time that cannot be, if that is an error only where there
    /// is a value. GETEX refuses this and whatever is before it.
    pub const IMPOSSIBLE: When = When::UnixMs(0);

    pub(super) fn stamped(self, now_ms: u64) -> When {
        match self {
            When::UnixMs(at) => When::UnixMs(at),
            When::InMs(delta) => {
                let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
                When::UnixMs(now_ms.saturating_add(delta))
            }
        }
    }
}
