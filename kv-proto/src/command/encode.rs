//! From a [`Command`] to bytes, in a log record and in a native frame alike.
//!
//! ```text
//! command  = opcode u8 | fields
//! key      = len u16, bytes          bytes = len u32, bytes          list = count u32, item*
//! value    = tag u8 | bytes          option = u8 0, or u8 1 and the item
//! when     = u8 0 unix | 1 relative, i64   text = bytes that are UTF-8
//! weights  = words f64 bits u64, meaning f64 bits u64
//! vector   = bytes that are f32*
//! similar  = u8 0 text | 1 vector | 2 key                                    little-endian
//! ```
//!
//! 1. Opcodes and layouts are for ever: a log written today is read by every later version. A new
//!    need gets a new opcode.
//! 2. Decoding slices the buffer it is given: nothing is copied, and no count is trusted beyond
//!    the bytes that are there.

use bytes::BufMut;

use super::{
    Command, Expiry, Key, SearchOptions, Set, SetCondition, SimilarTo, Watch, Weights, When, opcode,
};
use crate::value::EncodedValue;

/// Appends an opcode and its fields.
macro_rules! put {
    ($out:expr, $opcode:ident $(, $field:expr)*) => {{
        $out.put_u8(opcode::$opcode);
        $(Put::put(&$field, $out);)*
    }};
}

impl Command {
    /// Appends the command's bytes.
    ///
    /// # Panics
    /// If a key is longer than [`KEY_BYTES_MAX`](crate::entry::KEY_BYTES_MAX); check before.
    #[rustfmt::skip]
    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Command::Get(key) => put!(out, GET, Short(key)),
            Command::MGet(keys) => put!(out, MGET, Keys(keys)),
            Command::Exists(keys) => put!(out, EXISTS, Keys(keys)),
            Command::Type(key) => put!(out, TYPE, Short(key)),
            Command::StrLen(key) => put!(out, STR_LEN, Short(key)),
            Command::GetRange { key, start, end } => put!(out, GET_RANGE, Short(key), *start, *end),
            Command::Ttl { key, form } => put!(out, TTL, Short(key), *form as u8),
            Command::DbSize => put!(out, DB_SIZE),
            Command::RandomKey => put!(out, RANDOM_KEY),
            Command::Keys { pattern } => put!(out, KEYS, Long(pattern)),
            Command::Scan { cursor, pattern, count, kind } => {
                put!(out, SCAN, *cursor, pattern.as_deref().map(Long), *count, kind.as_deref().map(Long));
            }
            Command::Range { start, end, limit, reverse } => {
                put!(out, RANGE, Short(start), end.as_deref().map(Short), *limit, *reverse);
            }
            Command::Find { value, path, limit } => put!(out, FIND, *value, path.as_deref().map(Text), *limit),
            Command::Search { query, options } => put!(out, SEARCH, Text(query), *options),
            Command::Similar { query, k, prefix, explain } => {
                put!(out, SIMILAR, *query, *k, prefix.as_deref().map(Short), *explain);
            }
            Command::Meta(key) => put!(out, META, Short(key)),
            Command::Touch(keys) => put!(out, TOUCH, Keys(keys)),
            Command::Versions(keys) => put!(out, VERSIONS, Keys(keys)),

            Command::Set(set) if set.is_plain() => put!(out, SET, Short(&set.key), set.value),
            Command::Set(Set { key, value, vector: None, condition, expiry, reply }) => {
                put!(out, SET_WITH, Short(key), *value, *condition, *expiry, *reply as u8);
            }
            Command::Set(Set { key, value, vector: Some(vector), condition, expiry, reply }) => {
                put!(out, SET_VECTOR, Short(key), *value, *condition, *expiry, *reply as u8, Floats(vector));
            }
            Command::MSet { pairs, only_if_none_exists } => put!(out, MSET, *only_if_none_exists, List(pairs)),
            Command::Del(keys) => put!(out, DEL, Keys(keys)),
            Command::GetDel(key) => put!(out, GET_DEL, Short(key)),
            Command::GetEx { key, expiry } => put!(out, GET_EX, Short(key), *expiry),
            Command::Append { key, suffix } => put!(out, APPEND, Short(key), Long(suffix)),
            Command::SetRange { key, offset, patch } => put!(out, SET_RANGE, Short(key), *offset, Long(patch)),
            Command::IncrBy { key, delta } => put!(out, INCR_BY, Short(key), *delta),
            Command::IncrByFloat { key, delta } => put!(out, INCR_BY_FLOAT, Short(key), delta.to_bits()),
            Command::Rename { from, to, only_if_absent } => put!(out, RENAME, Short(from), Short(to), *only_if_absent),
            Command::Copy { from, to, replace } => put!(out, COPY, Short(from), Short(to), *replace),
            Command::ExpireAt { key, when, condition } => put!(out, EXPIRE_AT, Short(key), *when, *condition as u8),
            Command::Persist(key) => put!(out, PERSIST, Short(key)),
            Command::Flush => put!(out, FLUSH),
            Command::Cas { key, old, new } => put!(out, CAS, Short(key), *old, *new),
            Command::Transaction { watches, commands } => put!(out, TRANSACTION, List(watches), List(commands)),
            Command::Sweep { limit } => put!(out, SWEEP, *limit),
            Command::Train => put!(out, TRAIN),
        }
    }
}

