//! Calls about the server and about what it knows of a key.

use std::collections::BTreeMap;

use kv_proto::{Command, Reply};
use serde::{Deserialize, Serialize};

use super::{Client, key_of};
use crate::answer::{Answer, unexpected};
use crate::error::Error;
use crate::wire::Call;

/// What a server says of itself. Which fields there are depends on how it replicates; those that
/// every server has are here by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// `standalone`, `raft` or `masterless`.
    pub mode: String,
    /// `master` where clients may write, else `slave`.
    pub role: String,
    /// Whether requests are answered.
    pub ready: bool,
    /// `ok`, or why writes are refused.
    pub health: String,
    /// How many keys there are.
    pub key_count: u64,
    /// Memory that the entries take.
    pub memory_bytes: u64,
    /// Everything else.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// What a server knows of a key besides its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeyMetadata {
    /// Place of the last write to the key in the order of all writes.
    pub version: u64,
    /// When it expires, in unix milliseconds.
    pub expires_at_ms: Option<u64>,
    /// What kind of value it is: `int`, `string`, `map`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Length of the encoded value.
    pub bytes: u64,
    /// The vector that came with the value.
    pub vector: Option<Vec<f32>>,
    /// In a cluster: the node that led when the key was written last.
    pub primary: Option<u64>,
    /// In a cluster: the term in which it was.
    pub term: Option<u64>,
    /// In a cluster: of each node that ever led, its last write.
    pub clock: BTreeMap<u64, u64>,
}

impl Client {
    /// Whether the server answers.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ping(&self) -> Result<(), Error> {
        match self.call(Call::Ping).await? {
            Reply::Error(refused) => Err(refused.into()),
            _ => Ok(()),
        }
    }

    /// What the server says of itself.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn status(&self) -> Result<Status, Error> {
        let reply = self.call(Call::Status).await?;
        let text = Answer::new(reply).bytes()?;
        serde_json::from_slice(&text).map_err(|error| Error::Answer {
            expected: "a status",
            found: error.to_string(),
        })
    }

    /// What the server knows of itself, as [`Client::status`], by its other name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn metadata(&self) -> Result<Status, Error> {
        self.status().await
    }

    /// What the server knows of a key, if there is such a key.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn key_metadata(&self, key: impl AsRef<[u8]>) -> Result<Option<KeyMetadata>, Error> {
        self.ask(Command::Meta(key_of(key))).await?.key_metadata()
    }
}

impl KeyMetadata {
    /// What the fields of an answer to [`Command::Meta`] say.
    pub(crate) fn from_fields(mut fields: BTreeMap<String, Reply>) -> Result<KeyMetadata, Error> {
        Ok(KeyMetadata {
            version: number(&mut fields, "version")?.unwrap_or(0),
            expires_at_ms: number(&mut fields, "expires_at_ms")?,
            kind: text(&mut fields, "type")?,
            bytes: number(&mut fields, "bytes")?.unwrap_or(0),
            vector: vector(&mut fields)?,
            primary: number(&mut fields, "primary")?,
            term: number(&mut fields, "term")?,
            clock: clock(&mut fields)?,
        })
    }
}

fn number(fields: &mut BTreeMap<String, Reply>, name: &str) -> Result<Option<u64>, Error> {
    match fields.remove(name) {
        None | Some(Reply::Nil) => Ok(None),
        Some(Reply::Int(i)) => Ok(u64::try_from(i).ok()),
        Some(other) => Err(unexpected("a number", &other)),
    }
}

fn vector(fields: &mut BTreeMap<String, Reply>) -> Result<Option<Vec<f32>>, Error> {
    match fields.remove("vector") {
        None | Some(Reply::Nil) => Ok(None),
        Some(Reply::Bytes(bytes)) if bytes.len().is_multiple_of(4) => {
            let (numbers, _) = bytes.as_chunks();
            let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
            Ok(Some(numbers.collect()))
        }
        Some(other) => Err(unexpected("a vector", &other)),
    }
}

fn clock(fields: &mut BTreeMap<String, Reply>) -> Result<BTreeMap<u64, u64>, Error> {
    let Some(Reply::Map(pairs)) = fields.remove("clock") else {
        return Ok(BTreeMap::new());
    };
    let number = |reply: &Reply| match reply {
        Reply::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    let pair = |(node, write): &(Reply, Reply)| {
        let pair = number(node).zip(number(write));
        pair.ok_or_else(|| unexpected("a node and a write", node))
    };
    pairs.iter().map(pair).collect()
}

fn text(fields: &mut BTreeMap<String, Reply>, name: &str) -> Result<String, Error> {
    match fields.remove(name) {
        Some(Reply::Bytes(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Some(Reply::Status(text)) => Ok(text.into_owned()),
        other => Err(unexpected("text", &other.unwrap_or(Reply::Nil))),
    }
}
