//! Calls on the time at which keys expire.

use std::time::Duration;

use kv_proto::Command;
use kv_proto::command::{ExpireCondition, TtlForm, When};

use super::Client;
use super::data::key_of;
use crate::error::Error;

/// When a key expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key.
    NoKey,
    /// Never.
    Never,
    /// After this long.
    In(Duration),
}

impl Client {
    /// Lets a key expire after `ttl`; whether there is such a key.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn expire(&self, key: impl AsRef<[u8]>, ttl: Duration) -> Result<bool, Error> {
        self.expire_when(key, When::InMs(millis(ttl))).await
    }

    /// Lets a key expire at a time in unix milliseconds; whether there is such a key.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn expire_at(&self, key: impl AsRef<[u8]>, unix_ms: i64) -> Result<bool, Error> {
        self.expire_when(key, When::UnixMs(unix_ms)).await
    }

    async fn expire_when(&self, key: impl AsRef<[u8]>, when: When) -> Result<bool, Error> {
        let command = Command::ExpireAt {
            key: key_of(key),
            when,
            condition: ExpireCondition::Always,
        };
        self.ask(command).await?.took_effect()
    }

    /// Removes a key's expiry; whether it had one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.ask(Command::Persist(key_of(key))).await?.took_effect()
    }

    /// How long a key has to live.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Ttl, Error> {
        let command = Command::Ttl {
            key: key_of(key),
            form: TtlForm::Millis,
        };
        Ok(match self.ask(command).await?.int()? {
            -2 => Ttl::NoKey,
            -1 => Ttl::Never,
            ms => Ttl::In(Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
        })
    }
}

/// Milliseconds; what is longer than 292 million years counts as that.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
