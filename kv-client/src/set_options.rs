//! Under what conditions, for how long, and with what vector a value is stored.

use std::sync::Arc;
use std::time::Duration;

use kv_proto::command::{Expiry, Set, SetCondition, When};

use crate::client::millis;

/// Options of [`Client::set_with`](crate::Client::set_with). By default the value is stored
/// whatever was there, and never expires.
#[derive(Debug, Clone, PartialEq)]
pub struct SetOptions {
    condition: SetCondition,
    expiry: Expiry,
    vector: Option<Arc<[f32]>>,
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
            vector: None,
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

    /// The value comes with this vector: a search for a vector finds the key by it, and a search for
    /// a text does not. The server says how many dimensions it has (`--vector-dims`).
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// use kv_client::{SetOptions, SimilarOptions};
    ///
    /// let options = SetOptions::new().vector(vec![0.1, 0.7, -0.2]);
    /// client.set_with("photo:1", &"a cat", options).await?;
    /// let hits = client.similar(vec![0.1, 0.6, 0.0], SimilarOptions::new()).await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn vector(mut self, vector: impl Into<Arc<[f32]>>) -> SetOptions {
        self.vector = Some(vector.into());
        self
    }

    pub(crate) fn apply(self, set: Set) -> Set {
        Set {
            condition: self.condition,
            expiry: self.expiry,
            vector: self.vector,
            ..set
        }
    }
}
