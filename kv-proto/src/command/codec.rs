//! The bytes of a [`Command`], in a log record and in a native frame alike.
//!
//! ```text
//! command  = opcode u8 | fields
//! key      = len u16, bytes          bytes = len u32, bytes          list = count u32, item*
//! value    = tag u8 | bytes          option = u8 0, or u8 1 and the item
//! when     = u8 0 unix | 1 relative, i64                                     little-endian
//! ```
//!
//! 1. Opcodes and layouts are for ever: a log written today is read by every later version. A new
//!    need gets a new opcode.
//! 2. Decoding slices the buffer it is given: nothing is copied, and no count is trusted beyond
//!    the bytes that are there.

use bytes::{Buf, Bytes};

use super::{
    Command, ExpireCondition, Expiry, Key, Set, SetCondition, SetReply, TtlForm, Watch, When,
};
use crate::entry::KEY_BYTES_MAX;
use crate::value::{EncodedValue, Tag};

/// Why bytes are not a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The bytes end within a command.
    #[error("command ends early")]
    Truncated,
    /// Bytes follow the command.
    #[error("{0} bytes follow the command")]
    Trailing(usize),
    /// No command has this opcode.
    #[error("unknown opcode {0:#x}")]
    UnknownOpcode(u8),
    /// A field has a value that is not one of its own.
    #[error("bad {0}")]
    BadField(&'static str),
    /// A transaction within a transaction.
    #[error("transactions do not nest")]
    Nested,
}

type Result<T> = std::result::Result<T, CommandError>;

mod opcode {
    pub(super) const GET: u8 = 0x01;
    pub(super) const MGET: u8 = 0x02;
    pub(super) const EXISTS: u8 = 0x03;
    pub(super) const TYPE: u8 = 0x04;
    pub(super) const STR_LEN: u8 = 0x05;
    pub(super) const GET_RANGE: u8 = 0x06;
    pub(super) const TTL: u8 = 0x07;
    pub(super) const DB_SIZE: u8 = 0x08;
    pub(super) const RANDOM_KEY: u8 = 0x09;
    pub(super) const KEYS: u8 = 0x0a;
    pub(super) const SCAN: u8 = 0x0b;
    pub(super) const RANGE: u8 = 0x0c;
    pub(super) const META: u8 = 0x0d;
    pub(super) const TOUCH: u8 = 0x0e;
    pub(super) const VERSIONS: u8 = 0x0f;

    pub(super) const SET: u8 = 0x40;
    pub(super) const SET_WITH: u8 = 0x41;
    pub(super) const MSET: u8 = 0x42;
    pub(super) const DEL: u8 = 0x43;
    pub(super) const GET_DEL: u8 = 0x44;
    pub(super) const GET_EX: u8 = 0x45;
    pub(super) const APPEND: u8 = 0x46;
    pub(super) const SET_RANGE: u8 = 0x47;
    pub(super) const INCR_BY: u8 = 0x48;
    pub(super) const INCR_BY_FLOAT: u8 = 0x49;
    pub(super) const RENAME: u8 = 0x4a;
    pub(super) const COPY: u8 = 0x4b;
    pub(super) const EXPIRE_AT: u8 = 0x4c;
    pub(super) const PERSIST: u8 = 0x4d;
    pub(super) const FLUSH: u8 = 0x4e;
    pub(super) const CAS: u8 = 0x4f;
    pub(super) const TRANSACTION: u8 = 0x50;
    pub(super) const SWEEP: u8 = 0x51;
}

impl Command {
    /// Appends the command's bytes.
    ///
    /// # Panics
    /// If a key is longer than [`KEY_BYTES_MAX`]; check before.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Command::Set(set) => encode_set(set, out),
            Command::Transaction { watches, commands } => {
                out.push(opcode::TRANSACTION);
                put_list(out, watches, |out, watch| {
                    put_key(out, &watch.key);
                    out.extend_from_slice(&watch.version.to_le_bytes());
                });
                put_list(out, commands, |out, command| command.encode(out));
            }
            other if other.is_write() => encode_write(other, out),
            other => encode_read(other, out),
        }
    }

    /// The command that is all of `bytes`.
    ///
    /// # Errors
    /// If `bytes` are anything else.
    pub fn decode(mut bytes: Bytes) -> Result<Command> {
        let command = decode(&mut bytes, true)?;
        match bytes.len() {
            0 => Ok(command),
            count => Err(CommandError::Trailing(count)),
        }
    }
}

