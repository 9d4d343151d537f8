//! Calls on data.

use bytes::Bytes;
use kv_proto::command::{Key, Set};
use kv_proto::{Command, EncodedValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Client;
use crate::answer::Answer;
use crate::error::Error;
use crate::set_options::SetOptions;
use crate::value::{from_encoded, to_value};

/// Copies a key out of whatever holds it.
pub(crate) fn key_of(key: impl AsRef<[u8]>) -> Key {
    Bytes::copy_from_slice(key.as_ref())
}

/// The stored form of anything that serializes.
pub(crate) fn encoded<T: Serialize + ?Sized>(value: &T) -> Result<EncodedValue, Error> {
    Ok(EncodedValue::from(&to_value(value)?))
}

impl Client {
    pub(crate) async fn ask(&self, command: Command) -> Result<Answer, Error> {
        Ok(Answer::new(self.execute(command).await?))
    }

    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// If the value is not a `T`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
    ) -> Result<Option<T>, Error> {
        self.ask(Command::Get(key_of(key))).await?.value()
    }

    /// The value of `key` in its encoding, if there is one: nothing is lost, whatever it is.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get_encoded(&self, key: impl AsRef<[u8]>) -> Result<Option<EncodedValue>, Error> {
        self.ask(Command::Get(key_of(key))).await?.encoded()
    }

    /// The bytes of `key`, if there is such a key: what [`Client::set_bytes`] or a Redis client
    /// stored. Text counts as bytes.
    ///
    /// # Errors
    /// If the value is neither bytes nor text.
    pub async fn get_bytes(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        use kv_proto::Tag;
        match self.get_encoded(key).await? {
            None => Ok(None),
            Some(value) if matches!(value.tag, Tag::Bytes | Tag::Str) => Ok(Some(value.payload)),
            Some(value) => Err(Error::Answer {
                expected: "bytes",
                found: value.tag.name().to_owned(),
            }),
        }
    }

    /// The values of many keys, in their order.
    ///
    /// # Errors
    /// If one of the values is not a `T`.
    pub async fn bulk_get<T: DeserializeOwned>(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Vec<Option<T>>, Error> {
        let keys = keys.into_iter().map(key_of).collect();
        let replies = self.ask(Command::MGet(keys)).await?.array()?;
        replies
            .into_iter()
            .map(|reply| Answer::new(reply).value())
            .collect()
    }

    /// Stores a value. An expiry that the key had is gone.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<(), Error> {
        let set = Set::new(key_of(key), encoded(value)?);
        self.ask(Command::Set(set)).await?.done()
    }

    /// Stores a value under conditions or with an expiry; whether it was stored.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// use std::time::Duration;
    /// use kv_client::SetOptions;
    ///
    /// let lease = SetOptions::new().if_absent().ttl(Duration::from_secs(30));
    /// if client.set_with("lock", &"me", lease).await? {
    ///     // ours for half a minute
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_with<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        options: SetOptions,
    ) -> Result<bool, Error> {
        self.set_encoded(key, encoded(value)?, options).await
    }

    /// Stores a value that is encoded already; whether it was stored.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_encoded(
        &self,
        key: impl AsRef<[u8]>,
        value: EncodedValue,
        options: SetOptions,
    ) -> Result<bool, Error> {
        let set = options.apply(Set::new(key_of(key), value));
        self.ask(Command::Set(set)).await?.took_effect()
    }

    /// Stores bytes exactly as they are, as a Redis client does.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_bytes(
        &self,
        key: impl AsRef<[u8]>,
        bytes: impl Into<Bytes>,
    ) -> Result<(), Error> {
        let set = Set::new(key_of(key), EncodedValue::from_bytes(bytes.into()));
        self.ask(Command::Set(set)).await?.done()
    }

    /// Stores all pairs in one step: all of them or, on an error, none.
    ///
    /// A server takes up to 1024 at once by default; for more, see [`Client::pipeline`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn bulk_set<K: AsRef<[u8]>, T: Serialize>(
        &self,
        pairs: impl IntoIterator<Item = (K, T)>,
    ) -> Result<(), Error> {
        let pairs: Result<Vec<_>, Error> = pairs
            .into_iter()
            .map(|(key, value)| Ok((key_of(key), encoded(&value)?)))
            .collect();
        let command = Command::MSet {
            pairs: pairs?,
            only_if_none_exists: false,
        };
        self.ask(command).await?.done()
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        Ok(self.bulk_delete([key]).await? != 0)
    }

    /// Removes keys in one step; how many were there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn bulk_delete(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<u64, Error> {
        let keys = keys.into_iter().map(key_of).collect();
        count(self.ask(Command::Del(keys)).await?)
    }

    /// Whether the key is there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn exists(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.ask(Command::Exists(vec![key_of(key)]))
            .await?
            .took_effect()
    }

    /// How many keys there are.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn count(&self) -> Result<u64, Error> {
        count(self.ask(Command::DbSize).await?)
    }

    /// Stores `new` if the value equals `old`; whether it did.
    ///
    /// To store only if there is no value yet, see [`SetOptions::if_absent`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn cas<O: Serialize + ?Sized, N: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        old: &O,
        new: &N,
    ) -> Result<bool, Error> {
        let (old, new) = (Some(encoded(old)?), Some(encoded(new)?));
        self.cas_encoded(key, old, new).await
    }

    /// Compares and sets, where `None` is "no such key"; whether it did.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn cas_encoded(
        &self,
        key: impl AsRef<[u8]>,
        old: Option<EncodedValue>,
        new: Option<EncodedValue>,
    ) -> Result<bool, Error> {
        let key = key_of(key);
        self.ask(Command::Cas { key, old, new })
            .await?
            .took_effect()
    }

    /// Adds `delta` to an integer, 0 if there is none; the sum.
    ///
    /// # Errors
    /// Also if the value is not an integer, or the sum is out of bounds.
    pub async fn incr(&self, key: impl AsRef<[u8]>, delta: i64) -> Result<i64, Error> {
        let key = key_of(key);
        self.ask(Command::IncrBy { key, delta }).await?.int()
    }

    /// Adds `delta` to a number, 0 if there is none; the sum.
    ///
    /// # Errors
    /// Also if the value is not a number.
    pub async fn incr_float(&self, key: impl AsRef<[u8]>, delta: f64) -> Result<f64, Error> {
        let key = key_of(key);
        self.ask(Command::IncrByFloat { key, delta }).await?.float()
    }

    /// The entries with `start <= key < end` in key order, at most `limit`; without an `end`, to
    /// the last. For many entries, see [`Client::range_pages`](Client::range_pages).
    ///
    /// # Errors
    /// If a value in the range is not a `T`.
    pub async fn range<T: DeserializeOwned>(
        &self,
        start: impl AsRef<[u8]>,
        end: Option<&[u8]>,
        limit: u64,
    ) -> Result<Vec<(Bytes, T)>, Error> {
        let command = Command::Range {
            start: key_of(start),
            end: end.map(key_of),
            limit,
            reverse: false,
        };
        let typed = |(key, value)| Ok((key, from_encoded(&value)?));
        pairs(self.ask(command).await?)?
            .into_iter()
            .map(typed)
            .collect()
    }
}

pub(crate) fn count(answer: Answer) -> Result<u64, Error> {
    // A count is never negative.
    Ok(u64::try_from(answer.int()?).unwrap_or(0))
}

/// Key, value, key, value, …
pub(crate) fn pairs(answer: Answer) -> Result<Vec<(Bytes, EncodedValue)>, Error> {
    let mut items = answer.array()?.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let Some(key) = items.next() {
        let key = Answer::new(key).bytes()?;
        let value = items
            .next()
            .map(Answer::new)
            .map(Answer::encoded)
            .transpose()?
            .flatten();
        let value = value.ok_or_else(|| Error::Answer {
            expected: "a value for each key",
            found: format!("none for {}", key.escape_ascii()),
        })?;
        pairs.push((key, value));
    }
    Ok(pairs)
}
