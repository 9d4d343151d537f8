//! Publishing and subscribing.

use bytes::Bytes;

use super::{ConnectionCommand, Parsed, Result, Words, err};
use crate::resp::docs;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, Subcommand, spec, subcommand};

/// [`ConnectionCommand::PubSub`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PubSubQuery {
    /// The channels with subscribers: an array.
    Channels {
        /// Only those that match; all if absent.
        pattern: Option<Bytes>,
    },
    /// How many subscribers the channels have: an array channel, count, channel, count, …
    NumSub(Vec<Bytes>),
    /// How many patterns are subscribed to.
    NumPat,
}

const NONE: KeyArgs = KeyArgs::NONE;
const FLAGS: Flags = Flags::PUBSUB.and(Flags::LOADING);

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("subscribe", -2, FLAGS, NONE, "channel ...",
        "Listens to channels.", subscribe),
    spec("unsubscribe", -1, FLAGS, NONE, "[channel ...]",
        "Stops listening to channels.", unsubscribe),
    spec("psubscribe", -2, FLAGS, NONE, "pattern ...",
        "Listens to all channels that match.", psubscribe),
    spec("punsubscribe", -1, FLAGS, NONE, "[pattern ...]",
        "Stops listening to patterns.", punsubscribe),
    spec("publish", 3, Flags::FAST.and(Flags::LOADING), NONE, "channel message",
        "Sends a message to all who listen to a channel.", publish),
    CommandSpec {
        subcommands: PUBSUB,
        ..spec("pubsub", -2, Flags::LOADING, NONE, "CHANNELS|NUMSUB|NUMPAT ...",
            "Tells who listens to what.", help)
    },
];

#[rustfmt::skip]
const PUBSUB: &[Subcommand] = &[
    subcommand("channels", -2, "[pattern]", "Returns the channels somebody listens to.", channels),
    subcommand("numsub", -2, "[channel ...]", "Returns how many listen to channels.", numsub),
    subcommand("numpat", 2, "", "Returns how many patterns are listened to.", numpat),
    subcommand("help", 2, "", "Prints this.", help),
];

fn subscribe(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Subscribe(names(words)?).into())
}

fn unsubscribe(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Unsubscribe(names(words)?).into())
}

fn psubscribe(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::PSubscribe(names(words)?).into())
}

fn punsubscribe(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::PUnsubscribe(names(words)?).into())
}

/// Channels and patterns are bounded like keys.
fn names(words: &mut Words<'_>) -> Result<Vec<Bytes>> {
    let names = words.all()?;
    names
        .iter()
        .try_for_each(|name| words.limits.check_key(name))?;
    Ok(names)
}

fn publish(words: &mut Words<'_>) -> Result<Parsed> {
    let (channel, message) = (words.bytes()?, words.bytes()?);
    words.limits.check_key(&channel)?;
    words.limits.check_value_len(message.len())?;
    Ok(ConnectionCommand::Publish { channel, message }.into())
}

fn channels(words: &mut Words<'_>) -> Result<Parsed> {
    if words.left() > 1 {
        return Err(err(
            "unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
        ));
    }
    let pattern = names(words)?.pop();
    Ok(ConnectionCommand::PubSub(PubSubQuery::Channels { pattern }).into())
}

fn numsub(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::PubSub(PubSubQuery::NumSub(names(words)?)).into())
}

fn numpat(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::PubSub(PubSubQuery::NumPat).into())
}

fn help(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Answered(docs::help(words.spec)).into())
}
