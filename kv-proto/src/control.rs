//! Control-plane messages: rare, small, and free to grow fields.
//!
//! They are the only bytes here that a library lays out: bincode 2, fixed-width little-endian
//! integers, lengths as u64, `Option` as a byte. It is used in this module alone, so that it can be
//! replaced by another one that writes the same bytes; golden bytes hold it to that.
//!
//! 1. A message is at most [`MESSAGE_BYTES_MAX`] long; no length in it makes the decoder reserve
//!    more than that.
//! 2. A message is all of its bytes: bytes after it are an error.
//! 3. Variants are numbered in the order they are declared in; new ones go to the end.

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

/// Longest address of a member.
pub const ADDRESS_BYTES_MAX: usize = 255;

/// Largest number of a member.
pub const MEMBER_ID_MAX: u64 = u32::MAX as u64;

/// What an operator asks of a cluster. Any member takes it; one that is not the leader refuses
/// with the leader's address, as it does with writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AdminRequest {
    /// A new member, which learns everything but has no vote yet.
    Add {
        /// Its number, which no member has or ever had.
        id: u64,
        /// Where its clients connect.
        client: String,
        /// Where its peers connect.
        peer: String,
    },
    /// A member that only learns gets a vote.
    Promote {
        /// Which one.
        id: u64,
    },
    /// A member is one no longer, and never will be again.
    Remove {
        /// Which one.
        id: u64,
    },
    /// Another member becomes the leader.
    TransferLeader {
        /// Which one; the leader chooses if absent.
        to: Option<u64>,
    },
}

impl AdminRequest {
    /// Whether its fields can be meant.
    ///
    /// # Errors
    /// If a number or an address is beyond its limit, or an address is not `host:port`.
    pub fn check(&self) -> Result<(), AdminError> {
        match self {
            AdminRequest::Add { id, client, peer } => {
                check_id(*id)?;
                check_address(client)?;
                check_address(peer)
            }
            AdminRequest::Promote { id } | AdminRequest::Remove { id } => check_id(*id),
            AdminRequest::TransferLeader { to } => to.map_or(Ok(()), check_id),
        }
    }
}

/// Why an [`AdminRequest`] cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// A member's number.
    #[error("member {0}: numbers go up to {MEMBER_ID_MAX}")]
    Id(u64),
    /// A member's address.
    #[error("'{0}' is not an address: host:port, at most {ADDRESS_BYTES_MAX} bytes")]
    Address(String),
}

fn check_id(id: u64) -> Result<(), AdminError> {
    match id {
        0..=MEMBER_ID_MAX => Ok(()),
        id => Err(AdminError::Id(id)),
    }
}

fn check_address(address: &str) -> Result<(), AdminError> {
    let is_plain = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_graphic() && c != '@' && c != ',')
    };
    match address.rsplit_once(':') {
        Some((host, port))
            if address.len() <= ADDRESS_BYTES_MAX
                && !host.is_empty()
                && is_plain(host)
                && port.parse::<u16>().is_ok_and(|port| port != 0) =>
        {
            Ok(())
        }
        _ => Err(AdminError::Address(
            address.chars().take(ADDRESS_BYTES_MAX).collect(),
        )),
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
