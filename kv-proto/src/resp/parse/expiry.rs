//! Commands on when keys expire.

use super::{Parsed, Result, Words, err, is, not_an_integer};
use crate::command::{Command, ExpireCondition, TtlForm, When};
use crate::number::parse_i64;
use crate::reply::ErrorReply;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, spec};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
}

/// From when a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Now,
    Epoch,
}

/// Later than any clock shows: a time after now must fit on top of it.
const NOW_MS_MAX: i64 = 1 << 43;

const READ: Flags = Flags::FAST_READ;
const WRITE: Flags = Flags::FAST_WRITE;

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("expire", -3, WRITE, KeyArgs::ONE, "key seconds [NX|XX|GT|LT]",
        "Lets a key expire after some seconds.", expire),
    spec("pexpire", -3, WRITE, KeyArgs::ONE, "key milliseconds [NX|XX|GT|LT]",
        "Lets a key expire after some milliseconds.", pexpire),
    spec("expireat", -3, WRITE, KeyArgs::ONE, "key unix-seconds [NX|XX|GT|LT]",
        "Lets a key expire at a time in seconds.", expireat),
    spec("pexpireat", -3, WRITE, KeyArgs::ONE, "key unix-milliseconds [NX|XX|GT|LT]",
        "Lets a key expire at a time in milliseconds.", pexpireat),
    spec("persist", 2, WRITE, KeyArgs::ONE, "key",
        "Lets a key never expire.", persist),
    spec("ttl", 2, READ, KeyArgs::ONE, "key",
        "Returns how many seconds a key has left.", ttl),
    spec("pttl", 2, READ, KeyArgs::ONE, "key",
        "Returns how many milliseconds a key has left.", pttl),
    spec("expiretime", 2, READ, KeyArgs::ONE, "key",
        "Returns when a key expires, in seconds.", expiretime),
    spec("pexpiretime", 2, READ, KeyArgs::ONE, "key",
        "Returns when a key expires, in milliseconds.", pexpiretime),
];

/// How long a value that is now stored shall live: it must be the future of some clock.
pub(super) fn lifetime(number: &[u8], unit: Unit, base: Base, spec: &CommandSpec) -> Result<When> {
    let number = parse_i64(number).ok_or_else(not_an_integer)?;
    if number <= 0 {
        return Err(invalid_expire_time(spec));
    }
    when(number, unit, base, spec)
}

/// The same for a value that may not be there: then nobody minds a time that cannot be.
pub(super) fn lifetime_if_any(
    number: &[u8],
    unit: Unit,
    base: Base,
    spec: &CommandSpec,
) -> Result<When> {
    parse_i64(number).ok_or_else(not_an_integer)?;
    Ok(lifetime(number, unit, base, spec).unwrap_or(When::IMPOSSIBLE))
}

fn when(number: i64, unit: Unit, base: Base, spec: &CommandSpec) -> Result<When> {
    let ms = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Millis => Some(number),
    };
    match (ms, base) {
        (Some(ms), Base::Epoch) => Ok(When::UnixMs(ms)),
        (Some(ms), Base::Now) if ms <= i64::MAX - NOW_MS_MAX => Ok(When::InMs(ms)),
        _ => Err(invalid_expire_time(spec)),
    }
}

fn invalid_expire_time(spec: &CommandSpec) -> ErrorReply {
    err(format!("invalid expire time in '{}' command", spec.name))
}

fn expire(words: &mut Words<'_>) -> Result<Parsed> {
    expire_when(words, Unit::Seconds, Base::Now)
}

fn pexpire(words: &mut Words<'_>) -> Result<Parsed> {
    expire_when(words, Unit::Millis, Base::Now)
}

fn expireat(words: &mut Words<'_>) -> Result<Parsed> {
    expire_when(words, Unit::Seconds, Base::Epoch)
}

fn pexpireat(words: &mut Words<'_>) -> Result<Parsed> {
    expire_when(words, Unit::Millis, Base::Epoch)
}

fn expire_when(words: &mut Words<'_>, unit: Unit, base: Base) -> Result<Parsed> {
    let key = words.bytes()?;
    let number = words.take()?;
    let condition = conditions(words)?;
    let number = parse_i64(number).ok_or_else(not_an_integer)?;
    let command = Command::ExpireAt {
        key,
        when: when(number, unit, base, words.spec)?,
        condition,
    };
    Ok(command.into())
}

/// XX goes with GT and LT; everything else excludes each other.
fn conditions(words: &mut Words<'_>) -> Result<ExpireCondition> {
    let (mut nx, mut xx, mut gt, mut lt) = (false, false, false, false);
    while let Some(option) = words.next() {
        let known = [
            ("nx", &mut nx),
            ("xx", &mut xx),
            ("gt", &mut gt),
            ("lt", &mut lt),
        ];
        match known.into_iter().find(|(name, _)| is(option, name)) {
            Some((_, given)) => *given = true,
            None => return Err(unsupported(option)),
        }
    }
    if nx && (xx || gt || lt) {
        return Err(err(
            "NX and XX, GT or LT options at the same time are not compatible",
        ));
    }
    Ok(match (nx, xx, gt, lt) {
        (_, _, true, true) => {
            return Err(err("GT and LT options at the same time are not compatible"));
        }
        (true, ..) => ExpireCondition::IfNone,
        (_, _, true, _) => ExpireCondition::IfLater,
        (_, true, _, true) => ExpireCondition::IfSomeAndEarlier,
        (_, _, _, true) => ExpireCondition::IfEarlier,
        (_, true, ..) => ExpireCondition::IfSome,
        _ => ExpireCondition::Always,
    })
}

fn unsupported(option: &[u8]) -> ErrorReply {
    err(format!(
        "Unsupported option {}",
        String::from_utf8_lossy(option)
    ))
}

fn persist(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Persist(words.bytes()?).into())
}

fn ttl(words: &mut Words<'_>) -> Result<Parsed> {
    time_left(words, TtlForm::Seconds)
}

fn pttl(words: &mut Words<'_>) -> Result<Parsed> {
    time_left(words, TtlForm::Millis)
}

fn expiretime(words: &mut Words<'_>) -> Result<Parsed> {
    time_left(words, TtlForm::UnixSeconds)
}

fn pexpiretime(words: &mut Words<'_>) -> Result<Parsed> {
    time_left(words, TtlForm::UnixMillis)
}

fn time_left(words: &mut Words<'_>, form: TtlForm) -> Result<Parsed> {
    let key = words.bytes()?;
    Ok(Command::Ttl { key, form }.into())
}
