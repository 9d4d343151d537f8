//! Control-plane messages: rare, small, and free to grow fields.
//!
//! They are the only bytes here that a library lays out: bincode 2, fixed-width little-endian
//! integers, lengths as u64, `Option` as a byte. It is used in this module alone, so that it can be
//! replaced by another one that writes the same bytes; golden bytes hold it to that.
//!
//! 1. A message is at most [`MESSAGE_BYTES_MAX`] long; no length in it makes the decoder reserve
//!    more than that.
//! 2. A message is all of its bytes: bytes after it are an error.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits::{Limits, WireLimits};

/// Longest message.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Why bytes are not a message, or a message cannot be bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Longer than [`MESSAGE_BYTES_MAX`], or not encodable.
    #[error("control message cannot be encoded: {0}")]
    Encode(String),
    /// Not the encoding of a message.
    #[error("bad control message: {0}")]
    Decode(String),
    /// Bytes follow the message.
    #[error("{0} bytes follow the control message")]
    Trailing(usize),
}

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientHello {
    /// The program.
    pub client_name: String,
    /// Its version.
    pub client_version: String,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerHello {
    /// The program.
    pub server_name: String,
    /// Its version.
    pub server_version: String,
    /// `standalone`, `raft` or `masterless`.
    pub mode: String,
    /// The number of the connection.
    pub connection_id: u64,
    /// Limits on what the client may ask.
    pub limits: ServerLimits,
}

/// Limits a server announces; see [`Limits`] and [`WireLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerLimits {
    /// A key's length.
    pub key_bytes_max: u64,
    /// A value's length.
    pub value_bytes_max: u64,
    /// Keys, pairs or commands in one request.
    pub batch_ops_max: u64,
    /// A frame's length.
    pub frame_bytes_max: u64,
}

impl ServerLimits {
    /// What a server with these limits announces.
    #[must_use]
    pub fn new(limits: &Limits, wire: &WireLimits) -> ServerLimits {
        ServerLimits {
            key_bytes_max: limits.key_bytes_max as u64,
            value_bytes_max: limits.value_bytes_max as u64,
            batch_ops_max: limits.batch_ops_max as u64,
            frame_bytes_max: wire.frame_bytes_max as u64,
        }
    }
}

fn layout() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<MESSAGE_BYTES_MAX>()
}

/// A message's bytes.
///
/// # Errors
/// If it is longer than [`MESSAGE_BYTES_MAX`].
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, ControlError> {
    let bytes = bincode::serde::encode_to_vec(message, layout())
        .map_err(|error| ControlError::Encode(error.to_string()))?;
    match bytes.len() {
        0..=MESSAGE_BYTES_MAX => Ok(bytes),
        len => Err(ControlError::Encode(format!("it has {len} bytes"))),
    }
}

/// The message that is all of `bytes`.
///
/// # Errors
/// If `bytes` are anything else.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ControlError> {
    let (message, consumed) = bincode::serde::decode_from_slice(bytes, layout())
        .map_err(|error| ControlError::Decode(error.to_string()))?;
    match bytes.len() - consumed {
        0 => Ok(message),
        count => Err(ControlError::Trailing(count)),
    }
}