/// The everyday `SET` has a short form: opcode, key, value.
fn encode_set(set: &Set, out: &mut Vec<u8>) {
    let plain = set.condition == SetCondition::Always
        && set.expiry == Expiry::Clear
        && set.reply == SetReply::OkOrNil;
    out.push(if plain { opcode::SET } else { opcode::SET_WITH });
    put_key(out, &set.key);
    put_value(out, &set.value);
    if plain {
        return;
    }
    match &set.condition {
        SetCondition::Always => out.push(0),
        SetCondition::IfAbsent => out.push(1),
        SetCondition::IfPresent => out.push(2),
        SetCondition::IfEqual(expected) => {
            out.push(3);
            put_bytes(out, expected);
        }
    }
    put_expiry(out, set.expiry);
    out.push(set.reply as u8);
}

fn encode_read(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Get(key) => put_op_key(out, opcode::GET, key),
        Command::MGet(keys) => put_op_keys(out, opcode::MGET, keys),
        Command::Exists(keys) => put_op_keys(out, opcode::EXISTS, keys),
        Command::Touch(keys) => put_op_keys(out, opcode::TOUCH, keys),
        Command::Versions(keys) => put_op_keys(out, opcode::VERSIONS, keys),
        Command::Type(key) => put_op_key(out, opcode::TYPE, key),
        Command::StrLen(key) => put_op_key(out, opcode::STR_LEN, key),
        Command::GetRange { key, start, end } => {
            put_op_key(out, opcode::GET_RANGE, key);
            out.extend_from_slice(&start.to_le_bytes());
            out.extend_from_slice(&end.to_le_bytes());
        }
        Command::Ttl { key, form } => {
            put_op_key(out, opcode::TTL, key);
            out.push(*form as u8);
        }
        Command::DbSize => out.push(opcode::DB_SIZE),
        Command::RandomKey => out.push(opcode::RANDOM_KEY),
        Command::Keys { pattern } => {
            out.push(opcode::KEYS);
            put_bytes(out, pattern);
        }
        Command::Meta(key) => put_op_key(out, opcode::META, key),
        scan => encode_scan(scan, out),
    }
}

fn encode_scan(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Scan {
            cursor,
            pattern,
            count,
            kind,
        } => {
            out.push(opcode::SCAN);
            out.extend_from_slice(&cursor.to_le_bytes());
            put_option(out, pattern.as_ref(), |out, pattern| {
                put_bytes(out, pattern)
            });
            out.extend_from_slice(&count.to_le_bytes());
            put_option(out, kind.as_ref(), |out, kind| put_bytes(out, kind));
        }
        Command::Range {
            start,
            end,
            limit,
            reverse,
        } => {
            put_op_key(out, opcode::RANGE, start);
            put_option(out, end.as_ref(), put_key);
            out.extend_from_slice(&limit.to_le_bytes());
            out.push(u8::from(*reverse));
        }
        other => unreachable!("{other:?} is encoded elsewhere"),
    }
}

fn encode_write(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::MSet {
            pairs,
            only_if_none_exists,
        } => {
            out.push(opcode::MSET);
            out.push(u8::from(*only_if_none_exists));
            put_list(out, pairs, |out, (key, value)| {
                put_key(out, key);
                put_value(out, value);
            });
        }
        Command::Del(keys) => put_op_keys(out, opcode::DEL, keys),
        Command::GetDel(key) => put_op_key(out, opcode::GET_DEL, key),
        Command::GetEx { key, expiry } => {
            put_op_key(out, opcode::GET_EX, key);
            put_expiry(out, *expiry);
        }
        Command::ExpireAt {
            key,
            when,
            condition,
        } => {
            put_op_key(out, opcode::EXPIRE_AT, key);
            put_when(out, *when);
            out.push(*condition as u8);
        }
        Command::Persist(key) => put_op_key(out, opcode::PERSIST, key),
        Command::Flush => out.push(opcode::FLUSH),
        Command::Sweep { limit } => {
            out.push(opcode::SWEEP);
            out.extend_from_slice(&limit.to_le_bytes());
        }
        Command::Cas { key, old, new } => {
            put_op_key(out, opcode::CAS, key);
            put_option(out, old.as_ref(), put_value);
            put_option(out, new.as_ref(), put_value);
        }
        edit => encode_edit(edit, out),
    }
}

