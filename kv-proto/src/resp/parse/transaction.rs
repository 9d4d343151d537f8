//! MULTI and its kin.

use super::{ConnectionCommand, Parsed, Result, Words};
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, spec};

const FLAGS: Flags = Flags::FAST.and(Flags::LOADING).and(Flags::NOT_QUEUED);

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("multi", 1, FLAGS, KeyArgs::NONE, "",
        "Begins a transaction: what follows is queued.", multi),
    spec("exec", 1, FLAGS, KeyArgs::NONE, "",
        "Executes what was queued, in one step.", exec),
    spec("discard", 1, FLAGS, KeyArgs::NONE, "",
        "Forgets what was queued.", discard),
    spec("watch", -2, FLAGS.and(Flags::NO_MULTI), KeyArgs::ALL, "key ...",
        "Lets the next EXEC fail if one of the keys changes before.", watch),
    spec("unwatch", 1, Flags::FAST.and(Flags::LOADING), KeyArgs::NONE, "",
        "Forgets the watched keys.", unwatch),
];

fn multi(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Multi.into())
}

fn exec(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Exec.into())
}

fn discard(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Discard.into())
}

fn watch(words: &mut Words<'_>) -> Result<Parsed> {
    let keys = words.all()?;
    keys.iter()
        .try_for_each(|key| words.limits.check_key(key))?;
    Ok(ConnectionCommand::Watch(keys).into())
}

fn unwatch(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Unwatch.into())
}
