//! The state machine against a naive one, over random commands.

use std::collections::BTreeMap;

use bytes::Bytes;
use kv_node::{Db, Stamp};
use kv_proto::command::{
    ExpireCondition, Expiry, Key, Set, SetCondition, SetReply, TtlForm, Watch, When,
};
use kv_proto::{Command, EncodedValue, Entry, Reply, Tag};
use proptest::prelude::*;

mod strategy;

use strategy::{command, write};

/// The naive state machine: one map, every rule spelled out.
#[derive(Default, Clone)]
struct Model {
    entries: BTreeMap<Vec<u8>, Entry>,
    stamp: Stamp,
}

type Answer = Result<Reply, &'static str>;

const NOT_INT: &str = "value is not an integer or out of range";
const WRONG_TYPE: &str = "Operation against a key holding the wrong kind of value";

impl Model {
    fn run(&mut self, stamp: Stamp, command: &Command) -> Reply {
        self.stamp = stamp;
        self.answer(command)
            .unwrap_or_else(|message| error(message, message == WRONG_TYPE))
    }

    fn live(&self, key: &[u8]) -> Option<&Entry> {
        let entry = self.entries.get(key)?;
        (entry.expires_at_ms().unwrap_or(u64::MAX) > self.stamp.now_ms).then_some(entry)
    }

