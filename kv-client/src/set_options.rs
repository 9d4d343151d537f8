//! Under what conditions, and for how long, a value is stored.

use std::time::Duration;

use kv_proto::command::{Expiry, Set, SetCondition, When};

use crate::client::millis;

/// Options of [`Client::set_with`](crate::Client::set_with). By default the value is stored
/// whatever was there, and never expires.
#[derive(Debug, Clone, PartialEq)]
pub struct SetOptions {
    condition: SetCondition,
    expiry: Expiry,
}

impl Default for SetOptions {
    fn default() -> SetOptions {
        SetOptions::new()
    }
}

impl SetOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> SetOptions {
        SetOptions {
            condition: SetCondition::Always,
            expiry: Expiry::Clear,
        }
    }

    /// Store only if there is no such key.
    #[must_use]
    pub fn if_absent(mut self) -> SetOptions {
        self.condition = SetCondition::IfAbsent;
        self
    }

    /// Store only if there is such a key.
    #[must_use]
    pub fn if_present(mut self) -> SetOptions {
        self.condition = SetCondition::IfPresent;
        self
    }

    /// The key expires after `ttl`.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> SetOptions {
        self.expiry = Expiry::At(When::InMs(millis(ttl)));
        self
    }

    /// The key expires at a time in unix milliseconds.
    #[must_use]
    pub fn expires_at(mut self, unix_ms: i64) -> SetOptions {
        self.expiry = Expiry::At(When::UnixMs(unix_ms));
        self
    }

    /// The key keeps the expiry it has.
    #[must_use]
    pub fn keep_ttl(mut self) -> SetOptions {
        self.expiry = Expiry::Keep;
        self
    }

    pub(crate) fn apply(self, set: Set) -> Set {
        Set {
            condition: self.condition,
            expiry: self.expiry,
            ..set
        }
    }
}
