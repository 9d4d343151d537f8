//! Reads: what the commands that change nothing answer.

use bytes::Bytes;
use kv_proto::command::TtlForm;
use kv_proto::{Command, Entry, ErrorReply, Reply};

use super::{Db, RESP_TYPE, text};

/// The entries as they are at one time.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) db: &'a Db,
    pub(super) now_ms: u64,
}

impl View<'_> {
    /// The entry of `key`, if it is there and not expired.
    pub(super) fn get(&self, key: &[u8]) -> Option<Entry> {
        self.db
            .keyspace
            .get(key)
            .filter(|entry| !entry.is_expired(self.now_ms))
    }

    /// Answers a command that changes nothing.
    ///
    /// # Panics
    /// If it is a write.
    pub(super) fn read(&self, command: &Command) -> Reply {
        match command {
            Command::Get(key) => self.value(key),
            Command::MGet(keys) => Reply::Array(keys.iter().map(|key| self.value(key)).collect()),
            Command::Exists(keys) | Command::Touch(keys) => self.count(keys),
            Command::Type(key) => self.type_name(key),
            Command::StrLen(key) => or_error(self.text_len(key)),
            Command::GetRange { key, start, end } => or_error(self.slice(key, *start, *end)),
            Command::Ttl { key, form } => Reply::Int(self.ttl(key, *form)),
            Command::DbSize => Reply::Int(signed(self.db.key_count())),
            Command::Meta(key) => self.meta(key),
            Command::Versions(keys) => self.versions(keys),
            Command::Transaction { watches, commands } if !command.is_write() => {
                match self.unchanged(watches) {
                    true => Reply::Array(commands.iter().map(|inner| self.read(inner)).collect()),
                    false => Reply::NilArray,
                }
            }
            search if search.is_search() => or_error(self.search(search)),
            walk => self.walk(walk),
        }
    }

    fn value(&self, key: &[u8]) -> Reply {
        self.get(key).map_or(Reply::Nil, Reply::Entry)
    }

    fn count(&self, keys: &[kv_proto::command::Key]) -> Reply {
        Reply::count(keys.iter().filter(|key| self.get(key).is_some()).count())
    }

    fn type_name(&self, key: &[u8]) -> Reply {
        let name = match self.get(key) {
            Some(_) => RESP_TYPE,
            None => "none",
        };
        Reply::Status(name.into())
    }

    pub(super) fn text_len(&self, key: &[u8]) -> Result<Reply, ErrorReply> {
        match self.get(key) {
            Some(entry) => Ok(Reply::count(text::of(&entry)?.len())),
            None => Ok(Reply::Int(0)),
        }
    }

    fn slice(&self, key: &[u8], start: i64, end: i64) -> Result<Reply, ErrorReply> {
        let Some(entry) = self.get(key) else {
            return Ok(Reply::text(""));
        };
        let text = text::of(&entry)?;
        let range = text::slice_range(text.len(), start, end);
        Ok(Reply::Bytes(text[range].to_vec().into()))
    }

    fn ttl(&self, key: &[u8], form: TtlForm) -> i64 {
        let Some(entry) = self.get(key) else {
            return -2;
        };
        let Some(at_ms) = entry.expires_at_ms() else {
            return -1;
        };
        let left_ms = at_ms.saturating_sub(self.now_ms);
        signed(match form {
            TtlForm::Seconds => left_ms.saturating_add(500) / 1000,
            TtlForm::Millis => left_ms,
            TtlForm::UnixSeconds => at_ms.saturating_add(500) / 1000,
            TtlForm::UnixMillis => at_ms,
        })
    }

    fn meta(&self, key: &[u8]) -> Reply {
        let Some(entry) = self.get(key) else {
            return Reply::Nil;
        };
        let expires_at = entry
            .expires_at_ms()
            .map_or(Reply::Nil, |ms| Reply::Int(signed(ms)));
        let mut fields = vec![
            (Reply::text("version"), Reply::Int(signed(entry.version()))),
            (Reply::text("expires_at_ms"), expires_at),
            (Reply::text("type"), Reply::text(entry.tag().name())),
            (Reply::text("bytes"), Reply::count(entry.payload().len())),
        ];
        if entry.dimensions() > 0 {
            let vector = Bytes::copy_from_slice(entry.vector_bytes());
            let dimensions = Reply::count(entry.dimensions());
            fields.push((Reply::text("vector_dims"), dimensions));
            fields.push((Reply::text("vector"), Reply::Bytes(vector)));
        }
        Reply::Map(fields)
    }

    fn versions(&self, keys: &[kv_proto::command::Key]) -> Reply {
        let versions = keys.iter().map(|key| Reply::Int(signed(self.version(key))));
        Reply::Array(versions.collect())
    }

    /// The version of a key, 0 if it is absent.
    fn version(&self, key: &[u8]) -> u64 {
        self.get(key).map_or(0, |entry| entry.version())
    }

    /// Whether every watched key still has its version.
    pub(super) fn unchanged(&self, watches: &[kv_proto::command::Watch]) -> bool {
        watches
            .iter()
            .all(|watch| self.version(&watch.key) == watch.version)
    }
}

/// Counts and times as RESP has them.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn or_error(result: Result<Reply, ErrorReply>) -> Reply {
    result.unwrap_or_else(Reply::Error)
}
