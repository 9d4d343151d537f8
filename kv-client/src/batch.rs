//! Many commands at once: sent together, or executed together.

use std::time::Duration;

use bytes::Bytes;
use kv_proto::command::{ExpireCondition, Set, TtlForm, Watch, When};
use kv_proto::{Command, EncodedValue, Reply};
use serde::Serialize;

use crate::answer::{Answer, unexpected};
use crate::client::{Client, encoded, key_of, millis};
use crate::error::Error;
use crate::set_options::SetOptions;

/// Commands that are sent in one write; see [`Client::pipeline`].
pub type Pipeline = Batch<Together>;

/// Commands that are executed in one step; see [`Client::transaction`].
pub type Transaction = Batch<Atomic>;

/// Commands in the making; [`Pipeline`] and [`Transaction`] are its two kinds.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent until `run`"]
pub struct Batch<Kind> {
    client: Client,
    commands: Vec<Command>,
    error: Option<Error>,
    kind: Kind,
}

/// Marks a [`Pipeline`].
#[derive(Debug, Clone, Default)]
pub struct Together(());

/// Marks a [`Transaction`].
#[derive(Debug, Clone, Default)]
pub struct Atomic {
    watches: Vec<Watch>,
}

impl Client {
    /// Collects commands to send in one go, so that many cost little more than one.
    ///
    /// They are executed in order, each by itself: others' commands may come in between, and a
    /// failing one does not stop the next.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// let answers = client.pipeline().set("a", &1).incr("a", 1).get("a").run().await?;
    /// let [_, sum, _] = <[_; 3]>::try_from(answers).expect("one answer each");
    /// assert_eq!(sum?.int()?, 2);
    /// # Ok(()) }
    /// ```
    pub fn pipeline(&self) -> Pipeline {
        Batch::new(self.clone())
    }

    /// Collects commands to execute in one step: either all or none, and nobody sees a state in
    /// between. A server takes up to 1024 by default.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// client.transaction().incr("from", -5).incr("to", 5).run().await?;
    /// # Ok(()) }
    /// ```
    pub fn transaction(&self) -> Transaction {
        Batch::new(self.clone())
    }

    /// The version of a key, 0 if there is none, for [`Transaction::watch`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn version(&self, key: impl AsRef<[u8]>) -> Result<u64, Error> {
        let versions = self
            .ask(Command::Versions(vec![key_of(key)]))
            .await?
            .array()?;
        match versions.as_slice() {
            [Reply::Int(version)] => Ok(u64::try_from(*version).unwrap_or(0)),
            other => Err(Error::Answer {
                expected: "one version",
                found: format!("{} replies", other.len()),
            }),
        }
    }
}

impl<Kind: Default> Batch<Kind> {
    fn new(client: Client) -> Batch<Kind> {
        Batch {
            client,
            commands: Vec::new(),
            error: None,
            kind: Kind::default(),
        }
    }
}

