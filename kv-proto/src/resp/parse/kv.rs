//! Commands of our own.

use super::key::positive;
use super::string::with_options;
use super::{ConnectionCommand, Parsed, Result, Words, err, is, syntax_error};
use crate::command::{Command, Key, Set, SetCondition, SetReply};
use crate::number::parse_f64;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, spec};
use crate::resp::table::resolve;
use crate::value::EncodedValue;

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("kv.set", -3, Flags::GROWS, KeyArgs::ONE,
        "key json [VECTOR floats] [NX|XX|IFEQ value] [GET] [EX seconds|PX milliseconds|EXAT unix-seconds|PXAT unix-milliseconds|KEEPTTL]",
        "Stores a typed value, with a vector if it has one.", set),
    spec("kv.cas", 4, Flags::FAST_GROWS, KeyArgs::ONE, "key old new",
        "Stores a value if the present one is as expected; returns 1 or 0.", cas),
    spec("kv.range", -3, Flags::READONLY, KeyArgs::NONE, "start end [LIMIT n] [REV]",
        "Returns keys and values from start up to, not including, end; - and + are open ends.", range),
    spec("kv.meta", -1, Flags::FAST_READ, KeyArgs::ONE, "[key]",
        "Returns what is known of a key, or of this node.", meta),
    spec("kv.train", 1, Flags::WRITE.and(Flags::NO_MULTI), KeyArgs::NONE, "",
        "Learns from all texts which words go together, for KV.SIMILAR; returns the model's number.", train),
    spec("kv.fault", -3, Flags::GROWS, KeyArgs::NONE, "chance command ...",
        "Executes a write that fails to reach memory with a chance of 0 to 1, to test recovery.", fault),
];

fn set(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let json = words.take()?;
    words.limits.check_value_len(json.len())?;
    let value = EncodedValue::from_json(json).map_err(|error| err(error.to_string()))?;
    with_options(Set::new(key, value), words)
}

/// The same as `SET key new IFEQ old` with a count for an answer: texts are compared, and a byte
/// string is stored.
fn cas(words: &mut Words<'_>) -> Result<Parsed> {
    let key = words.bytes()?;
    let expected = words.bytes()?;
    let set = Set {
        condition: SetCondition::IfEqual(expected),
        reply: SetReply::Count,
        ..Set::new(key, EncodedValue::from_bytes(words.bytes()?))
    };
    Ok(Command::Set(set).into())
}

/// The ends `-` and `+` are open. Keys with these very names can be ends in the native protocol.
fn range(words: &mut Words<'_>) -> Result<Parsed> {
    let start = Some(words.bytes()?).filter(|start| start != "-");
    let end = Some(words.bytes()?).filter(|end| end != "+");
    let mut limit = words.limits.batch_ops_max as u64;
    let mut reverse = false;
    while let Some(option) = words.next() {
        if is(option, "limit") {
            limit = positive(words)?;
        } else if is(option, "rev") {
            reverse = true;
        } else {
            return Err(syntax_error());
        }
    }
    let command = Command::Range {
        start: start.unwrap_or_else(Key::new),
        end,
        limit,
        reverse,
    };
    Ok(command.into())
}

fn meta(words: &mut Words<'_>) -> Result<Parsed> {
    if words.is_empty() {
        return Ok(ConnectionCommand::NodeMeta.into());
    }
    let key = words.bytes()?;
    words.end()?;
    Ok(Command::Meta(key).into())
}

fn train(_words: &mut Words<'_>) -> Result<Parsed> {
    Ok(Command::Train.into())
}

fn fault(words: &mut Words<'_>) -> Result<Parsed> {
    let chance = parse_f64(words.take()?)
        .filter(|chance| (0.0..=1.0).contains(chance))
        .ok_or_else(|| err("chance is not a number from 0 to 1"))?;
    let inner = resolve(words.rest())?;
    if inner.name == words.spec.name {
        return Err(err("faults do not nest"));
    }
    match inner.parse(words.rest(), words.limits)? {
        Parsed::Data(mut request) if request.command.is_write() => {
            request.fault = Some(chance);
            Ok(Parsed::Data(request))
        }
        _ => Err(err("only a write can be made to fail")),
    }
}
