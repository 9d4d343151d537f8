//! Async client of the kv store.
//!
//! ```no_run
//! # async fn example() -> Result<(), kv_client::Error> {
//! use kv_client::Client;
//!
//! let client = Client::connect("127.0.0.1:5000").await?;
//! client.set("greeting", "hello").await?;
//! let greeting: Option<String> = client.get("greeting").await?;
//! # Ok(()) }
//! ```
//!
//! Values are anything that `serde` can serialize. A [`Client`] is cheap to clone and meant to be
//! shared: requests of many tasks travel over few connections, all that are ready in one write.
//!
//! What it never does: repeat a write that may have happened, unless the server knows it again, as
//! a cluster does. Such a write ends in [`Error::UnknownOutcome`]; everything else that fails
//! promises that nothing happened.
//!
//! The modules, from the caller to the socket:
//!
//! - [`Client`], [`Batch`], [`Scan`]: what can be asked, and what the answers mean;
//! - `retry`: what to do after a failure; pure;
//! - `identity`, `seen`: by what a cluster knows a write again, and what a stale read must not miss;
//! - `pool` and `endpoints`: which server, which connection;
//! - `connection`: one socket shared by many calls;
//! - `wire`: the frames.

mod answer;
mod backoff;
mod batch;
mod client;
mod config;
mod connect;
mod connection;
mod endpoints;
mod error;
mod hit;
mod identity;
mod pool;
mod retry;
mod scan;
mod seen;
mod set_options;
mod similar_options;
mod value;
mod wire;

pub use answer::Answer;
pub use batch::{Atomic, Batch, Pipeline, Together, Transaction};
pub use client::{Client, KeyMetadata, Status, Ttl};
pub use config::{Config, PORT_DEFAULT, Password};
pub use connect::{Connect, Connecting, Stream, Tcp};
pub use error::{Error, ErrorKind};
pub use kv_proto::command;
pub use kv_proto::command::SearchOptions;
pub use kv_proto::entry::KEY_BYTES_MAX;
pub use kv_proto::hit::{Hit, MATCH_END, MATCH_START};
pub use kv_proto::limits::{RESULTS_DEFAULT, RESULTS_MAX};
pub use kv_proto::{
    Command, EncodedValue, ErrorCode, ErrorReply, Position, Reply, Request, Tag, Value,
};
pub use scan::{RangePages, Scan};
pub use set_options::SetOptions;
pub use similar_options::SimilarOptions;
pub use value::{ConvertError, from_encoded, from_value, to_value};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
