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

mod decode;
mod encode;
mod expiry;
mod opcode;
mod search;
mod set;
mod shape;

pub(crate) use decode::vector_of;

pub use decode::CommandError;
pub use expiry::{ExpireCondition, Expiry, TtlForm, When};
pub use search::{SearchOptions, SimilarTo, Weights};
pub use set::{Set, SetCondition, SetReply};

/// A key: any bytes.
pub type Key = Bytes;

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
    /// The keys whose value equals `value`, or has it at `path`: an array.
    ///
    /// Types differ: `1`, `1.0` and `"1"` are three values.
    Find {
        /// What is looked for.
        value: EncodedValue,
        /// Names of fields, from the outside in, with dots between; `None`: the whole value.
        path: Option<String>,
        /// At most so many keys.
        limit: u64,
    },
    /// The keys whose text has the words of a query, best first: see [`hit`](crate::hit).
    Search {
        /// Words, with the operators of full-text search.
        query: String,
        /// What is told, and of which keys.
        options: SearchOptions,
    },
    /// The keys whose text means something similar, best first: see [`hit`](crate::hit).
    Similar {
        /// To what.
        query: SimilarTo,
        /// At most so many keys.
        k: u64,
        /// Only keys that begin with this.
        prefix: Option<Bytes>,
        /// Say of each hit why it is one.
        explain: bool,
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
    /// Learns from the texts that are there which words go together, for searches by meaning; replies
    /// the model's number. Changes no entry; the searches change when it is learnt.
    Train,
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
            | Command::Find { .. }
            | Command::Search { .. }
            | Command::Similar { .. }
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
