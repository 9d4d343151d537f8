//! Commands on values.

use super::expiry::{self, Base, Unit};
use super::search::vector;
use super::{Parsed, Result, Words, err, is, syntax_error};
use crate::command::{Command, Expiry, Set, SetCondition, SetReply, When};
use crate::number::parse_f64;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, spec, wrong_arity};
use crate::value::EncodedValue;

const READ: Flags = Flags::FAST_READ;
const GROWS: Flags = Flags::FAST_GROWS;
const ONE: KeyArgs = KeyArgs::ONE;

/// The only command whose value may have a vector.
const TYPED: &str = "kv.set";

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("get", 2, READ, ONE, "key",
        "Returns a value.", get),
    spec("set", -3, Flags::GROWS, ONE,
        "key value [NX|XX|IFEQ value] [GET] [EX seconds|PX milliseconds|EXAT unix-seconds|PXAT unix-milliseconds|KEEPTTL]",
        "Stores a value.", set),
    spec("setnx", 3, GROWS, ONE, "key value",
        "Stores a value if there is none.", setnx),
    spec("setex", 4, Flags::GROWS, ONE, "key seconds value",
        "Stores a value that expires after some seconds.", setex),
    spec("psetex", 4, Flags::GROWS, ONE, "key milliseconds value",
        "Stores a value that expires after some milliseconds.", psetex),
    spec("getset", 3, GROWS, ONE, "key value",
        "Stores a value and returns the one before.", getset),
    spec("getdel", 2, Flags::FAST_WRITE, ONE, "key",
        "Removes a value and returns it.", getdel),
    spec("getex", -2, Flags::FAST_WRITE, ONE,
        "key [EX seconds|PX milliseconds|EXAT unix-seconds|PXAT unix-milliseconds|PERSIST]",
        "Returns a value and changes when it expires.", getex),
    spec("mget", -2, READ, KeyArgs::ALL, "key ...",
        "Returns several values.", mget),
    spec("mset", -3, Flags::GROWS, KeyArgs::PAIRS, "key value ...",
        "Stores several values in one step.", mset),
    spec("msetnx", -3, Flags::GROWS, KeyArgs::PAIRS, "key value ...",
        "Stores several values in one step if none of the keys exists.", msetnx),
    spec("append", 3, GROWS, ONE, "key value",
        "Appends to a value; returns its length.", append),
    spec("strlen", 2, READ, ONE, "key",
        "Returns a value's length in bytes.", strlen),
    spec("getrange", 4, Flags::READONLY, ONE, "key start end",
        "Returns part of a value.", getrange),
    spec("setrange", 4, Flags::GROWS, ONE, "key offset value",
        "Overwrites part of a value; returns its length.", setrange),
    spec("incr", 2, GROWS, ONE, "key",
        "Adds one to an integer.", incr),
    spec("decr", 2, GROWS, ONE, "key",
        "Subtracts one from an integer.", decr),
    spec("incrby", 3, GROWS, ONE, "key increment",
        "Adds to an integer.", incrby),
    spec("decrby", 3, GROWS, ONE, "key decrement",
        "Subtracts from an integer.", decrby),
    spec("incrbyfloat", 3, GROWS, ONE, "key increment",
        "Adds to a number.", incrbyfloat),
];

fn get(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Get(words.bytes()?).into())
}

fn set(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let value = EncodedValue::from_bytes(words.bytes()?);
    let set = Set::new(key, value);
    if words.is_empty() {
        return Ok(Command::Set(set).into());
    }
    with_options(set, words)
}

/// A `SET` with the options that are left.
pub(super) fn with_options(mut set: Set, words: &mut Words<'_>) -> Result<Parsed> {
    let mut lifetime = Lifetime::default();
    while let Some(option) = words.next() {
        if is(option, "nx") {
            choose(&mut set.condition, SetCondition::IfAbsent)?;
        } else if is(option, "xx") {
            choose(&mut set.condition, SetCondition::IfPresent)?;
        } else if is(option, "ifeq") {
            let expected = words.bytes()?;
            choose(&mut set.condition, SetCondition::IfEqual(expected))?;
        } else if is(option, "get") {
            set.reply = SetReply::Old;
        } else if is(option, "vector") && words.spec.name == TYPED {
            set.vector = Some(vector(&words.bytes()?)?.into());
        } else if is(option, "keepttl") {
            lifetime.choose(LifetimeKind::Keep, b"")?;
        } else {
            lifetime.option(option, words)?;
        }
    }
    set.expiry = lifetime
        .expiry(expiry::lifetime, words)?
        .unwrap_or(Expiry::Clear);
    Ok(Command::Set(set).into())
}

/// A condition may be repeated, not replaced by another one.
fn choose(chosen: &mut SetCondition, condition: SetCondition) -> Result<()> {
    let same_kind = std::mem::discriminant(chosen) == std::mem::discriminant(&condition);
    if *chosen != SetCondition::Always && !same_kind {
        return Err(syntax_error());
    }
    *chosen = condition;
    Ok(())
}

/// The option that says how long a value lives; its number is read once all options are known.
#[derive(Default)]
struct Lifetime<'a> {
    chosen: Option<(LifetimeKind, &'a [u8])>,
}

type ReadNumber = fn(&[u8], Unit, Base, &CommandSpec) -> Result<When>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum LifetimeKind {
    Keep,
    Persist,
    Until(Unit, Base),
}