    fn live_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.keys().filter_map(|key| self.live(key))
    }

    fn put(&mut self, key: &[u8], tag: Tag, payload: &[u8], expires_at_ms: Option<u64>) {
        self.entries.remove(key);
        if expires_at_ms.is_none_or(|at| at > self.stamp.now_ms) {
            let entry = Entry::new(key, tag, payload, self.stamp.index, expires_at_ms);
            self.entries.insert(key.to_vec(), entry);
        }
    }

    fn text(&self, key: &[u8]) -> Result<Vec<u8>, &'static str> {
        match self.live(key) {
            None => Ok(Vec::new()),
            Some(entry) => text_of(entry).ok_or(WRONG_TYPE),
        }
    }

    fn expiry_of(&self, key: &[u8]) -> Option<u64> {
        self.live(key)?.expires_at_ms()
    }

    fn at(&self, when: When) -> u64 {
        match when {
            When::UnixMs(ms) => u64::try_from(ms).unwrap_or(0),
            When::InMs(ms) => self.stamp.now_ms.saturating_add_signed(ms),
        }
    }

    fn value(&self, key: &[u8]) -> Reply {
        self.live(key).cloned().map_or(Reply::Nil, Reply::Entry)
    }

    fn answer(&mut self, command: &Command) -> Answer {
        Ok(match command {
            Command::Set(set) => self.set(set),
            Command::MSet {
                pairs,
                only_if_none_exists,
            } => {
                let exists = pairs.iter().any(|(key, _)| self.live(key).is_some());
                if *only_if_none_exists && exists {
                    return Ok(Reply::Int(0));
                }
                for (key, value) in pairs {
                    self.put(key, value.tag, &value.payload, None);
                }
                match only_if_none_exists {
                    true => Reply::Int(1),
                    false => Reply::Ok,
                }
            }
            Command::Del(keys) => {
                let count = keys.iter().filter(|key| self.remove_live(key)).count();
                Reply::count(count)
            }
            Command::GetDel(key) => {
                let reply = self.value(key);
                self.remove_live(key);
                reply
            }
            Command::GetEx { key, expiry } => self.get_ex(key, *expiry),
            Command::Flush => {
                self.entries.clear();
                Reply::Ok
            }
            Command::Sweep { limit } => self.sweep(*limit),
            Command::Cas { key, old, new } => self.cas(key, old.as_ref(), new.as_ref()),
            Command::Persist(key) => match self.live(key).cloned() {
                Some(entry) if entry.expires_at_ms().is_some() => {
                    self.put(key, entry.tag(), entry.payload(), None);
                    Reply::Int(1)
                }
                _ => Reply::Int(0),
            },
            Command::ExpireAt {
                key,
                when,
                condition,
            } => self.expire_at(key, *when, *condition),
            Command::Transaction { watches, commands } => {
                let same = |watch: &Watch| {
                    self.live(&watch.key).map_or(0, Entry::version) == watch.version
                };
                if !watches.iter().all(same) {
                    return Ok(Reply::NilArray);
                }
                let stamp = self.stamp;
                Reply::Array(
                    commands
                        .iter()
                        .map(|inner| self.run(stamp, inner))
                        .collect(),
                )
            }
            other => return self.answer_more(other),
        })
    }

    fn answer_more(&mut self, command: &Command) -> Answer {
        match command {
            Command::Append { key, suffix } => {
                let text = [self.text(key)?, suffix.to_vec()].concat();
                self.put(key, Tag::Bytes, &text, self.expiry_of(key));
                Ok(Reply::count(text.len()))
            }
            Command::SetRange { key, offset, patch } => {
                let mut text = self.text(key)?;
                let offset = usize::try_from(*offset).unwrap();
                if patch.is_empty() {
                    return Ok(Reply::count(text.len()));
                }
                while text.len() < offset + patch.len() {
                    text.push(0);
                }
                for (i, byte) in patch.iter().enumerate() {
                    text[offset + i] = *byte;
                }
                self.put(key, Tag::Bytes, &text, self.expiry_of(key));
                Ok(Reply::count(text.len()))
            }
            Command::IncrBy { key, delta } => self.incr_by(key, *delta),
            Command::IncrByFloat { key, delta } => self.incr_by_float(key, *delta),
            Command::Rename {
                from,
                to,
                only_if_absent,
            } => self.rename(from, to, *only_if_absent),
            Command::Copy { from, to, replace } => {
                if from == to {
                    return Err("source and destination objects are the same");
                }
                let Some(entry) = self.live(from).cloned() else {
                    return Ok(Reply::Int(0));
                };
                if self.live(to).is_some() && !replace {
                    return Ok(Reply::Int(0));
                }
                self.put(to, entry.tag(), entry.payload(), entry.expires_at_ms());
                Ok(Reply::Int(1))
            }
            read => self.read(read),
        }
    }

    fn remove_live(&mut self, key: &[u8]) -> bool {
        self.live(key).is_some() && self.entries.remove(key).is_some()
    }

    fn set(&mut self, set: &Set) -> Reply {
        let old = self.live(&set.key).cloned();
        let holds = match (&set.condition, &old) {
            (SetCondition::Always, _) => true,
            (SetCondition::IfAbsent, old) => old.is_none(),
            (SetCondition::IfPresent, old) => old.is_some(),
            (SetCondition::IfEqual(text), Some(old)) => shown(old) == *text,
            (SetCondition::IfEqual(_), None) => false,
        };
        if holds {
            let expires_at = match set.expiry {
                Expiry::Clear => None,
                Expiry::Keep => self.expiry_of(&set.key),
                Expiry::At(when) => Some(self.at(when)),
            };
            self.put(&set.key, set.value.tag, &set.value.payload, expires_at);
        }
        match (set.reply, holds) {
            (SetReply::OkOrNil, true) => Reply::Ok,
            (SetReply::OkOrNil, false) => Reply::Nil,
            (SetReply::Old, _) => old.map_or(Reply::Nil, Reply::Entry),
            (SetReply::Count, holds) => Reply::Int(i64::from(holds)),
        }
    }

    fn get_ex(&mut self, key: &[u8], expiry: Expiry) -> Reply {
        let Some(entry) = self.live(key).cloned() else {
            return Reply::Nil;
        };
        let expires_at = match expiry {
            Expiry::Keep => return Reply::Entry(entry),
            Expiry::Clear if entry.expires_at_ms().is_none() => return Reply::Entry(entry),
            Expiry::Clear => None,
            Expiry::At(When::UnixMs(..=0)) => {
                return Reply::err("invalid expire time in 'getex' command");
            }
            Expiry::At(when) => Some(self.at(when)),
        };
        self.put(key, entry.tag(), entry.payload(), expires_at);
        Reply::Entry(entry)
    }

    fn sweep(&mut self, limit: u64) -> Reply {
        let mut due: Vec<_> = self
            .entries
            .values()
            .filter(|entry| {
                entry
                    .expires_at_ms()
                    .is_some_and(|at| at <= self.stamp.now_ms)
            })
            .map(|entry| (entry.expires_at_ms(), entry.key().to_vec()))
            .collect();
        due.sort();
        due.truncate(usize::try_from(limit).unwrap());
        for (_, key) in &due {
            self.entries.remove(key);
        }
        Reply::count(due.len())
    }

    fn cas(&mut self, key: &[u8], old: Option<&EncodedValue>, new: Option<&EncodedValue>) -> Reply {
        let entry = self.live(key).cloned();
        let equal = match (&entry, old) {
            (None, None) => true,
            (Some(entry), Some(old)) if entry.tag() == old.tag => entry.payload() == old.payload,
            (Some(entry), Some(old)) if entry.tag() == Tag::Bytes => {
                let old = Entry::new(b"", old.tag, &old.payload, 0, None);
                shown(&old) == entry.payload()
            }
            _ => false,
        };
        if !equal {
            return Reply::Int(0);
        }
        match new {
            Some(new) => self.put(key, new.tag, &new.payload, self.expiry_of(key)),
            None => drop(self.remove_live(key)),
        }
        Reply::Int(1)
    }

    fn expire_at(&mut self, key: &[u8], when: When, condition: ExpireCondition) -> Reply {
        let Some(entry) = self.live(key).cloned() else {
            return Reply::Int(0);
        };
        let (old, new) = (entry.expires_at_ms(), self.at(when));
        let is_allowed = match condition {
            ExpireCondition::Always => true,
            ExpireCondition::IfNone => old.is_none(),
            ExpireCondition::IfSome => old.is_some(),
            ExpireCondition::IfLater => new > old.unwrap_or(u64::MAX),
            ExpireCondition::IfEarlier => new < old.unwrap_or(u64::MAX),
            ExpireCondition::IfSomeAndEarlier => old.is_some_and(|old| new < old),
        };
        if is_allowed {
            self.put(key, entry.tag(), entry.payload(), Some(new));
        }
        Reply::Int(i64::from(is_allowed))
    }

    fn incr_by(&mut self, key: &[u8], delta: i64) -> Answer {
        let (number, tag) = match self.live(key) {
            None => (0, Tag::Bytes),
            Some(entry) => {
                let text = text_of(entry).ok_or(WRONG_TYPE)?;
                let text = String::from_utf8(text).map_err(|_| NOT_INT)?;
                let number: i64 = text.parse().map_err(|_| NOT_INT)?;
                if number.to_string() != text {
                    return Err(NOT_INT);
                }
                (number, entry.tag())
            }
        };
        let sum = number
            .checked_add(delta)
            .ok_or("increment or decrement would overflow")?;
        let expires_at = self.expiry_of(key);
        match tag {
            Tag::Int => self.put(key, Tag::Int, &sum.to_le_bytes(), expires_at),
            _ => self.put(key, Tag::Bytes, sum.to_string().as_bytes(), expires_at),
        }
        Ok(Reply::Int(sum))
    }

    /// The deltas and values of this test are multiples of a half, so sums are exact.
    fn incr_by_float(&mut self, key: &[u8], delta: f64) -> Answer {
        let not_float = "value is not a valid float";
        let (number, tag) = match self.live(key) {
            None => (0.0, Tag::Bytes),
            Some(entry) => {
                let text = text_of(entry).ok_or(WRONG_TYPE)?;
                let text = String::from_utf8(text).map_err(|_| not_float)?;
                (text.parse::<f64>().map_err(|_| not_float)?, entry.tag())
            }
        };
        let sum = number + delta;
        let (text, expires_at) = (sum.to_string(), self.expiry_of(key));
        match tag {
            Tag::Int | Tag::Float => self.put(key, Tag::Float, &sum.to_le_bytes(), expires_at),
            _ => self.put(key, Tag::Bytes, text.as_bytes(), expires_at),
        }
        Ok(Reply::Bytes(text.into()))
    }

    fn rename(&mut self, from: &Key, to: &Key, only_if_absent: bool) -> Answer {
        let entry = self.live(from).cloned().ok_or("no such key")?;
        if only_if_absent && self.live(to).is_some() {
            return Ok(Reply::Int(0));
        }
        if from != to {
            self.put(to, entry.tag(), entry.payload(), entry.expires_at_ms());
            self.entries.remove(&from[..]);
        }
        Ok(match only_if_absent {
            true => Reply::Int(1),
            false => Reply::Ok,
        })
    }

    fn read(&self, command: &Command) -> Answer {
        Ok(match command {
            Command::Get(key) => self.value(key),
            Command::MGet(keys) => Reply::Array(keys.iter().map(|key| self.value(key)).collect()),
            Command::Exists(keys) | Command::Touch(keys) => {
                Reply::count(keys.iter().filter(|key| self.live(key).is_some()).count())
            }
            Command::Type(key) => Reply::Status(match self.live(key) {
                Some(_) => "string".into(),
                None => "none".into(),
            }),
            Command::StrLen(key) => Reply::count(self.text(key)?.len()),
            Command::GetRange { key, start, end } => {
                Reply::Bytes(slice(&self.text(key)?, *start, *end).into())
            }
            Command::Ttl { key, form } => Reply::Int(self.ttl(key, *form)),
            Command::DbSize => Reply::count(self.entries.len()),
            Command::Keys { .. } => Reply::Array(self.live_entries().map(key_reply).collect()),
            Command::Range {
                start,
                end,
                limit,
                reverse,
            } => {
                let in_range = |entry: &&Entry| {
                    *entry.key() >= **start && end.as_ref().is_none_or(|end| *entry.key() < **end)
                };
                let mut entries: Vec<_> = self.live_entries().filter(in_range).cloned().collect();
                if *reverse {
                    entries.reverse();
                }
                entries.truncate(usize::try_from(*limit).unwrap());
                let pairs = entries.into_iter();
                Reply::Array(
                    pairs
                        .flat_map(|e| [key_reply(&e), Reply::Entry(e)])
                        .collect(),
                )
            }
            Command::Versions(keys) => {
                let version = |key: &Key| self.live(key).map_or(0, Entry::version);
                let versions = keys
                    .iter()
                    .map(|key| Reply::Int(version(key).cast_signed()));
                Reply::Array(versions.collect())
            }
            other => panic!("{other:?} is not in the test"),
        })
    }

    fn ttl(&self, key: &[u8], form: TtlForm) -> i64 {
        let Some(entry) = self.live(key) else {
            return -2;
        };
        let Some(at) = entry.expires_at_ms() else {
            return -1;
        };
        let left = at - self.stamp.now_ms;
        let number = match form {
            TtlForm::Seconds => (left + 500) / 1000,
            TtlForm::Millis => left,
            TtlForm::UnixSeconds => (at + 500) / 1000,
            TtlForm::UnixMillis => at,
        };
        number.cast_signed()
    }
}

