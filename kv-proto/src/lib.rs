//! Data model and wire formats of the kv store.
//!
//! Everything here is a pure function over bytes: no sockets, no files, no clock, no locks. A
//! server gives it what it read and writes what it gets back.
//!
//! - [`value`]: JSON-like values and their one canonical encoding;
//! - [`entry`]: a key with its value, version and expiry in one allocation;
//! - [`command`]: what a client asks of the data, and the bytes it has in a log and in a frame;
//! - [`request`]: a command, and how it is to be carried out;
//! - [`reply`]: what comes back; [`hit`]: of a search;
//! - [`limits`]: how large all of that may be;
//! - [`resp`]: the Redis protocol;
//! - [`native`]: our own, framed and multiplexed;
//! - [`control`]: messages of its that are neither commands nor replies;
//! - [`credentials`]: what a client proves itself with;
//! - [`glob`], [`number`]: patterns and numbers as text.
//!
//! 1. Bytes from a peer never panic. Decoding reserves at most 64 KiB plus a constant factor of the
//!    bytes that came, whatever lengths and counts they announce.
//! 2. Decoding copies no key and no value: they are slices of the buffer they came in. Whoever
//!    keeps them for long copies them, or they keep the whole buffer.
//! 3. Everything that reaches a disk or another version has golden bytes in `testdata/`.
//!
//! The way of a request through a connection that speaks RESP:
//!
//! ```
//! use bytes::BytesMut;
//! use kv_proto::resp::{Parsed, Protocol, RequestDecoder, encode_reply, resolve};
//! use kv_proto::{Command, Limits, Reply, WireLimits};
//!
//! let limits = Limits::default();
//! let mut decoder = RequestDecoder::new(WireLimits::default());
//! let mut input = BytesMut::from("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nSTRLEN k x\r\n*2\r\n$3\r\nDEL");
//! let mut output = BytesMut::new();
//!
//! for args in decoder.decode(&mut input).iter() {
//!     let reply = match resolve(args).and_then(|spec| spec.parse(args, &limits)) {
//!         Ok(Parsed::Data(request)) => match request.command {
//!             Command::Get(key) => Reply::Bytes([b"value of ", &key[..]].concat().into()),
//!             other => Reply::err(format!("{} is not served here", other.name())),
//!         },
//!         Ok(Parsed::Connection(_)) => Reply::Ok,
//!         Err(error) => error.into(),
//!     };
//!     encode_reply(&reply, Protocol::Resp2, &mut output);
//! }
//!
//! assert_eq!(
//!     output,
//!     "$10\r\nvalue of k\r\n-ERR wrong number of arguments for 'strlen' command\r\n"
//! );
//! // What is left is a request that is not all there yet.
//! assert_eq!(input, "*2\r\n$3\r\nDEL");
//! ```

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod command;
pub mod control;
pub mod credentials;
pub mod entry;
pub mod glob;
pub mod hit;
pub mod limits;
pub mod native;
pub mod number;
pub mod reply;
pub mod request;
pub mod resp;
pub mod value;

pub use command::Command;
pub use credentials::Credentials;
pub use entry::Entry;
pub use hit::{Hit, hits_reply};
pub use limits::{Limits, WireLimits};
pub use reply::{ErrorCode, ErrorReply, Reply};
pub use request::{Identity, Position, ReadLevel, Request};
pub use value::{EncodedValue, Tag, Value, ValueError};
