//! What clients ask: operations on registers, counters, groups of keys and keys of their own; as
//! commands, and replies as answers of a history.

use std::sync::Arc;

use bytes::Bytes;
use kv_proto::command::{Expiry, Set, When};
use kv_proto::{Command, EncodedValue, Reply, Tag};
use kv_sim::{Action, Answer, Datum, Random, mix};

use super::settings::Shape;

const REGISTERS: u64 = 12;
const COUNTERS: u64 = 4;
const GROUPS: u64 = 3;

/// Keys that expire; nobody reads them, but all nodes must agree on them.
const EXPIRING: u64 = 6;

/// Keys of a group.
const GROUP_KEYS: usize = 3;

/// An operation of a client.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) key: Arc<str>,
    pub(super) action: Action,
}

/// Draws operations, and knows how values look as bytes.
#[derive(Debug)]
pub(super) struct Workload {
    pub(super) value_bytes_max: u64,
    pub(super) read_permille: u32,
    /// Values so far: each is written once only.
    values: u64,
}

impl Workload {
    pub(super) fn new(shape: &Shape) -> Workload {
        Workload {
            value_bytes_max: shape.value_bytes_max,
            read_permille: shape.read_permille,
            values: 0,
        }
    }

    /// The next operation of a client, whose last value seen of a key `seen` tells.
    pub(super) fn wish(
        &mut self,
        random: &mut Random,
        client: usize,
        seen: &dyn Fn(&str) -> Datum,
    ) -> Wish {
        let is_read = random.chance(self.read_permille);
        match random.below(20) {
            0..=8 => self.on_register(random, is_read, seen),
            9..=12 => on_counter(random, is_read),
            13..=15 => self.on_group(random, is_read),
            16 => self.on_expiring(random),
            _ => self.on_own(client, is_read),
        }
    }

    fn on_register(
        &mut self,
        random: &mut Random,
        is_read: bool,
        seen: &dyn Fn(&str) -> Datum,
    ) -> Wish {
        let key: Arc<str> = format!("r{}", random.below(REGISTERS)).into();
        let action = match random.below(8) {
            _ if is_read => Action::Get,
            0 => Action::Delete,
            1..=3 => Action::Cas {
                old: seen(&key),
                new: self.value(),
            },
            _ => Action::Set(self.value()),
        };
        Wish { key, action }
    }

    fn on_group(&mut self, random: &mut Random, is_read: bool) -> Wish {
        let key = format!("g{}", random.below(GROUPS)).into();
        let action = match is_read {
            true => Action::GetAll,
            false => Action::SetAll(self.value()),
        };
        Wish { key, action }
    }

    fn on_expiring(&mut self, random: &mut Random) -> Wish {
        let key = format!("e{}", random.below(EXPIRING)).into();
        let action = Action::Set(self.value());
        Wish { key, action }
    }

    /// On a key that this client alone writes, in ascending order: for sessions.
    fn on_own(&mut self, client: usize, is_read: bool) -> Wish {
        let key = format!("s{client}").into();
        self.values += 1;
        let action = match is_read {
            true => Action::Stale,
            false => Action::Set(Datum::Int(i64::try_from(self.values).expect("few values"))),
        };
        Wish { key, action }
    }

    /// A text that nobody has written.
    fn value(&mut self) -> Datum {
        self.values += 1;
        Datum::Text(format!("v{}", self.values).into())
    }

    /// What is asked of a node.
    pub(super) fn command(&self, wish: &Wish) -> Command {
        let key = Bytes::copy_from_slice(wish.key.as_bytes());
        match &wish.action {
            Action::Get | Action::Stale => Command::Get(key),
            Action::Set(value) => Command::Set(Set {
                expiry: expiry(&wish.key),
                ..Set::new(key, self.encoded(value))
            }),
            Action::Delete => Command::Del(vec![key]),
            Action::Cas { old, new } => Command::Cas {
                key,
                old: (*old != Datum::Absent).then(|| self.encoded(old)),
                new: Some(self.encoded(new)),
            },
            Action::Increment(delta) => Command::IncrBy { key, delta: *delta },
            Action::GetAll => Command::MGet(group(&wish.key).collect()),
            Action::SetAll(value) => Command::MSet {
                pairs: group(&wish.key)
                    .map(|key| (key, self.encoded(value)))
                    .collect(),
                only_if_none_exists: false,
            },
        }
    }

