//! Commands on the server.

use bytes::Bytes;

use super::{ConnectionCommand, Parsed, Result, Words, err, is, syntax_error};
use crate::reply::Reply;
use crate::resp::docs;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, Subcommand, spec, subcommand};

/// [`ConnectionCommand::Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigCommand {
    /// The settings whose names match any of these patterns (lower case): a map.
    Get(Vec<Bytes>),
    /// Changes settings, all or none.
    Set(Vec<(Bytes, Bytes)>),
    /// Sets statistics to zero.
    ResetStat,
    /// Writes the settings to the file they came from.
    Rewrite,
}

const NONE: KeyArgs = KeyArgs::NONE;
const FLAGS: Flags = Flags::LOADING;

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    CommandSpec {
        subcommands: COMMAND,
        ..spec("command", -1, FLAGS, NONE, "[COUNT|DOCS|GETKEYS|INFO|LIST ...]",
            "Tells about commands.", command)
    },
    spec("info", -1, FLAGS, NONE, "[section ...]",
        "Tells about the server.", info),
    CommandSpec {
        subcommands: CONFIG,
        ..spec("config", -2, FLAGS.and(Flags::ADMIN), NONE, "GET|SET|RESETSTAT|REWRITE ...",
            "Reads and changes settings.", help)
    },
    spec("bgsave", -1, FLAGS.and(Flags::ADMIN).and(Flags::NO_MULTI), NONE, "[SCHEDULE]",
        "Starts to write a snapshot.", bgsave),
    spec("time", 1, FLAGS.and(Flags::FAST), NONE, "",
        "Returns the time: seconds and microseconds.", time),
    CommandSpec {
        subcommands: FUNCTION,
        ..spec("function", -2, FLAGS, NONE, "FLUSH [ASYNC|SYNC]",
            "There are no functions; flushing them succeeds.", help)
    },
];

#[rustfmt::skip]
const COMMAND: &[Subcommand] = &[
    subcommand("count", 2, "", "Returns how many commands there are.", command_count),
    subcommand("docs", -2, "[command ...]", "Describes commands to people.", command_docs),
    subcommand("getkeys", -3, "command ...", "Returns the keys of a request.", command_getkeys),
    subcommand("help", 2, "", "Prints this.", help),
    subcommand("info", -2, "[command ...]", "Describes commands to programs.", command_info),
    subcommand("list", -2, "[FILTERBY ACLCAT category|MODULE name|PATTERN pattern]",
        "Returns the names of commands.", command_list),
];

#[rustfmt::skip]
const CONFIG: &[Subcommand] = &[
    subcommand("get", -3, "pattern ...", "Returns settings.", config_get),
    subcommand("help", 2, "", "Prints this.", help),
    subcommand("resetstat", 2, "", "Sets statistics to zero.", config_resetstat),
    subcommand("rewrite", 2, "", "Writes the settings to their file.", config_rewrite),
    subcommand("set", -4, "name value ...", "Changes settings.", config_set),
];

#[rustfmt::skip]
const FUNCTION: &[Subcommand] = &[
    subcommand("flush", -2, "[ASYNC|SYNC]", "Succeeds: there are no functions.", function_flush),
    subcommand("help", 2, "", "Prints this.", help),
];

fn answered(reply: Reply) -> Result<Parsed> {
    Ok(ConnectionCommand::Answered(reply).into())
}

fn help(words: &mut Words<'_>) -> Result<Parsed> {
    answered(docs::help(words.spec))
}

fn command(_: &mut Words<'_>) -> Result<Parsed> {
    answered(docs::info_of_all())
}

fn command_count(_: &mut Words<'_>) -> Result<Parsed> {
    answered(Reply::count(crate::resp::commands().len()))
}

fn command_docs(words: &mut Words<'_>) -> Result<Parsed> {
    answered(docs::docs(&words.all()?))
}

fn command_info(words: &mut Words<'_>) -> Result<Parsed> {
    answered(match words.all()?.as_slice() {
        [] => docs::info_of_all(),
        names => docs::info(names),
    })
}

fn command_getkeys(words: &mut Words<'_>) -> Result<Parsed> {
    answered(docs::keys_of(words.rest(), words.limits)?)
}

fn command_list(words: &mut Words<'_>) -> Result<Parsed> {
    let Some(option) = words.next() else {
        return answered(docs::names(|_| true));
    };
    if !is(option, "filterby") || words.left() != 2 {
        return Err(syntax_error());
    }
    let (filter, operand) = (words.take()?, words.take()?);
    if is(filter, "module") {
        answered(Reply::Array(Vec::new()))
    } else if is(filter, "pattern") {
        answered(docs::names(|spec| {
            crate::glob::matches_ignoring_case(operand, spec.name.as_bytes())
        }))
    } else if is(filter, "aclcat") {
        answered(docs::names(|spec| docs::has_category(spec, operand)))
    } else {
        Err(syntax_error())
    }
}

fn info(words: &mut Words<'_>) -> Result<Parsed> {
    words.limits.check_count(words.left())?;
    let mut sections = Vec::new();
    while let Some(section) = words.next() {
        sections.push(String::from_utf8_lossy(section).to_ascii_lowercase());
    }
    Ok(ConnectionCommand::Info { sections }.into())
}

fn config(command: ConfigCommand) -> Result<Parsed> {
    Ok(ConnectionCommand::Config(command).into())
}

fn config_get(words: &mut Words<'_>) -> Result<Parsed> {
    let patterns = words.all()?;
    let lower = |pattern: &Bytes| pattern.to_ascii_lowercase().into();
    config(ConfigCommand::Get(patterns.iter().map(lower).collect()))
}

fn config_set(words: &mut Words<'_>) -> Result<Parsed> {
    if !words.left().is_multiple_of(2) {
        return Err(syntax_error());
    }
    words.limits.check_count(words.left() / 2)?;
    let mut settings = Vec::new();
    while !words.is_empty() {
        let name = words.take()?.to_ascii_lowercase();
        settings.push((name.into(), words.bytes()?));
    }
    config(ConfigCommand::Set(settings))
}

fn config_resetstat(_: &mut Words<'_>) -> Result<Parsed> {
    config(ConfigCommand::ResetStat)
}

fn config_rewrite(_: &mut Words<'_>) -> Result<Parsed> {
    config(ConfigCommand::Rewrite)
}

fn bgsave(words: &mut Words<'_>) -> Result<Parsed> {
    match words.next() {
        None => Ok(ConnectionCommand::BgSave.into()),
        Some(option) if words.is_empty() && is(option, "schedule") => {
            Ok(ConnectionCommand::BgSave.into())
        }
        Some(_) => Err(syntax_error()),
    }
}

fn time(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Time.into())
}

fn function_flush(words: &mut Words<'_>) -> Result<Parsed> {
    match words.next() {
        None => answered(Reply::Ok),
        Some(mode) if words.is_empty() && (is(mode, "async") || is(mode, "sync")) => {
            answered(Reply::Ok)
        }
        Some(_) => Err(err("FUNCTION FLUSH only supports SYNC|ASYNC option")),
    }
}
