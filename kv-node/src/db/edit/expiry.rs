//! Commands about expiry: EXPIRE and its kin, PERSIST, GETEX, and the sweep that removes what is
//! expired.

use std::sync::atomic::Ordering;

use kv_proto::Reply;
use kv_proto::command::{ExpireCondition, Expiry, When};

use super::{Deadline, Edit};

impl Edit<'_> {
    pub(super) fn expire_at(
        &mut self,
        key: &[u8],
        when: When,
        condition: ExpireCondition,
    ) -> Reply {
        let slot = self.slot(key);
        let Some(entry) = &slot.entry else {
            return Reply::Int(0);
        };
        let deadline = self.deadline(when);
        if !allows(condition, entry.expires_at_ms(), &deadline) {
            return Reply::Int(0);
        }
        self.store_until(&slot, entry, deadline);
        Reply::Int(1)
    }

    pub(super) fn persist(&mut self, key: &[u8]) -> Reply {
        let slot = self.slot(key);
        match &slot.entry {
            Some(entry) if entry.expires_at_ms().is_some() => {
                self.store(&slot, entry, None);
                Reply::Int(1)
            }
            _ => Reply::Int(0),
        }
    }

    pub(super) fn get_ex(&mut self, key: &[u8], expiry: Expiry) -> Reply {
        let slot = self.slot(key);
        let Some(entry) = &slot.entry else {
            return Reply::Nil;
        };
        let deadline = match expiry {
            Expiry::Clear if entry.expires_at_ms().is_some() => Some(Deadline::Never),
            Expiry::Clear | Expiry::Keep => None,
            Expiry::At(When::UnixMs(..=0)) => return impossible_time(),
            Expiry::At(when) => Some(self.deadline(when)),
        };
        if let Some(deadline) = deadline {
            self.store_until(&slot, entry, deadline);
        }
        slot.entry.map_or(Reply::Nil, Reply::Entry)
    }

    /// Removes up to `limit` entries that are expired at the stamp, the longest expired first.
    pub(super) fn sweep(&mut self, limit: u64) -> Reply {
        let mut removed = 0;
        while removed < limit
            && !self.without_effect
            && let Some(entry) = self.state.deadlines.first_due(self.stamp.now_ms).cloned()
        {
            let slot = self.slot(entry.key());
            self.remove(&slot);
            removed += 1;
        }
        self.db
            .counters
            .expired
            .fetch_add(removed, Ordering::Relaxed);
        Reply::Int(i64::try_from(removed).unwrap_or(i64::MAX))
    }
}

/// Whether the condition lets `new` replace `old`; no expiry counts as never.
fn allows(condition: ExpireCondition, old: Option<u64>, new: &Deadline) -> bool {
    let new = match new {
        Deadline::At(at_ms) => *at_ms,
        Deadline::Past => 0,
        Deadline::Never => u64::MAX,
    };
    match condition {
        ExpireCondition::Always => true,
        ExpireCondition::IfNone => old.is_none(),
        ExpireCondition::IfSome => old.is_some(),
        ExpireCondition::IfLater => old.is_some_and(|old| new > old),
        ExpireCondition::IfSomeAndEarlier => old.is_some_and(|old| new < old),
        ExpireCondition::IfEarlier => old.is_none_or(|old| new < old),
    }
}

/// Said of GETEX, with a value at hand; everyone else's times were checked before.
fn impossible_time() -> Reply {
    Reply::err("invalid expire time in 'getex' command")
}
