//! What a client proves itself with.

use std::fmt;

use bytes::Bytes;

/// Name and password. Its `Debug` shows neither, so that no log ever does.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The default user if absent.
    pub user: Option<Bytes>,
    /// Never printed.
    pub password: Bytes,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
