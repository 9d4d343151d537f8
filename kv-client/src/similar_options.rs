//! Which hits of a search by meaning are wanted, and what is told of them.

use kv_proto::Command;
use kv_proto::command::{Key, SimilarTo};
use kv_proto::limits::RESULTS_DEFAULT;

use crate::client::key_of;

/// Options of [`Client::similar`](crate::Client::similar). By default the ten best among all keys,
/// with nothing but scores.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarOptions {
    k: u64,
    prefix: Option<Key>,
    pub(crate) explain: bool,
}

impl Default for SimilarOptions {
    fn default() -> SimilarOptions {
        SimilarOptions::new()
    }
}

impl SimilarOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> SimilarOptions {
        SimilarOptions {
            k: RESULTS_DEFAULT,
            prefix: None,
            explain: false,
        }
    }

    /// At most so many hits.
    #[must_use]
    pub fn k(mut self, k: u64) -> SimilarOptions {
        self.k = k;
        self
    }

    /// Only keys that begin with this.
    #[must_use]
    pub fn prefix(mut self, prefix: impl AsRef<[u8]>) -> SimilarOptions {
        self.prefix = Some(key_of(prefix));
        self
    }

    /// Say of each hit why it is one.
    #[must_use]
    pub fn explain(mut self) -> SimilarOptions {
        self.explain = true;
        self
    }

    pub(crate) fn command(self, query: SimilarTo) -> Command {
        let SimilarOptions { k, prefix, explain } = self;
        Command::Similar {
            query,
            k,
            prefix,
            explain,
        }
    }
}