impl<Kind> Batch<Kind> {
    /// How many commands there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Adds any command.
    pub fn command(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    /// Adds a [`Client::get`]; answers [`Answer::value`].
    pub fn get(self, key: impl AsRef<[u8]>) -> Self {
        self.command(Command::Get(key_of(key)))
    }

    /// Adds a [`Client::set`]; answers [`Answer::done`].
    pub fn set<T: Serialize + ?Sized>(self, key: impl AsRef<[u8]>, value: &T) -> Self {
        self.set_with(key, value, SetOptions::new())
    }

    /// Adds a [`Client::set_with`]; answers [`Answer::took_effect`].
    pub fn set_with<T: Serialize + ?Sized>(
        mut self,
        key: impl AsRef<[u8]>,
        value: &T,
        options: SetOptions,
    ) -> Self {
        match encoded(value) {
            Ok(value) => self.set_encoded(key, value, options),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// Adds a [`Client::set_encoded`]; answers [`Answer::took_effect`].
    pub fn set_encoded(
        self,
        key: impl AsRef<[u8]>,
        value: EncodedValue,
        options: SetOptions,
    ) -> Self {
        self.command(Command::Set(options.apply(Set::new(key_of(key), value))))
    }

    /// Adds a [`Client::set_bytes`]; answers [`Answer::done`].
    pub fn set_bytes(self, key: impl AsRef<[u8]>, bytes: impl Into<Bytes>) -> Self {
        self.set_encoded(
            key,
            EncodedValue::from_bytes(bytes.into()),
            SetOptions::new(),
        )
    }

    /// Adds a [`Client::delete`]; answers [`Answer::took_effect`].
    pub fn delete(self, key: impl AsRef<[u8]>) -> Self {
        self.command(Command::Del(vec![key_of(key)]))
    }

    /// Adds a [`Client::exists`]; answers [`Answer::took_effect`].
    pub fn exists(self, key: impl AsRef<[u8]>) -> Self {
        self.command(Command::Exists(vec![key_of(key)]))
    }

    /// Adds a [`Client::incr`]; answers [`Answer::int`].
    pub fn incr(self, key: impl AsRef<[u8]>, delta: i64) -> Self {
        let key = key_of(key);
        self.command(Command::IncrBy { key, delta })
    }

    /// Adds a [`Client::cas_encoded`]; answers [`Answer::took_effect`].
    pub fn cas_encoded(
        self,
        key: impl AsRef<[u8]>,
        old: Option<EncodedValue>,
        new: Option<EncodedValue>,
    ) -> Self {
        let key = key_of(key);
        self.command(Command::Cas { key, old, new })
    }

    /// Adds a [`Client::expire`]; answers [`Answer::took_effect`].
    pub fn expire(self, key: impl AsRef<[u8]>, ttl: Duration) -> Self {
        self.command(Command::ExpireAt {
            key: key_of(key),
            when: When::InMs(millis(ttl)),
            condition: ExpireCondition::Always,
        })
    }

    /// Adds a question for the expiry of a key; answers, as [`Answer::int`], unix milliseconds,
    /// -1 if it has none and -2 if there is no such key.
    pub fn expires_at(self, key: impl AsRef<[u8]>) -> Self {
        self.command(Command::Ttl {
            key: key_of(key),
            form: TtlForm::UnixMillis,
        })
    }
}

impl Pipeline {
    /// Sends everything; an answer or an error for each command, in order.
    ///
    /// If nothing of it happened, say because a leader moved, all of it is sent again; otherwise
    /// nothing is.
    ///
    /// # Errors
    /// If a value did not convert or a key is too long: then nothing was sent. If time ran out:
    /// then it is not known what became of each command.
    pub async fn run(self) -> Result<Vec<Result<Answer, Error>>, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let request = |command| self.client.request(command);
        let calls: Result<Vec<_>, Error> = self.commands.into_iter().map(request).collect();
        let outcomes = self.client.call_many(&calls?).await?;
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.map(Answer::new))
            .collect())
    }
}

impl Transaction {
    /// Execute only if the key still has this version; see [`Client::version`].
    pub fn watch(mut self, key: impl AsRef<[u8]>, version: u64) -> Self {
        let key = key_of(key);
        self.kind.watches.push(Watch { key, version });
        self
    }

    /// Executes everything; an answer or an error for each command, in order, or `None` if a
    /// watched key has changed. A command's own error does not undo the others.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn run(self) -> Result<Option<Vec<Result<Answer, Error>>>, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let command = Command::Transaction {
            watches: self.kind.watches,
            commands: self.commands,
        };
        match self.client.execute(command).await? {
            Reply::NilArray | Reply::Nil => Ok(None),
            Reply::Array(replies) => Ok(Some(replies.into_iter().map(own_answer).collect())),
            other => Err(unexpected("an array", &other)),
        }
    }
}

fn own_answer(reply: Reply) -> Result<Answer, Error> {
    match reply {
        Reply::Error(refused) => Err(refused.into()),
        reply => Ok(Answer::new(reply)),
    }
}