fn encode_edit(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Append { key, suffix } => {
            put_op_key(out, opcode::APPEND, key);
            put_bytes(out, suffix);
        }
        Command::SetRange { key, offset, patch } => {
            put_op_key(out, opcode::SET_RANGE, key);
            out.extend_from_slice(&offset.to_le_bytes());
            put_bytes(out, patch);
        }
        Command::IncrBy { key, delta } => {
            put_op_key(out, opcode::INCR_BY, key);
            out.extend_from_slice(&delta.to_le_bytes());
        }
        Command::IncrByFloat { key, delta } => {
            put_op_key(out, opcode::INCR_BY_FLOAT, key);
            out.extend_from_slice(&delta.to_bits().to_le_bytes());
        }
        Command::Rename {
            from,
            to,
            only_if_absent: flag,
        } => {
            put_op_key(out, opcode::RENAME, from);
            put_key(out, to);
            out.push(u8::from(*flag));
        }
        Command::Copy { from, to, replace } => {
            put_op_key(out, opcode::COPY, from);
            put_key(out, to);
            out.push(u8::from(*replace));
        }
        other => unreachable!("{other:?} is encoded elsewhere"),
    }
}

fn put_key(out: &mut Vec<u8>, key: &Key) {
    let len = u16::try_from(key.len()).expect("key length is checked before encoding");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(key);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a frame is far smaller than 4 GiB");
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_value(out: &mut Vec<u8>, value: &EncodedValue) {
    out.push(value.tag as u8);
    put_bytes(out, &value.payload);
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_count(out, items.len());
    items.iter().for_each(|item| put(out, item));
}

fn put_option<T>(out: &mut Vec<u8>, item: Option<&T>, put: impl Fn(&mut Vec<u8>, &T)) {
    out.push(u8::from(item.is_some()));
    if let Some(item) = item {
        put(out, item);
    }
}

fn put_op_key(out: &mut Vec<u8>, opcode: u8, key: &Key) {
    out.push(opcode);
    put_key(out, key);
}

fn put_op_keys(out: &mut Vec<u8>, opcode: u8, keys: &[Key]) {
    out.push(opcode);
    put_list(out, keys, put_key);
}

fn put_when(out: &mut Vec<u8>, when: When) {
    let (kind, ms) = match when {
        When::UnixMs(ms) => (0, ms),
        When::InMs(ms) => (1, ms),
    };
    out.push(kind);
    out.extend_from_slice(&ms.to_le_bytes());
}

fn put_expiry(out: &mut Vec<u8>, expiry: Expiry) {
    match expiry {
        Expiry::Clear => out.push(0),
        Expiry::Keep => out.push(1),
        Expiry::At(when) => {
            out.push(2);
            put_when(out, when);
        }
    }
}

fn decode(bytes: &mut Bytes, may_nest: bool) -> Result<Command> {
    match take_u8(bytes)? {
        opcode::TRANSACTION if may_nest => Ok(Command::Transaction {
            watches: take_list(bytes, take_watch)?,
            commands: take_list(bytes, |bytes| decode(bytes, false))?,
        }),
        opcode::TRANSACTION => Err(CommandError::Nested),
        opcode if opcode < opcode::SET => decode_read(opcode, bytes),
        opcode => decode_write(opcode, bytes),
    }
}

fn decode_read(opcode: u8, bytes: &mut Bytes) -> Result<Command> {
    Ok(match opcode {
        opcode::GET => Command::Get(take_key(bytes)?),
        opcode::MGET => Command::MGet(take_keys(bytes)?),
        opcode::EXISTS => Command::Exists(take_keys(bytes)?),
        opcode::TOUCH => Command::Touch(take_keys(bytes)?),
        opcode::VERSIONS => Command::Versions(take_keys(bytes)?),
        opcode::TYPE => Command::Type(take_key(bytes)?),
        opcode::STR_LEN => Command::StrLen(take_key(bytes)?),
        opcode::GET_RANGE => Command::GetRange {
            key: take_key(bytes)?,
            start: take_i64(bytes)?,
            end: take_i64(bytes)?,
        },
        opcode::TTL => Command::Ttl {
            key: take_key(bytes)?,
            form: take_ttl_form(bytes)?,
        },
        opcode::DB_SIZE => Command::DbSize,
        opcode::RANDOM_KEY => Command::RandomKey,
        opcode::KEYS => Command::Keys {
            pattern: take_bytes(bytes)?,
        },
        opcode::SCAN => Command::Scan {
            cursor: take_u64(bytes)?,
            pattern: take_option(bytes, take_bytes)?,
            count: take_u64(bytes)?,
            kind: take_option(bytes, take_bytes)?,
        },
        opcode::RANGE => Command::Range {
            start: take_key(bytes)?,
            end: take_option(bytes, take_key)?,
            limit: take_u64(bytes)?,
            reverse: take_bool(bytes)?,
        },
        opcode::META => Command::Meta(take_key(bytes)?),
        other => return Err(CommandError::UnknownOpcode(other)),
    })
}

fn decode_write(opcode: u8, bytes: &mut Bytes) -> Result<Command> {
    Ok(match opcode {
        opcode::SET => Command::Set(Set::new(take_key(bytes)?, take_value(bytes)?)),
        opcode::SET_WITH => Command::Set(Set {
            key: take_key(bytes)?,
            value: take_value(bytes)?,
            condition: take_set_condition(bytes)?,
            expiry: take_expiry(bytes)?,
            reply: take_set_reply(bytes)?,
        }),
        opcode::MSET => Command::MSet {
            only_if_none_exists: take_bool(bytes)?,
            pairs: take_list(bytes, |bytes| Ok((take_key(bytes)?, take_value(bytes)?)))?,
        },
        opcode::DEL => Command::Del(take_keys(bytes)?),
        opcode::GET_DEL => Command::GetDel(take_key(bytes)?),
        opcode::GET_EX => Command::GetEx {
            key: take_key(bytes)?,
            expiry: take_expiry(bytes)?,
        },
        opcode::EXPIRE_AT => Command::ExpireAt {
            key: take_key(bytes)?,
            when: take_when(bytes)?,
            condition: take_expire_condition(bytes)?,
        },
        opcode::PERSIST => Command::Persist(take_key(bytes)?),
        opcode::FLUSH => Command::Flush,
        opcode::SWEEP => Command::Sweep {
            limit: take_u64(bytes)?,
        },
        opcode::CAS => Command::Cas {
            key: take_key(bytes)?,
            old: take_option(bytes, take_value)?,
            new: take_option(bytes, take_value)?,
        },
        edit => decode_edit(edit, bytes)?,
    })
}

fn decode_edit(opcode: u8, bytes: &mut Bytes) -> Result<Command> {
    Ok(match opcode {
        opcode::APPEND => Command::Append {
            key: take_key(bytes)?,
            suffix: take_bytes(bytes)?,
        },
        opcode::SET_RANGE => Command::SetRange {
            key: take_key(bytes)?,
            offset: take_u64(bytes)?,
            patch: take_bytes(bytes)?,
        },
        opcode::INCR_BY => Command::IncrBy {
            key: take_key(bytes)?,
            delta: take_i64(bytes)?,
        },
        opcode::INCR_BY_FLOAT => Command::IncrByFloat {
            key: take_key(bytes)?,
            delta: f64::from_bits(take_u64(bytes)?),
        },
        opcode::RENAME => Command::Rename {
            from: take_key(bytes)?,
            to: take_key(bytes)?,
            only_if_absent: take_bool(bytes)?,
        },
        opcode::COPY => Command::Copy {
            from: take_key(bytes)?,
            to: take_key(bytes)?,
            replace: take_bool(bytes)?,
        },
        other => return Err(CommandError::UnknownOpcode(other)),
    })
}

fn take_u8(bytes: &mut Bytes) -> Result<u8> {
    bytes.try_get_u8().map_err(|_| CommandError::Truncated)
}

fn take_u64(bytes: &mut Bytes) -> Result<u64> {
    bytes.try_get_u64_le().map_err(|_| CommandError::Truncated)
}

fn take_i64(bytes: &mut Bytes) -> Result<i64> {
    bytes.try_get_i64_le().map_err(|_| CommandError::Truncated)
}

fn take_bool(bytes: &mut Bytes) -> Result<bool> {
    match take_u8(bytes)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(CommandError::BadField("flag")),
    }
}

