//! Commands on keys, whatever their value.

use super::{Parsed, Result, Words, err, is, not_an_integer, syntax_error};
use crate::command::Command;
use crate::number::parse_i64;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, spec};

/// How many keys a `SCAN` looks at unless told.
const SCAN_COUNT: u64 = 10;

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("del", -2, Flags::WRITE, KeyArgs::ALL, "key ...",
        "Removes keys; returns how many there were.", del),
    spec("unlink", -2, Flags::FAST_WRITE, KeyArgs::ALL, "key ...",
        "Removes keys; returns how many there were.", del),
    spec("exists", -2, Flags::FAST_READ, KeyArgs::ALL, "key ...",
        "Returns how many of the keys exist.", exists),
    spec("type", 2, Flags::FAST_READ, KeyArgs::ONE, "key",
        "Returns the type of a value.", kind),
    spec("touch", -2, Flags::FAST_READ, KeyArgs::ALL, "key ...",
        "Returns how many of the keys exist.", touch),
    spec("rename", 3, Flags::WRITE, KeyArgs::TWO, "key newkey",
        "Renames a key, replacing another one.", rename),
    spec("renamenx", 3, Flags::FAST_WRITE, KeyArgs::TWO, "key newkey",
        "Renames a key if the new name is free.", renamenx),
    spec("copy", -3, Flags::GROWS, KeyArgs::TWO, "source destination [DB 0] [REPLACE]",
        "Copies a value to another key.", copy),
    spec("randomkey", 1, Flags::READONLY, KeyArgs::NONE, "",
        "Returns any key.", randomkey),
    spec("keys", 2, Flags::READONLY, KeyArgs::NONE, "pattern",
        "Returns all keys that match a pattern.", keys),
    spec("scan", -2, Flags::READONLY, KeyArgs::NONE, "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        "Returns some keys, and where to go on.", scan),
    spec("dbsize", 1, Flags::FAST_READ, KeyArgs::NONE, "",
        "Returns how many keys there are.", dbsize),
    spec("flushdb", -1, Flags::WRITE, KeyArgs::NONE, "[ASYNC|SYNC]",
        "Removes all keys.", flush),
    spec("flushall", -1, Flags::WRITE, KeyArgs::NONE, "[ASYNC|SYNC]",
        "Removes all keys.", flush),
];

fn del(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Del(words.all()?).into())
}

fn exists(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Exists(words.all()?).into())
}

fn touch(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Touch(words.all()?).into())
}

fn kind(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Type(words.bytes()?).into())
}

fn rename(words: &mut Words<'_>) -> Result<Parsed> {
    rename_if(words, false)
}

fn renamenx(words: &mut Words<'_>) -> Result<Parsed> {
    rename_if(words, true)
}

fn rename_if(words: &mut Words<'_>, only_if_absent: bool) -> Result<Parsed> {
    let command = Command::Rename {
        from: words.bytes()?,
        to: words.bytes()?,
        only_if_absent,
    };
    Ok(command.into())
}

fn copy(words: &mut Words<'_>) -> Result<Parsed> {
    let (from, to) = (words.bytes()?, words.bytes()?);
    let mut replace = false;
    while let Some(option) = words.next() {
        if is(option, "replace") {
            replace = true;
        } else if is(option, "db") {
            database(words)?;
        } else {
            return Err(syntax_error());
        }
    }
    if from == to {
        return Err(err("source and destination objects are the same"));
    }
    Ok(Command::Copy { from, to, replace }.into())
}

/// The number of a database: there is only 0.
pub(super) fn database(words: &mut Words<'_>) -> Result<()> {
    let index = words.int()?;
    if i32::try_from(index).is_err() {
        return Err(err(format!(
            "value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        )));
    }
    match index {
        0 => Ok(()),
        _ => Err(err("DB index is out of range")),
    }
}

fn randomkey(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::RandomKey.into())
}

fn keys(words: &mut Words<'_>) -> Result<Parsed> {
    let pattern = words.bytes()?;
    Ok(Command::Keys { pattern }.into())
}

fn scan(words: &mut Words<'_>) -> Result<Parsed> {
    let cursor = parse_cursor(words.take()?).ok_or_else(|| err("invalid cursor"))?;
    let (mut pattern, mut count, mut kind) = (None, SCAN_COUNT, None);
    while let Some(option) = words.next() {
        if words.is_empty() {
            return Err(syntax_error());
        } else if is(option, "match") {
            pattern = Some(words.bytes()?);
        } else if is(option, "count") {
            count = positive(words)?;
        } else if is(option, "type") {
            kind = Some(words.bytes()?);
        } else {
            return Err(syntax_error());
        }
    }
    let command = Command::Scan {
        cursor,
        pattern,
        count,
        kind,
    };
    Ok(command.into())
}

fn parse_cursor(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A count of at least one; fewer is a syntax error.
pub(super) fn positive(words: &mut Words<'_>) -> Result<u64> {
    let count = parse_i64(words.take()?).ok_or_else(not_an_integer)?;
    u64::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(syntax_error)
}

fn dbsize(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::DbSize.into())
}

fn flush(words: &mut Words<'_>) -> Result<Parsed> {
    match words.next() {
        None => {}
        Some(mode) if is(mode, "async") || is(mode, "sync") => words.end()?,
        Some(_) => return Err(syntax_error()),
    }
    Ok(Command::Flush.into())
}