impl<'a> Lifetime<'a> {
    fn option(&mut self, option: &[u8], words: &mut Words<'a>) -> Result<()> {
        let kinds = [
            ("ex", Unit::Seconds, Base::Now),
            ("px", Unit::Millis, Base::Now),
            ("exat", Unit::Seconds, Base::Epoch),
            ("pxat", Unit::Millis, Base::Epoch),
        ];
        let (_, unit, base) = kinds
            .into_iter()
            .find(|(name, _, _)| is(option, name))
            .ok_or_else(syntax_error)?;
        self.choose(LifetimeKind::Until(unit, base), words.take()?)
    }

    fn choose(&mut self, kind: LifetimeKind, number: &'a [u8]) -> Result<()> {
        if self.chosen.is_some_and(|(chosen, _)| chosen != kind) {
            return Err(syntax_error());
        }
        self.chosen = Some((kind, number));
        Ok(())
    }

    /// What was chosen; `read` reads its number.
    fn expiry(self, read: ReadNumber, words: &Words<'_>) -> Result<Option<Expiry>> {
        Ok(match self.chosen {
            None => None,
            Some((LifetimeKind::Keep, _)) => Some(Expiry::Keep),
            Some((LifetimeKind::Persist, _)) => Some(Expiry::Clear),
            Some((LifetimeKind::Until(unit, base), number)) => {
                Some(Expiry::At(read(number, unit, base, words.spec)?))
            }
        })
    }
}

fn setnx(words: &mut Words<'_>) -> Result<Parsed> {
    let set = Set::new(words.bytes()?, EncodedValue::from_bytes(words.bytes()?));
    let set = Set {
        condition: SetCondition::IfAbsent,
        reply: SetReply::Count,
        ..set
    };
    Ok(Command::Set(set).into())
}

fn setex(words: &mut Words<'_>) -> Result<Parsed> {
    set_for(words, Unit::Seconds)
}

fn psetex(words: &mut Words<'_>) -> Result<Parsed> {
    set_for(words, Unit::Millis)
}

fn set_for(words: &mut Words<'_>, unit: Unit) -> Result<Parsed> {
    let key = words.bytes()?;
    let when = expiry::lifetime(words.take()?, unit, Base::Now, words.spec)?;
    let set = Set {
        expiry: Expiry::At(when),
        ..Set::new(key, EncodedValue::from_bytes(words.bytes()?))
    };
    Ok(Command::Set(set).into())
}

fn getset(words: &mut Words<'_>) -> Result<Parsed> {
    let set = Set {
        reply: SetReply::Old,
        ..Set::new(words.bytes()?, EncodedValue::from_bytes(words.bytes()?))
    };
    Ok(Command::Set(set).into())
}

fn getdel(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::GetDel(words.bytes()?).into())
}

fn getex(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let mut lifetime = Lifetime::default();
    while let Some(option) = words.next() {
        if is(option, "persist") {
            lifetime.choose(LifetimeKind::Persist, b"")?;
        } else {
            lifetime.option(option, words)?;
        }
    }
    Ok(match lifetime.expiry(expiry::lifetime_if_any, words)? {
        None => Command::Get(key).into(),
        Some(expiry) => Command::GetEx { key, expiry }.into(),
    })
}

fn mget(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::MGet(words.all()?).into())
}

fn mset(words: &mut Words<'_>) -> Result<Parsed> {
    set_all(words, false)
}

fn msetnx(words: &mut Words<'_>) -> Result<Parsed> {
    set_all(words, true)
}

fn set_all(words: &mut Words<'_>, only_if_none_exists: bool) -> Result<Parsed> {
    if !words.left().is_multiple_of(2) {
        return Err(wrong_arity(words.spec.name));
    }
    let count = words.left() / 2;
    words.limits.check_count(count)?;
    let mut pairs = Vec::with_capacity(count);
    while !words.is_empty() {
        pairs.push((words.bytes()?, EncodedValue::from_bytes(words.bytes()?)));
    }
    let command = Command::MSet {
        pairs,
        only_if_none_exists,
    };
    Ok(command.into())
}

fn append(words: &mut Words<'_>) -> Result<Parsed> {
    let command = Command::Append {
        key: words.bytes()?,
        suffix: words.bytes()?,
    };
    Ok(command.into())
}

fn strlen(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::StrLen(words.bytes()?).into())
}

fn getrange(words: &mut Words<'_>) -> Result<Parsed> {
    let command = Command::GetRange {
        key: words.bytes()?,
        start: words.int()?,
        end: words.int()?,
    };
    Ok(command.into())
}

fn setrange(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let offset = words.int()?;
    let command = Command::SetRange {
        key,
        offset: u64::try_from(offset).map_err(|_| err("offset is out of range"))?,
        patch: words.bytes()?,
    };
    Ok(command.into())
}

fn incr(words: &mut Words<'_>) -> Result<Parsed> {
    add(words, 1)
}

fn decr(words: &mut Words<'_>) -> Result<Parsed> {
    add(words, -1)
}

fn add(words: &mut Words<'_>, delta: i64) -> Result<Parsed> {
    let key = words.bytes()?;
    Ok(Command::IncrBy { key, delta }.into())
}

fn incrby(words: &mut Words<'_>) -> Result<Parsed> {
    let command = Command::IncrBy {
        key: words.bytes()?,
        delta: words.int()?,
    };
    Ok(command.into())
}

fn decrby(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let delta = words
        .int()?
        .checked_neg()
        .ok_or_else(|| err("decrement would overflow"))?;
    Ok(Command::IncrBy { key, delta }.into())
}

fn incrbyfloat(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let delta = parse_f64(words.take()?).ok_or_else(|| err("value is not a valid float"))?;
    Ok(Command::IncrByFloat { key, delta }.into())
}
