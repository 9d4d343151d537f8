//! How large a request may be.
//!
//! Two kinds: [`Limits`] bound what a command may ask of the data and are answered with an error;
//! [`WireLimits`] bound what a connection may make the server hold and end the connection.

use crate::command::{Command, Set, SetCondition};
use crate::entry::KEY_BYTES_MAX;
use crate::reply::{ErrorCode, ErrorReply};
use crate::value::EncodedValue;

mod search;

pub(crate) use search::results_out_of_bounds;

pub use search::{
    PATH_BYTES_MAX, QUERY_BYTES_MAX, RESULTS_DEFAULT, RESULTS_MAX, VECTOR_DIMENSIONS_MAX,
};

/// Limits on commands; whatever exceeds them never reaches a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A key's length; at most [`KEY_BYTES_MAX`]. Default 4096.
    pub key_bytes_max: usize,
    /// A value's length. Default 8 MiB.
    pub value_bytes_max: usize,
    /// Keys, pairs or commands in one request. Default 1024.
    pub batch_ops_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            key_bytes_max: 4096,
            value_bytes_max: 8 << 20,
            batch_ops_max: 1024,
        }
    }
}

/// Limits on what a peer may send in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireLimits {
    /// Whether the peer has authenticated, or need not.
    pub authenticated: bool,
    /// Bytes of one native frame, or of one RESP argument. Default 16 MiB.
    pub frame_bytes_max: usize,
    /// Bytes of one RESP request. Default 16 MiB.
    pub request_bytes_max: usize,
    /// Arguments of one RESP request. Default 65,536.
    pub args_count_max: usize,
    /// Bytes of one inline RESP request. Default 64 KiB.
    pub inline_bytes_max: usize,
    /// RESP requests taken from a buffer at once; more wait in it. Default 1024.
    pub run_requests_max: usize,
}

impl Default for WireLimits {
    fn default() -> WireLimits {
        WireLimits {
            authenticated: true,
            frame_bytes_max: 16 << 20,
            request_bytes_max: 16 << 20,
            args_count_max: 65_536,
            inline_bytes_max: 64 << 10,
            run_requests_max: 1024,
        }
    }
}

impl WireLimits {
    /// For a peer that has yet to authenticate: one small request at a time.
    #[must_use]
    pub fn before_auth() -> WireLimits {
        WireLimits {
            authenticated: false,
            frame_bytes_max: 16 << 10,
            request_bytes_max: 10 * (16 << 10) + 1024,
            args_count_max: 10,
            inline_bytes_max: 16 << 10,
            run_requests_max: 1,
        }
    }
}

impl Limits {
    /// Whether `command` is within the limits and one that a client may send.
    ///
    /// # Errors
    /// Says which limit it exceeds, and by what.
    pub fn check(&self, command: &Command) -> Result<(), ErrorReply> {
        match command {
            Command::Get(key) => self.check_key(key),
            Command::Set(set) => self.check_set(set),
            Command::Transaction { watches, commands } => {
                self.check_count(watches.len().max(commands.len()))?;
                watches
                    .iter()
                    .try_for_each(|watch| self.check_key(&watch.key))?;
                commands
                    .iter()
                    .try_for_each(|command| self.check_part(command))
            }
            Command::Sweep { .. } => Err(refuse("expired keys are removed by the server itself")),
            other => {
                self.check_count(other.op_count())?;
                other.visit_keys(&mut |key| self.check_key(key))?;
                self.check_rest(other)
            }
        }
    }

    /// What is searched has no place in the log, and a transaction may. Training is about all
    /// entries, between two writes.
    fn check_part(&self, command: &Command) -> Result<(), ErrorReply> {
        match command {
            search if search.is_search() => Err(refuse("a search cannot be part of a transaction")),
            Command::Train => Err(refuse("training cannot be part of a transaction")),
            other => self.check(other),
        }
    }

    fn check_set(&self, set: &Set) -> Result<(), ErrorReply> {
        self.check_key(&set.key)?;
        if let SetCondition::IfEqual(expected) = &set.condition {
            self.check_value_len(expected.len())?;
        }
        if let Some(vector) = &set.vector {
            search::check_stored_vector(vector)?;
        }
        self.check_value(&set.value)
    }

    fn check_rest(&self, command: &Command) -> Result<(), ErrorReply> {
        match command {
            Command::MSet { pairs, .. } => pairs
                .iter()
                .try_for_each(|(_, value)| self.check_value(value)),
            Command::Cas { old, new, .. } => [old, new]
                .into_iter()
                .flatten()
                .try_for_each(|value| self.check_value(value)),
            Command::IncrByFloat { delta, .. } if !delta.is_finite() => {
                Err(refuse("increment would produce NaN or Infinity"))
            }
            Command::Append { suffix, .. } => self.check_value_len(suffix.len()),
            Command::SetRange { offset, patch, .. } => self.check_patch(*offset, patch.len()),
            Command::Keys { pattern } => self.check_pattern(pattern),
            Command::Scan { pattern, .. } => pattern
                .iter()
                .try_for_each(|pattern| self.check_pattern(pattern)),
            search => self.check_search(search),
        }
    }

    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), ErrorReply> {
        let max = self.key_bytes_max.min(KEY_BYTES_MAX);
        if key.len() <= max {
            return Ok(());
        }
        Err(refuse(format!(
            "key has {} bytes, the limit is {max}",
            key.len()
        )))
    }

    fn check_value(&self, value: &EncodedValue) -> Result<(), ErrorReply> {
        self.check_value_len(value.payload.len())?;
        value
            .validate()
            .map_err(|error| refuse(format!("bad value: {error}")))
    }

    pub(crate) fn check_value_len(&self, len: usize) -> Result<(), ErrorReply> {
        if len <= self.value_bytes_max {
            return Ok(());
        }
        let max = self.value_bytes_max;
        Err(refuse(format!("value has {len} bytes, the limit is {max}")))
    }

    /// An empty patch changes nothing, wherever it lies.
    fn check_patch(&self, offset: u64, len: usize) -> Result<(), ErrorReply> {
        let end = offset.saturating_add(len as u64);
        if len == 0 || end <= self.value_bytes_max as u64 {
            return Ok(());
        }
        Err(refuse(
            "string exceeds maximum allowed size (proto-max-bulk-len)",
        ))
    }

    fn check_pattern(&self, pattern: &[u8]) -> Result<(), ErrorReply> {
        let max = self.key_bytes_max;
        if pattern.len() <= max {
            return Ok(());
        }
        Err(refuse(format!(
            "pattern has {} bytes, the limit is {max}",
            pattern.len()
        )))
    }

    /// Whether `count` keys, pairs or commands are few enough for one request.
    ///
    /// # Errors
    /// If they are not.
    pub fn check_count(&self, count: usize) -> Result<(), ErrorReply> {
        if count <= self.batch_ops_max {
            return Ok(());
        }
        let max = self.batch_ops_max;
        Err(refuse(format!(
            "request has {count} operations, the limit is {max}"
        )))
    }
}

fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, message)
}
