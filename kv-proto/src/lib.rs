//! Data model and wire formats of the kv store.
//!
//! Everything here is a pure function over bytes: no sockets, no files, no clock.
//!
//! - [`value`]: JSON-like values and their one canonical encoding;
//! - [`entry`]: a key with its value, version and expiry in one allocation;
//! - [`command`]: what a client asks of the data, and the bytes it has in a log and in a frame;
//! - [`reply`]: what comes back;
//! - [`limits`]: how large all of that may be;
//! - [`resp`]: the Redis protocol;
//! - [`native`]: our own, framed and multiplexed;
//! - [`control`]: messages of its that are neither commands nor replies;
//! - [`credentials`]: what a client proves itself with;
//! - [`glob`], [`number`]: patterns and numbers as text.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod command;
pub mod control;
pub mod credentials;
pub mod entry;
pub mod glob;
pub mod limits;
pub mod native;
pub mod number;
pub mod reply;
pub mod resp;
pub mod value;

pub use command::{Command, Request};
pub use credentials::Credentials;
pub use entry::Entry;
pub use limits::{Limits, WireLimits};
pub use reply::{ErrorCode, ErrorReply, Reply};
pub use value::{EncodedValue, Tag, Value, ValueError};