fn slice(text: &[u8], start: i64, end: i64) -> Vec<u8> {
    let len = i64::try_from(text.len()).unwrap();
    if start < 0 && end < 0 && start > end {
        return Vec::new();
    }
    let start = if start < 0 {
        (len + start).max(0)
    } else {
        start
    };
    let end = if end < 0 {
        (len + end).max(0)
    } else {
        end.min(len - 1)
    };
    let index = 0..len;
    index
        .filter(|i| (start..=end).contains(i))
        .map(|i| text[usize::try_from(i).unwrap()])
        .collect()
}

fn key_reply(entry: &Entry) -> Reply {
    Reply::Bytes(Bytes::copy_from_slice(entry.key()))
}

fn text_of(entry: &Entry) -> Option<Vec<u8>> {
    match entry.tag() {
        Tag::List | Tag::Map => None,
        _ => Some(shown(entry)),
    }
}

/// What a GET shows.
fn shown(entry: &Entry) -> Vec<u8> {
    match entry.tag() {
        Tag::Bytes | Tag::Str => entry.payload().to_vec(),
        _ => entry.value().unwrap().to_json().into_bytes(),
    }
}

fn error(message: &'static str, is_wrong_type: bool) -> Reply {
    let code = match is_wrong_type {
        true => kv_proto::ErrorCode::WrongType,
        false => kv_proto::ErrorCode::Err,
    };
    Reply::Error(kv_proto::ErrorReply::new(code, message))
}