fn take_slice(bytes: &mut Bytes, len: usize) -> Result<Bytes> {
    if bytes.len() < len {
        return Err(CommandError::Truncated);
    }
    Ok(bytes.split_to(len))
}

fn take_key(bytes: &mut Bytes) -> Result<Key> {
    const _: () = assert!(KEY_BYTES_MAX == u16::MAX as usize);
    let len = bytes
        .try_get_u16_le()
        .map_err(|_| CommandError::Truncated)?;
    take_slice(bytes, usize::from(len))
}

fn take_count(bytes: &mut Bytes) -> Result<usize> {
    let count = bytes
        .try_get_u32_le()
        .map_err(|_| CommandError::Truncated)?;
    Ok(count as usize)
}

fn take_bytes(bytes: &mut Bytes) -> Result<Bytes> {
    let len = take_count(bytes)?;
    take_slice(bytes, len)
}

fn take_value(bytes: &mut Bytes) -> Result<EncodedValue> {
    let tag = Tag::from_u8(take_u8(bytes)?).ok_or(CommandError::BadField("value tag"))?;
    let payload = take_bytes(bytes)?;
    Ok(EncodedValue { tag, payload })
}

fn take_list<T>(bytes: &mut Bytes, take: impl Fn(&mut Bytes) -> Result<T>) -> Result<Vec<T>> {
    let count = take_count(bytes)?;
    let mut items = Vec::with_capacity(count.min(bytes.len()).min(256));
    for _ in 0..count {
        items.push(take(bytes)?);
    }
    Ok(items)
}

