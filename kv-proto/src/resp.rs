//! The Redis protocol: requests in, replies out.
//!
//! ```text
//! bytes → RequestDecoder → Args → resolve → CommandSpec → parse → Parsed
//!                                                      Reply → encode_reply → bytes
//! ```
//!
//! A connection resolves each request's name first: whether a command may run at all (before
//! authentication, while subscribed, within MULTI) is a question of its [`CommandSpec`]. Then it
//! parses, and gives data commands to the backend.

mod args;
mod decode;
mod docs;
mod encode;
mod error;
mod inline;
mod parse;
mod reply_decode;
mod spec;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use crate::credentials::Credentials;
pub use args::Args;
pub use decode::{RequestDecoder, Requests};
pub use encode::{Protocol, encode_array_len, encode_reply};
pub use error::ProtocolError;
pub use parse::connection::{ClientCommand, ClientKind, ClientReplyMode, ConnectionCommand, Hello};
pub use parse::pubsub::PubSubQuery;
pub use parse::server::ConfigCommand;
pub use parse::{Parsed, parse};
pub use reply_decode::ReplyDecoder;
pub use spec::{CommandSpec, Flags, Group, KeyArgs, Subcommand};
pub use table::{commands, resolve};
pub use text::resp_text;
