//! What a client asks of the data.
//!
//! A [`Command`] is evaluated by the state machine, once, at its place in the log: the reply and
//! every effect depend only on the data before it and on the stamp it was logged with. So each
//! replica and each recovery computes the same.
//!
//! Commands about the connection (PING, AUTH, SUBSCRIBE, MULTI, …) are not here: no log and no
//! replica ever sees them.

use bytes::Bytes;

use crate::value::EncodedValue;

mod codec;

pub use codec::CommandError;

/// A key: any bytes.
pub type Key = Bytes;

/// A command with what this one request wants of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Debug mode: the chance, 0 to 1, that the write fails to reach memory though its log record
    /// is whole. Servers refuse it unless they were started to allow it.
    pub fault: Option<f64>,
}

impl From<Command> for Request {
    fn from(command: Command) -> Request {
        Request {
            command,
            fault: None,
        }
    }
}

/// A command on data.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The value of a key, or nil.
    Get(Key),
    /// The values of keys, nil where there is none: an array.
    MGet(Vec<Key>),
    /// How many of the keys exist, counting repeats.
    Exists(Vec<Key>),
    /// The RESP type name of a key's value: `string`, or `none`.
    Type(Key),
    /// Bytes in the value's text; 0 for none.
    StrLen(Key),
    /// A slice of the value's text; both ends inclusive, negative counts from the end.
    GetRange {
        /// Which entry.
        key: Key,
        /// First byte.
        start: i64,
        /// Last byte.
        end: i64,
    },
    /// Time to live: -2 no such key, -1 no expiry.
    Ttl {
        /// Which entry.
        key: Key,
        /// What is answered.
        form: TtlForm,
    },
    /// How many keys there are.
    DbSize,
    /// Any key, or nil.
    RandomKey,
    /// All keys that match a glob pattern.
    Keys {
        /// Redis glob.
        pattern: Bytes,
    },
    /// Some keys and a cursor for the next ones; 0 begins, 0 ends.
    ///
    /// A key present from the first call to the last is returned at least once.
    Scan {
        /// 0, or what the call before returned.
        cursor: u64,
        /// Redis glob; all keys if absent.
        pattern: Option<Bytes>,
        /// About how many keys to look at.
        count: u64,
        /// Only keys of this RESP type.
        kind: Option<Bytes>,
    },
    /// Entries with `start <= key < end` in key order: an array key, value, key, value, …
    Range {
        /// First key.
        start: Key,
        /// First key no longer in; `None`: to the last.
        end: Option<Key>,
        /// At most so many entries.
        limit: u64,
        /// From the end backwards.
        reverse: bool,
    },
    /// A key's version, expiry, type and size: a map, or nil.
    Meta(Key),
    /// The keys' versions, 0 where there is none: an array. A `WATCH` remembers them.
    Versions(Vec<Key>),

    /// Stores a value.
    Set(Set),
    /// Stores all pairs, or with `only_if_none_exists` all or nothing (replies 1 or 0).
    MSet {
        /// Keys and values; the last one of equal keys wins.
        pairs: Vec<(Key, EncodedValue)>,
        /// MSETNX.
        only_if_none_exists: bool,
    },
    /// Removes keys; replies how many there were.
    Del(Vec<Key>),
    /// Removes a key and replies its value, or nil.
    GetDel(Key),
    /// The value of a key, whose expiry is changed too.
    GetEx {
        /// Which entry.
        key: Key,
        /// What becomes of the expiry.
        expiry: Expiry,
    },
    /// Appends to a value's text; replies the new length.
    Append {
        /// Which entry.
        key: Key,
        /// What to append.
        suffix: Bytes,
    },
    /// Overwrites from an offset, filling with zeros; replies the new length.
    SetRange {
        /// Which entry.
        key: Key,
        /// First byte overwritten.
        offset: u64,
        /// The bytes.
        patch: Bytes,
    },
    /// Adds to an integer, 0 if absent; replies the sum.
    IncrBy {
        /// Which entry.
        key: Key,
        /// Added.
        delta: i64,
    },
    /// Adds to a number, 0 if absent; replies the sum as text.
    IncrByFloat {
        /// Which entry.
        key: Key,
        /// Added.
        delta: f64,
    },
    /// Renames; replies OK, or with `only_if_absent` 1 or 0.
    Rename {
        /// Present name.
        from: Key,
        /// New name.
        to: Key,
        /// RENAMENX.
        only_if_absent: bool,
    },
    /// Copies value and expiry; replies 1 or 0.
    Copy {
        /// Source.
        from: Key,
        /// Target.
        to: Key,
        /// Overwrite an existing target.
        replace: bool,
    },
    /// Sets the time at which a key expires; replies 1 or 0.
    ExpireAt {
        /// Which entry.
        key: Key,
        /// When; a time in the past removes the key.
        when: When,
        /// On what condition.
        condition: ExpireCondition,
    },
    /// Removes the expiry; replies 1 or 0.
    Persist(Key),
    /// How many of the keys exist (they are not changed: nothing here has an access time).
    Touch(Vec<Key>),
    /// Removes everything.
    Flush,
    /// Stores `new` if the value now equals `old`; replies 1 or 0.
    Cas {
        /// Which entry.
        key: Key,
        /// Expected; `None`: the key must not exist.
        old: Option<EncodedValue>,
        /// Stored; `None`: the key is removed.
        new: Option<EncodedValue>,
    },
    /// All commands in one step: an array of replies, or a nil array if a watched key changed.
    Transaction {
        /// Conditions.
        watches: Vec<Watch>,
        /// Executed in order; a failing one does not undo the others.
        commands: Vec<Command>,
    },
    /// Removes up to `limit` entries that are expired at the stamp; replies how many.
    ///
    /// Servers issue it themselves.
    Sweep {
        /// At most so many entries.
        limit: u64,
    },
}