/// Something that has bytes in a command.
trait Put {
    fn put(&self, out: &mut impl BufMut);
}

/// Bytes with a length of two bytes: keys.
struct Short<'a>(&'a [u8]);

/// Bytes with a length of four bytes.
struct Long<'a>(&'a [u8]);

/// UTF-8 with a length of four bytes.
struct Text<'a>(&'a str);

/// A vector.
struct Floats<'a>(&'a [f32]);

/// A list of keys.
struct Keys<'a>(&'a [Key]);

/// A list of anything else.
struct List<'a, T>(&'a [T]);

impl Put for Short<'_> {
    fn put(&self, out: &mut impl BufMut) {
        out.put_u16_le(u16::try_from(self.0.len()).expect("key length is checked before encoding"));
        out.put_slice(self.0);
    }
}

impl Put for Long<'_> {
    fn put(&self, out: &mut impl BufMut) {
        put_count(self.0.len(), out);
        out.put_slice(self.0);
    }
}

impl Put for Text<'_> {
    fn put(&self, out: &mut impl BufMut) {
        Long(self.0.as_bytes()).put(out);
    }
}

impl Put for Floats<'_> {
    fn put(&self, out: &mut impl BufMut) {
        put_count(size_of_val(self.0), out);
        self.0.iter().for_each(|number| out.put_f32_le(*number));
    }
}

impl Put for Keys<'_> {
    fn put(&self, out: &mut impl BufMut) {
        put_count(self.0.len(), out);
        self.0.iter().for_each(|key| Short(key).put(out));
    }
}

impl<T: Put> Put for List<'_, T> {
    fn put(&self, out: &mut impl BufMut) {
        put_count(self.0.len(), out);
        self.0.iter().for_each(|item| item.put(out));
    }
}

fn put_count(count: usize, out: &mut impl BufMut) {
    out.put_u32_le(u32::try_from(count).expect("a frame is far smaller than 4 GiB"));
}

impl<T: Put> Put for Option<T> {
    fn put(&self, out: &mut impl BufMut) {
        self.is_some().put(out);
        if let Some(item) = self {
            item.put(out);
        }
    }
}

impl Put for Command {
    fn put(&self, out: &mut impl BufMut) {
        self.encode(out);
    }
}

impl Put for (Key, EncodedValue) {
    fn put(&self, out: &mut impl BufMut) {
        Short(&self.0).put(out);
        self.1.put(out);
    }
}

impl Put for Watch {
    fn put(&self, out: &mut impl BufMut) {
        Short(&self.key).put(out);
        self.version.put(out);
    }
}

impl Put for EncodedValue {
    fn put(&self, out: &mut impl BufMut) {
        out.put_u8(self.tag as u8);
        Long(&self.payload).put(out);
    }
}

impl Put for SearchOptions {
    fn put(&self, out: &mut impl BufMut) {
        self.limit.put(out);
        self.prefix.as_deref().map(Short).put(out);
        self.hybrid.put(out);
        self.explain.put(out);
        self.snippets.put(out);
    }
}

impl Put for Weights {
    fn put(&self, out: &mut impl BufMut) {
        self.words.to_bits().put(out);
        self.meaning.to_bits().put(out);
    }
}

impl Put for SimilarTo {
    fn put(&self, out: &mut impl BufMut) {
        match self {
            SimilarTo::Text(text) => {
                out.put_u8(0);
                Text(text).put(out);
            }
            SimilarTo::Vector(vector) => {
                out.put_u8(1);
                Floats(vector).put(out);
            }
            SimilarTo::Key(key) => {
                out.put_u8(2);
                Short(key).put(out);
            }
        }
    }
}

impl Put for SetCondition {
    fn put(&self, out: &mut impl BufMut) {
        match self {
            SetCondition::Always => out.put_u8(0),
            SetCondition::IfAbsent => out.put_u8(1),
            SetCondition::IfPresent => out.put_u8(2),
            SetCondition::IfEqual(expected) => {
                out.put_u8(3);
                Long(expected).put(out);
            }
        }
    }
}

impl Put for Expiry {
    fn put(&self, out: &mut impl BufMut) {
        match self {
            Expiry::Clear => out.put_u8(0),
            Expiry::Keep => out.put_u8(1),
            Expiry::At(when) => {
                out.put_u8(2);
                when.put(out);
            }
        }
    }
}

impl Put for When {
    fn put(&self, out: &mut impl BufMut) {
        let (form, ms) = match self {
            When::UnixMs(at) => (0, at),
            When::InMs(delta) => (1, delta),
        };
        out.put_u8(form);
        ms.put(out);
    }
}

impl Put for u8 {
    fn put(&self, out: &mut impl BufMut) {
        out.put_u8(*self);
    }
}

impl Put for bool {
    fn put(&self, out: &mut impl BufMut) {
        out.put_u8(u8::from(*self));
    }
}

impl Put for u64 {
    fn put(&self, out: &mut impl BufMut) {
        out.put_u64_le(*self);
    }
}

impl Put for i64 {
    fn put(&self, out: &mut impl BufMut) {
        out.put_i64_le(*self);
    }
}
