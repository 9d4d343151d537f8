//! What a reply means, by the kind of command it answers.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv_proto::{EncodedValue, Reply};
use serde::de::DeserializeOwned;

use crate::client::KeyMetadata;
use crate::error::Error;
use crate::value::from_encoded;

/// Shorter values are copied, so that a kept value does not pin the buffer it was read into.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// The reply to one command of a pipeline or a transaction.
///
/// Ask it for what the command answers; any other kind is an [`Error::Answer`].
#[derive(Debug, Clone, PartialEq)]
pub struct Answer(Reply);

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer(reply)
    }
}

impl Answer {
    pub(crate) fn new(reply: Reply) -> Answer {
        Answer(reply)
    }

    /// The reply as it is.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        self.0
    }

    /// Of a `get`: the value, if there is one.
    ///
    /// # Errors
    /// If the value is not a `T`.
    pub fn value<T: DeserializeOwned>(self) -> Result<Option<T>, Error> {
        match self.encoded()? {
            Some(value) => Ok(Some(from_encoded(&value)?)),
            None => Ok(None),
        }
    }

    /// Of a `get`: the value in its encoding, if there is one.
    ///
    /// # Errors
    /// If it is another kind of answer.
    pub fn encoded(self) -> Result<Option<EncodedValue>, Error> {
        match self.0 {
            Reply::Nil => Ok(None),
            Reply::Value(value) => Ok(Some(EncodedValue {
                payload: unpinned(value.payload),
                ..value
            })),
            Reply::Entry(entry) => Ok(Some(entry.encoded_value())),
            Reply::Bytes(bytes) => Ok(Some(EncodedValue::from_bytes(unpinned(bytes)))),
            other => Err(unexpected("a value", &other)),
        }
    }

    /// Of an `incr`, a count, a length: the number.
    ///
    /// # Errors
    /// If it is another kind of answer.
    pub fn int(self) -> Result<i64, Error> {
        match self.0 {
            Reply::Int(i) => Ok(i),
            other => Err(unexpected("a number", &other)),
        }
    }

    /// Of what may or may not have had an effect: whether it had. An absent value is `false`.
    ///
    /// # Errors
    /// If it is another kind of answer.
    pub fn took_effect(self) -> Result<bool, Error> {
        match self.0 {
            Reply::Ok => Ok(true),
            Reply::Nil => Ok(false),
            Reply::Bool(b) => Ok(b),
            Reply::Int(i) => Ok(i != 0),
            other => Err(unexpected("whether it took effect", &other)),
        }
    }

    /// Of an unconditional write: that it is done.
    ///
    /// # Errors
    /// If it is another kind of answer.
    pub fn done(self) -> Result<(), Error> {
        match self.0 {
            Reply::Ok => Ok(()),
            other => Err(unexpected("OK", &other)),
        }
    }

    /// Of a command that answers many things: each of them.
    ///
    /// # Errors
    /// If it is another kind of answer.
    pub(crate) fn array(self) -> Result<Vec<Reply>, Error> {
        match self.0 {
            Reply::Array(items) => Ok(items),
            other => Err(unexpected("an array", &other)),
        }
    }

    pub(crate) fn bytes(self) -> Result<Bytes, Error> {
        match self.0 {
            Reply::Bytes(bytes) => Ok(unpinned(bytes)),
            other => Err(unexpected("bytes", &other)),
        }
    }

    /// Of a command that answers pairs: each by its name. `None` if there is nothing.
    pub(crate) fn fields(self) -> Result<Option<BTreeMap<String, Reply>>, Error> {
        let name = |name: Reply| -> Result<String, Error> {
            Ok(String::from_utf8_lossy(&Answer(name).bytes()?).into_owned())
        };
        match self.0 {
            Reply::Nil => Ok(None),
            Reply::Map(pairs) => {
                let named = pairs.into_iter().map(|(n, reply)| Ok((name(n)?, reply)));
                named.collect::<Result<_, Error>>().map(Some)
            }
            other => Err(unexpected("a map", &other)),
        }
    }

    /// Of a [`Command::Meta`](kv_proto::Command::Meta): what is known of the key, if it is there.
    ///
    /// # Errors
    /// If it is another kind of answer.
    pub fn key_metadata(self) -> Result<Option<KeyMetadata>, Error> {
        match self.fields()? {
            Some(fields) => KeyMetadata::from_fields(fields).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn float(self) -> Result<f64, Error> {
        match &self.0 {
            Reply::Double(f) => Ok(*f),
            Reply::Int(i) => Ok(*i as f64),
            Reply::Bytes(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| unexpected("a number", &self.0)),
            other => Err(unexpected("a number", other)),
        }
    }
}

fn unpinned(bytes: Bytes) -> Bytes {
    match bytes.len() {
        ..=COPIED_BYTES_MAX => Bytes::copy_from_slice(&bytes),
        _ => bytes,
    }
}

pub(crate) fn unexpected(expected: &'static str, found: &Reply) -> Error {
    const SHOWN_CHARS_MAX: usize = 80;
    Error::Answer {
        expected,
        found: format!("{found:?}").chars().take(SHOWN_CHARS_MAX).collect(),
    }
}