/// [`Command::Set`].
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Which entry.
    pub key: Key,
    /// Stored.
    pub value: EncodedValue,
    /// Stored only if it holds.
    pub condition: SetCondition,
    /// The new entry's expiry.
    pub expiry: Expiry,
    /// What is replied.
    pub reply: SetReply,
}

impl Set {
    /// An unconditional set that clears the expiry and replies OK.
    #[must_use]
    pub fn new(key: Key, value: EncodedValue) -> Set {
        Set {
            key,
            value,
            condition: SetCondition::Always,
            expiry: Expiry::Clear,
            reply: SetReply::OkOrNil,
        }
    }
}

/// When a `SET` stores.
#[derive(Debug, Clone, PartialEq)]
pub enum SetCondition {
    /// Always.
    Always,
    /// NX.
    IfAbsent,
    /// XX.
    IfPresent,
    /// IFEQ: the value's text equals these bytes.
    IfEqual(Bytes),
}

/// What a `SET` replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetReply {
    /// OK if stored, else nil.
    OkOrNil,
    /// The value before, or nil.
    Old,
    /// 1 if stored, else 0 (SETNX).
    Count,
}

/// What becomes of an entry's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It has none.
    Clear,
    /// As before.
    Keep,
    /// It expires then.
    At(When),
}

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Unix milliseconds; below 0 counts as long past.
    UnixMs(i64),
    /// Milliseconds after the command's stamp. [`Command::stamp`] turns it into `UnixMs` before
    /// the command is logged.
    InMs(i64),
}

/// Which form of a key's expiry is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TtlForm {
    /// TTL: seconds left, rounded.
    Seconds,
    /// PTTL: milliseconds left.
    Millis,
    /// EXPIRETIME: unix seconds.
    UnixSeconds,
    /// PEXPIRETIME: unix milliseconds.
    UnixMillis,
}

/// On what condition an expiry is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpireCondition {
    /// Always.
    Always,
    /// NX: it has none.
    IfNone,
    /// XX: it has one.
    IfSome,
    /// GT: the new one is later; no expiry counts as never.
    IfLater,
    /// LT: the new one is earlier; no expiry counts as never.
    IfEarlier,
    /// XX LT: it has one, and the new one is earlier.
    IfSomeAndEarlier,
}

/// A key that must still have this version; 0: must not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// Which entry.
    pub key: Key,
    /// Its version when it was watched.
    pub version: u64,
}

impl Command {
    /// Whether it may change data, and so has a place in the log.
    #[must_use]
    pub fn is_write(&self) -> bool {
        match self {
            Command::Transaction { commands, .. } => commands.iter().any(Command::is_write),
            Command::Get(_)
            | Command::MGet(_)
            | Command::Exists(_)
            | Command::Type(_)
            | Command::StrLen(_)
            | Command::GetRange { .. }
            | Command::Ttl { .. }
            | Command::DbSize
            | Command::RandomKey
            | Command::Keys { .. }
            | Command::Scan { .. }
            | Command::Range { .. }
            | Command::Touch(_)
            | Command::Versions(_)
            | Command::Meta(_) => false,
            _ => true,
        }
    }