fn take_keys(bytes: &mut Bytes) -> Result<Vec<Key>> {
    take_list(bytes, take_key)
}

fn take_option<T>(bytes: &mut Bytes, take: impl Fn(&mut Bytes) -> Result<T>) -> Result<Option<T>> {
    match take_bool(bytes)? {
        true => take(bytes).map(Some),
        false => Ok(None),
    }
}

fn take_watch(bytes: &mut Bytes) -> Result<Watch> {
    Ok(Watch {
        key: take_key(bytes)?,
        version: take_u64(bytes)?,
    })
}

fn take_when(bytes: &mut Bytes) -> Result<When> {
    match take_u8(bytes)? {
        0 => Ok(When::UnixMs(take_i64(bytes)?)),
        1 => Ok(When::InMs(take_i64(bytes)?)),
        _ => Err(CommandError::BadField("time")),
    }
}

fn take_expiry(bytes: &mut Bytes) -> Result<Expiry> {
    match take_u8(bytes)? {
        0 => Ok(Expiry::Clear),
        1 => Ok(Expiry::Keep),
        2 => Ok(Expiry::At(take_when(bytes)?)),
        _ => Err(CommandError::BadField("expiry")),
    }
}

fn take_set_condition(bytes: &mut Bytes) -> Result<SetCondition> {
    match take_u8(bytes)? {
        0 => Ok(SetCondition::Always),
        1 => Ok(SetCondition::IfAbsent),
        2 => Ok(SetCondition::IfPresent),
        3 => Ok(SetCondition::IfEqual(take_bytes(bytes)?)),
        _ => Err(CommandError::BadField("condition")),
    }
}

fn take_set_reply(bytes: &mut Bytes) -> Result<SetReply> {
    let byte = take_u8(bytes)?;
    [SetReply::OkOrNil, SetReply::Old, SetReply::Count]
        .into_iter()
        .find(|reply| *reply as u8 == byte)
        .ok_or(CommandError::BadField("reply form"))
}

fn take_ttl_form(bytes: &mut Bytes) -> Result<TtlForm> {
    let byte = take_u8(bytes)?;
    [
        TtlForm::Seconds,
        TtlForm::Millis,
        TtlForm::UnixSeconds,
        TtlForm::UnixMillis,
    ]
    .into_iter()
    .find(|form| *form as u8 == byte)
    .ok_or(CommandError::BadField("form of expiry"))
}

fn take_expire_condition(bytes: &mut Bytes) -> Result<ExpireCondition> {
    let byte = take_u8(bytes)?;
    [
        ExpireCondition::Always,
        ExpireCondition::IfNone,
        ExpireCondition::IfSome,
        ExpireCondition::IfLater,
        ExpireCondition::IfEarlier,
        ExpireCondition::IfSomeAndEarlier,
    ]
    .into_iter()
    .find(|condition| *condition as u8 == byte)
    .ok_or(CommandError::BadField("condition"))
}
