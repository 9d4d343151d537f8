//! From bytes to a [`Command`]; the layout is drawn in [`encode`](super::encode).

use bytes::{Buf, Bytes};

use super::{
    Command, ExpireCondition, Expiry, Key, Set, SetCondition, SetReply, TtlForm, Watch, When,
    opcode,
};
use crate::entry::KEY_BYTES_MAX;
use crate::limits::Limits;
use crate::reply::{ErrorCode, ErrorReply};
use crate::value::{EncodedValue, Tag};

mod search;

pub(crate) use search::vector_of;

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
    /// A list is longer than the limit.
    #[error("request has more than {0} operations")]
    TooMany(usize),
    /// A transaction within a transaction.
    #[error("transactions do not nest")]
    Nested,
}

type Result<T, E = CommandError> = std::result::Result<T, E>;

/// What is left to decode.
struct Source {
    bytes: Bytes,
    list_count_max: usize,
}

impl Command {
    /// The command that is all of `bytes`: for what we encoded ourselves, as in a log.
    ///
    /// # Errors
    /// If `bytes` are anything else.
    pub fn decode(bytes: Bytes) -> Result<Command> {
        decode_all(bytes, usize::MAX)
    }

    /// The command that is all of `bytes` and within `limits`: for what a peer sent.
    ///
    /// # Errors
    /// If `bytes` are anything else, with what is to be answered.
    pub fn decode_checked(bytes: Bytes, limits: &Limits) -> Result<Command, ErrorReply> {
        let command = decode_all(bytes, limits.batch_ops_max)
            .map_err(|error| ErrorReply::new(ErrorCode::Err, error.to_string()))?;
        limits.check(&command)?;
        Ok(command)
    }
}

fn decode_all(bytes: Bytes, list_count_max: usize) -> Result<Command> {
    let mut from = Source {
        bytes,
        list_count_max,
    };
    let command = decode(&mut from, true)?;
    match from.bytes.len() {
        0 => Ok(command),
        count => Err(CommandError::Trailing(count)),
    }
}

fn decode(from: &mut Source, may_nest: bool) -> Result<Command> {
    match take_u8(from)? {
        opcode::TRANSACTION if may_nest => Ok(Command::Transaction {
            watches: take_list(from, take_watch)?,
            commands: take_list(from, |from| decode(from, false))?,
        }),
        opcode::TRANSACTION => Err(CommandError::Nested),
        opcode if opcode < opcode::SET => decode_read(opcode, from),
        opcode => decode_write(opcode, from),
    }
}

fn decode_read(opcode: u8, from: &mut Source) -> Result<Command> {
    Ok(match opcode {
        opcode::GET => Command::Get(take_key(from)?),
        opcode::MGET => Command::MGet(take_keys(from)?),
        opcode::EXISTS => Command::Exists(take_keys(from)?),
        opcode::TOUCH => Command::Touch(take_keys(from)?),
        opcode::VERSIONS => Command::Versions(take_keys(from)?),
        opcode::TYPE => Command::Type(take_key(from)?),
        opcode::STR_LEN => Command::StrLen(take_key(from)?),
        opcode::GET_RANGE => Command::GetRange {
            key: take_key(from)?,
            start: take_i64(from)?,
            end: take_i64(from)?,
        },
        opcode::TTL => Command::Ttl {
            key: take_key(from)?,
            form: take_ttl_form(from)?,
        },
        opcode::DB_SIZE => Command::DbSize,
        opcode::RANDOM_KEY => Command::RandomKey,
        opcode::KEYS => Command::Keys {
            pattern: take_bytes(from)?,
        },
        opcode::SCAN => Command::Scan {
            cursor: take_u64(from)?,
            pattern: take_option(from, take_bytes)?,
            count: take_u64(from)?,
            kind: take_option(from, take_bytes)?,
        },
        opcode::RANGE => Command::Range {
            start: take_key(from)?,
            end: take_option(from, take_key)?,
            limit: take_u64(from)?,
            reverse: take_bool(from)?,
        },
        opcode::META => Command::Meta(take_key(from)?),
        search => search::decode(search, from)?,
    })
}

fn decode_write(opcode: u8, from: &mut Source) -> Result<Command> {
    Ok(match opcode {
        opcode::SET => Command::Set(Set::new(take_key(from)?, take_value(from)?)),
        opcode::SET_WITH => Command::Set(take_set(from)?),
        opcode::SET_VECTOR => {
            let set = take_set(from)?;
            let vector = Some(search::take_vector(from)?.into());
            Command::Set(Set { vector, ..set })
        }
        opcode::MSET => Command::MSet {
            only_if_none_exists: take_bool(from)?,
            pairs: take_list(from, |from| Ok((take_key(from)?, take_value(from)?)))?,
        },
        opcode::DEL => Command::Del(take_keys(from)?),
        opcode::GET_DEL => Command::GetDel(take_key(from)?),
        opcode::GET_EX => Command::GetEx {
            key: take_key(from)?,
            expiry: take_expiry(from)?,
        },
        opcode::EXPIRE_AT => Command::ExpireAt {
            key: take_key(from)?,
            when: take_when(from)?,
            condition: take_expire_condition(from)?,
        },
        opcode::PERSIST => Command::Persist(take_key(from)?),
        opcode::FLUSH => Command::Flush,
        opcode::TRAIN => Command::Train,
        opcode::SWEEP => Command::Sweep {
            limit: take_u64(from)?,
        },
        opcode::CAS => Command::Cas {
            key: take_key(from)?,
            old: take_option(from, take_value)?,
            new: take_option(from, take_value)?,
        },
        edit => decode_edit(edit, from)?,
    })
}