const START_MS: u64 = 1_000_000;

/// Keys come in any order.
fn sorted(command: &Command, reply: Reply) -> Reply {
    match (command, reply) {
        (Command::Keys { .. }, Reply::Array(mut keys)) => {
            keys.sort_by_key(|key| format!("{key:?}"));
            Reply::Array(keys)
        }
        (Command::Transaction { commands, .. }, Reply::Array(replies)) => {
            let pairs = commands.iter().zip(replies);
            Reply::Array(pairs.map(|(inner, reply)| sorted(inner, reply)).collect())
        }
        (_, reply) => reply,
    }
}

/// Runs the commands, each some time after the one before, and returns the digest in the end.
fn compare(steps: &[(u64, Command)]) -> u64 {
    let (db, mut model) = (Db::with_seed(1), Model::default());
    let (mut index, mut now_ms) = (0, START_MS);
    for (delay_ms, command) in steps {
        now_ms += delay_ms;
        let found = match command.is_write() {
            true => {
                index += 1;
                db.apply(Stamp { index, now_ms }, command)
            }
            false => db.read(now_ms, command),
        };
        let expected = model.run(Stamp { index, now_ms }, command);
        assert_eq!(
            sorted(command, found),
            sorted(command, expected),
            "{command:?} at {now_ms}"
        );
        assert_eq!(db.key_count(), model.entries.len() as u64);
        let expiring = model
            .entries
            .values()
            .filter(|e| e.expires_at_ms().is_some());
        assert_eq!(db.expiring_key_count(), expiring.clone().count() as u64);
        let next = expiring.filter_map(Entry::expires_at_ms).min();
        assert_eq!(db.next_deadline_ms(), next);
    }
    db.digest()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_state_machine_does_what_the_model_does(
        steps in prop::collection::vec((prop_oneof![Just(0u64), 0..100u64], command()), 1..60)
    ) {
        compare(&steps);
    }

    #[test]
    fn the_same_commands_give_the_same_states(
        steps in prop::collection::vec((0..100u64, write()), 1..40)
    ) {
        prop_assert_eq!(compare(&steps), compare(&steps));
    }
}