    /// Turns times relative to now into absolute ones, so that the command means the same
    /// wherever and whenever it is applied. Must be called before the command is logged.
    pub fn stamp(&mut self, now_ms: u64) {
        match self {
            Command::Set(Set {
                expiry: Expiry::At(when),
                ..
            })
            | Command::GetEx {
                expiry: Expiry::At(when),
                ..
            }
            | Command::ExpireAt { when, .. } => *when = when.stamped(now_ms),
            Command::Transaction { commands, .. } => {
                commands
                    .iter_mut()
                    .for_each(|command| command.stamp(now_ms));
            }
            _ => {}
        }
    }
}

impl Command {
    /// Its name, for people and metrics; that of the RESP command it comes from.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Command::Get(_) => "get",
            Command::MGet(_) => "mget",
            Command::Exists(_) => "exists",
            Command::Type(_) => "type",
            Command::StrLen(_) => "strlen",
            Command::GetRange { .. } => "getrange",
            Command::Ttl { .. } => "ttl",
            Command::DbSize => "dbsize",
            Command::RandomKey => "randomkey",
            Command::Keys { .. } => "keys",
            Command::Scan { .. } => "scan",
            Command::Range { .. } => "range",
            Command::Meta(_) => "meta",
            Command::Versions(_) => "versions",
            Command::Set(_) => "set",
            Command::MSet { .. } => "mset",
            Command::Del(_) => "del",
            Command::GetDel(_) => "getdel",
            Command::GetEx { .. } => "getex",
            Command::Append { .. } => "append",
            Command::SetRange { .. } => "setrange",
            Command::IncrBy { .. } => "incrby",
            Command::IncrByFloat { .. } => "incrbyfloat",
            Command::Rename { .. } => "rename",
            Command::Copy { .. } => "copy",
            Command::ExpireAt { .. } => "expireat",
            Command::Persist(_) => "persist",
            Command::Touch(_) => "touch",
            Command::Flush => "flush",
            Command::Cas { .. } => "cas",
            Command::Transaction { .. } => "transaction",
            Command::Sweep { .. } => "sweep",
        }
    }

    /// How many keys, pairs or commands it names.
    #[must_use]
    pub fn op_count(&self) -> usize {
        match self {
            Command::MGet(keys)
            | Command::Exists(keys)
            | Command::Versions(keys)
            | Command::Del(keys)
            | Command::Touch(keys) => keys.len(),
            Command::MSet { pairs, .. } => pairs.len(),
            Command::Transaction { commands, .. } => commands.len(),
            _ => 1,
        }
    }

    /// Calls `visit` with each key it names, until one call fails. The ends of a range are not
    /// keys it names, but are visited too: they are bounded alike.
    ///
    /// # Errors
    /// That of the call.
    pub fn visit_keys<'a, E>(
        &'a self,
        visit: &mut impl FnMut(&'a Key) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Command::MGet(keys)
            | Command::Exists(keys)
            | Command::Versions(keys)
            | Command::Del(keys)
            | Command::Touch(keys) => keys.iter().try_for_each(visit),
            Command::MSet { pairs, .. } => pairs.iter().map(|(key, _)| key).try_for_each(visit),
            Command::Rename { from, to, .. } | Command::Copy { from, to, .. } => {
                [from, to].into_iter().try_for_each(visit)
            }
            Command::Range { start, end, .. } => {
                std::iter::once(start).chain(end).try_for_each(visit)
            }
            Command::Transaction { watches, commands } => {
                watches
                    .iter()
                    .map(|watch| &watch.key)
                    .try_for_each(&mut *visit)?;
                commands
                    .iter()
                    .try_for_each(|command| command.visit_keys(visit))
            }
            one => one.key().map_or(Ok(()), visit),
        }
    }

    /// The key, if it names exactly one.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        match self {
            Command::Set(Set { key, .. })
            | Command::Get(key)
            | Command::Type(key)
            | Command::StrLen(key)
            | Command::GetRange { key, .. }
            | Command::Ttl { key, .. }
            | Command::Meta(key)
            | Command::GetDel(key)
            | Command::GetEx { key, .. }
            | Command::Append { key, .. }
            | Command::SetRange { key, .. }
            | Command::IncrBy { key, .. }
            | Command::IncrByFloat { key, .. }
            | Command::ExpireAt { key, .. }
            | Command::Persist(key)
            | Command::Cas { key, .. } => Some(key),
            _ => None,
        }
    }
}

impl When {
    fn stamped(self, now_ms: u64) -> When {
        match self {
            When::UnixMs(at) => When::UnixMs(at),
            When::InMs(delta) => {
                let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
                When::UnixMs(now_ms.saturating_add(delta))
            }
        }
    }
}