fn decode_edit(opcode: u8, from: &mut Source) -> Result<Command> {
    Ok(match opcode {
        opcode::APPEND => Command::Append {
            key: take_key(from)?,
            suffix: take_bytes(from)?,
        },
        opcode::SET_RANGE => Command::SetRange {
            key: take_key(from)?,
            offset: take_u64(from)?,
            patch: take_bytes(from)?,
        },
        opcode::INCR_BY => Command::IncrBy {
            key: take_key(from)?,
            delta: take_i64(from)?,
        },
        opcode::INCR_BY_FLOAT => Command::IncrByFloat {
            key: take_key(from)?,
            delta: f64::from_bits(take_u64(from)?),
        },
        opcode::RENAME => Command::Rename {
            from: take_key(from)?,
            to: take_key(from)?,
            only_if_absent: take_bool(from)?,
        },
        opcode::COPY => Command::Copy {
            from: take_key(from)?,
            to: take_key(from)?,
            replace: take_bool(from)?,
        },
        other => return Err(CommandError::UnknownOpcode(other)),
    })
}

fn take_u8(from: &mut Source) -> Result<u8> {
    from.bytes.try_get_u8().map_err(|_| CommandError::Truncated)
}

fn take_u64(from: &mut Source) -> Result<u64> {
    from.bytes
        .try_get_u64_le()
        .map_err(|_| CommandError::Truncated)
}

fn take_i64(from: &mut Source) -> Result<i64> {
    from.bytes
        .try_get_i64_le()
        .map_err(|_| CommandError::Truncated)
}

fn take_bool(from: &mut Source) -> Result<bool> {
    match take_u8(from)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(CommandError::BadField("flag")),
    }
}

fn take_slice(from: &mut Source, len: usize) -> Result<Bytes> {
    if from.bytes.len() < len {
        return Err(CommandError::Truncated);
    }
    Ok(from.bytes.split_to(len))
}

fn take_key(from: &mut Source) -> Result<Key> {
    const _: () = assert!(KEY_BYTES_MAX == u16::MAX as usize);
    let len = from
        .bytes
        .try_get_u16_le()
        .map_err(|_| CommandError::Truncated)?;
    take_slice(from, usize::from(len))
}

fn take_count(from: &mut Source) -> Result<usize> {
    let count = from
        .bytes
        .try_get_u32_le()
        .map_err(|_| CommandError::Truncated)?;
    Ok(count as usize)
}

fn take_bytes(from: &mut Source) -> Result<Bytes> {
    let len = take_count(from)?;
    take_slice(from, len)
}

fn take_value(from: &mut Source) -> Result<EncodedValue> {
    let tag = Tag::from_u8(take_u8(from)?).ok_or(CommandError::BadField("value tag"))?;
    let payload = take_bytes(from)?;
    Ok(EncodedValue { tag, payload })
}

fn take_list<T>(from: &mut Source, take: impl Fn(&mut Source) -> Result<T>) -> Result<Vec<T>> {
    let count = take_count(from)?;
    if count > from.list_count_max {
        return Err(CommandError::TooMany(from.list_count_max));
    }
    if count > from.bytes.len() {
        return Err(CommandError::Truncated);
    }
    let mut items = Vec::with_capacity(count.min(128));
    for _ in 0..count {
        items.push(take(from)?);
    }
    Ok(items)
}

fn take_keys(from: &mut Source) -> Result<Vec<Key>> {
    take_list(from, take_key)
}

fn take_option<T>(from: &mut Source, take: impl Fn(&mut Source) -> Result<T>) -> Result<Option<T>> {
    match take_bool(from)? {
        true => take(from).map(Some),
        false => Ok(None),
    }
}

fn take_watch(from: &mut Source) -> Result<Watch> {
    Ok(Watch {
        key: take_key(from)?,
        version: take_u64(from)?,
    })
}

fn take_when(from: &mut Source) -> Result<When> {
    match take_u8(from)? {
        0 => Ok(When::UnixMs(take_i64(from)?)),
        1 => Ok(When::InMs(take_i64(from)?)),
        _ => Err(CommandError::BadField("time")),
    }
}

fn take_expiry(from: &mut Source) -> Result<Expiry> {
    match take_u8(from)? {
        0 => Ok(Expiry::Clear),
        1 => Ok(Expiry::Keep),
        2 => Ok(Expiry::At(take_when(from)?)),
        _ => Err(CommandError::BadField("expiry")),
    }
}

/// All but the vector.
fn take_set(from: &mut Source) -> Result<Set> {
    Ok(Set {
        key: take_key(from)?,
        value: take_value(from)?,
        vector: None,
        condition: take_set_condition(from)?,
        expiry: take_expiry(from)?,
        reply: take_set_reply(from)?,
    })
}

fn take_set_condition(from: &mut Source) -> Result<SetCondition> {
    match take_u8(from)? {
        0 => Ok(SetCondition::Always),
        1 => Ok(SetCondition::IfAbsent),
        2 => Ok(SetCondition::IfPresent),
        3 => Ok(SetCondition::IfEqual(take_bytes(from)?)),
        _ => Err(CommandError::BadField("condition")),
    }
}

fn take_set_reply(from: &mut Source) -> Result<SetReply> {
    let byte = take_u8(from)?;
    [SetReply::OkOrNil, SetReply::Old, SetReply::Count]
        .into_iter()
        .find(|reply| *reply as u8 == byte)
        .ok_or(CommandError::BadField("reply form"))
}

fn take_ttl_form(from: &mut Source) -> Result<TtlForm> {
    let byte = take_u8(from)?;
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

fn take_expire_condition(from: &mut Source) -> Result<ExpireCondition> {
    let byte = take_u8(from)?;
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