    /// What a reply says, if it is one to the wish.
    pub(super) fn answer(&self, wish: &Wish, reply: &Reply) -> Option<Answer> {
        match (&wish.action, reply) {
            (Action::Get | Action::Stale, reply) => self.datum(reply).map(Answer::Value),
            (Action::GetAll, Reply::Array(replies)) => {
                let values = replies.iter().map(|reply| self.datum(reply));
                values.collect::<Option<_>>().map(Answer::Values)
            }
            (Action::Set(_) | Action::SetAll(_), Reply::Ok) => Some(Answer::Done),
            (Action::Delete | Action::Cas { .. }, Reply::Int(count @ (0 | 1))) => {
                Some(Answer::Flag(*count == 1))
            }
            (Action::Cas { .. }, Reply::Bool(flag)) => Some(Answer::Flag(*flag)),
            (Action::Increment(_), Reply::Int(sum)) => Some(Answer::Value(Datum::Int(*sum))),
            _ => None,
        }
    }

    fn datum(&self, reply: &Reply) -> Option<Datum> {
        match reply {
            Reply::Nil => Some(Datum::Absent),
            Reply::Int(number) => Some(Datum::Int(*number)),
            Reply::Bytes(bytes) => self.parse(bytes),
            Reply::Entry(entry) if entry.tag() == Tag::Bytes => self.parse(entry.payload()),
            Reply::Entry(entry) => match entry.value().ok()? {
                kv_proto::Value::Int(number) => Some(Datum::Int(number)),
                _ => None,
            },
            _ => None,
        }
    }

    /// A value's bytes, to the last one, or they are none that anybody wrote.
    fn parse(&self, bytes: &[u8]) -> Option<Datum> {
        let text = std::str::from_utf8(bytes).ok()?;
        if let Ok(number) = text.parse() {
            return Some(Datum::Int(number));
        }
        let name = text.split(' ').next()?;
        let datum = Datum::Text(name.into());
        (*self.bytes(&datum) == *bytes).then_some(datum)
    }

    fn encoded(&self, value: &Datum) -> EncodedValue {
        EncodedValue::from_bytes(self.bytes(value).into())
    }

    /// Text is padded to any length, which follows from it.
    fn bytes(&self, value: &Datum) -> Vec<u8> {
        match value {
            Datum::Absent => Vec::new(),
            Datum::Int(number) => number.to_string().into_bytes(),
            Datum::Text(name) => {
                let number = name
                    .bytes()
                    .fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
                let pad = usize::try_from(number % self.value_bytes_max).unwrap_or(0);
                let mut bytes = name.as_bytes().to_vec();
                bytes.push(b' ');
                bytes.resize(bytes.len() + pad, b'x');
                bytes
            }
        }
    }

    /// A read of each key and group that anybody may have written.
    pub(super) fn all_reads(clients: usize) -> Vec<Wish> {
        let get = |key: String, action| Wish {
            key: key.into(),
            action,
        };
        let registers = (0..REGISTERS).map(|n| get(format!("r{n}"), Action::Get));
        let counters = (0..COUNTERS).map(|n| get(format!("n{n}"), Action::Get));
        let groups = (0..GROUPS).map(|n| get(format!("g{n}"), Action::GetAll));
        let own = (0..clients).map(|n| get(format!("s{n}"), Action::Get));
        registers.chain(counters).chain(groups).chain(own).collect()
    }
}

fn expiry(key: &str) -> Expiry {
    match key.starts_with('e') {
        true => Expiry::At(When::InMs(300)),
        false => Expiry::Clear,
    }
}

fn on_counter(random: &mut Random, is_read: bool) -> Wish {
    let key = format!("n{}", random.below(COUNTERS)).into();
    let action = match is_read {
        true => Action::Get,
        false => Action::Increment(1),
    };
    Wish { key, action }
}

fn group(key: &str) -> impl Iterator<Item = Bytes> + use<'_> {
    (0..GROUP_KEYS).map(move |place| Bytes::from(format!("{key}.{place}")))
}

/// Whether it changes anything.
pub(super) fn is_write(action: &Action) -> bool {
    !matches!(action, Action::Get | Action::GetAll | Action::Stale)
}
