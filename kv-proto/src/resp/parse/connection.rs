//! Commands on the connection itself.

use bytes::Bytes;

use super::pubsub::PubSubQuery;
use super::server::ConfigCommand;
use super::{Parsed, Result, Words, err, is, syntax_error};
use crate::command::Key;
use crate::credentials::Credentials;
use crate::number::parse_i64;
use crate::reply::{ErrorCode, ErrorReply, Reply};
use crate::resp::docs;
use crate::resp::encode::Protocol;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, Subcommand, spec, subcommand, wrong_arity};

use super::key::database;

/// A command that the connection answers, not the data.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConnectionCommand {
    /// The answer depends on nothing but the request (COMMAND, ECHO, SELECT 0, …).
    Answered(Reply),
    /// Answer PONG, or this.
    Ping(Option<Bytes>),
    /// Negotiate, authenticate, tell about the server.
    Hello(Hello),
    /// Authenticate.
    Auth(Credentials),
    /// Answer OK and close.
    Quit,
    /// Forget everything about the connection; answer RESET.
    Reset,
    /// Whether this connection's reads may be stale from now on; answer OK.
    Stale(bool),
    /// About connections.
    Client(ClientCommand),
    /// Tell about the server; sections in lower case, all if there are none.
    Info {
        /// Which ones.
        sections: Vec<String>,
    },
    /// Read or change settings.
    Config(ConfigCommand),
    /// Unix seconds and microseconds.
    Time,
    /// Ask for a snapshot.
    BgSave,
    /// Begin a transaction.
    Multi,
    /// Execute it.
    Exec,
    /// Forget it.
    Discard,
    /// Let EXEC fail if one of these changes.
    Watch(Vec<Key>),
    /// Forget the watched keys.
    Unwatch,
    /// Listen to channels.
    Subscribe(Vec<Bytes>),
    /// Stop listening to channels; to all if there are none.
    Unsubscribe(Vec<Bytes>),
    /// Listen to patterns.
    PSubscribe(Vec<Bytes>),
    /// Stop listening to patterns; to all if there are none.
    PUnsubscribe(Vec<Bytes>),
    /// Send to all who listen.
    Publish {
        /// To whom.
        channel: Bytes,
        /// What.
        message: Bytes,
    },
    /// Who listens to what.
    PubSub(PubSubQuery),
    /// KV.META without a key: tell about this node.
    NodeMeta,
}

/// [`ConnectionCommand::Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// What to speak from now on; as before if absent.
    pub protocol: Option<Protocol>,
    /// Authenticate first.
    pub credentials: Option<Credentials>,
    /// The connection's name from now on.
    pub name: Option<String>,
}

/// [`ConnectionCommand::Client`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCommand {
    /// The connection's number.
    Id,
    /// The connection's name, or nil.
    GetName,
    /// Names the connection.
    SetName(String),
    /// Remembers what library the client uses.
    SetInfo {
        /// `lib-name` or `lib-ver`.
        attribute: &'static str,
        /// Its value.
        value: String,
    },
    /// Tells about this connection, in one line.
    Info,
    /// Tells about connections, one line each.
    List {
        /// Only these; all if absent.
        ids: Option<Vec<u64>>,
        /// Only of this kind.
        kind: Option<ClientKind>,
    },
    /// Closes connections that match everything given; answers how many.
    Kill {
        /// With this number.
        id: Option<u64>,
        /// With this address.
        addr: Option<String>,
        /// Of this kind.
        kind: Option<ClientKind>,
        /// Not this one itself.
        skip_me: bool,
    },
    /// Closes the connection with this address; answers OK, or an error if there is none.
    KillAddr(String),
    /// Which replies are sent from now on.
    Reply(ClientReplyMode),
    /// NO-EVICT and NO-TOUCH: accepted, and without effect here.
    Accepted,
}

/// A kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientKind {
    /// Asks and is answered.
    Normal,
    /// Listens to channels.
    PubSub,
    /// Another node; none uses this port.
    Replication,
}

/// [`ClientCommand::Reply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientReplyMode {
    /// All; this one is answered.
    On,
    /// None.
    Off,
    /// Not the next one's.
    Skip,
}

const NONE: KeyArgs = KeyArgs::NONE;
const FLAGS: Flags = Flags::FAST.and(Flags::LOADING);
const NO_AUTH: Flags = FLAGS.and(Flags::NO_AUTH).and(Flags::NOT_QUEUED);

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("ping", -1, FLAGS.and(Flags::PUBSUB), NONE, "[message]",
        "Returns PONG, or the message.", ping),
    spec("echo", 2, FLAGS, NONE, "message",
        "Returns the message.", echo),
    spec("hello", -1, FLAGS.and(Flags::NO_AUTH), NONE, "[protover [AUTH username password] [SETNAME name]]",
        "Agrees on a protocol version.", hello),
    spec("auth", -2, FLAGS.and(Flags::NO_AUTH), NONE, "[username] password",
        "Authenticates the connection.", auth),
    spec("quit", -1, NO_AUTH.and(Flags::PUBSUB), NONE, "",
        "Closes the connection.", quit),
    spec("reset", 1, NO_AUTH.and(Flags::PUBSUB), NONE, "",
        "Makes the connection as new.", reset),
    spec("select", 2, FLAGS, NONE, "index",
        "Chooses a database; there is only 0.", select),
    spec("readonly", 1, FLAGS, NONE, "",
        "Lets this connection's reads be stale.", readonly),
    spec("readwrite", 1, FLAGS, NONE, "",
        "Ends READONLY: reads see everything that is acknowledged.", readwrite),
    CommandSpec {
        subcommands: CLIENT,
        ..spec("client", -2, Flags::LOADING, NONE, "GETNAME|ID|INFO|KILL|LIST|SETNAME ...",
            "Tells about connections.", help)
    },
];

#[rustfmt::skip]
const CLIENT: &[Subcommand] = &[
    subcommand("getname", 2, "", "Returns the connection's name.", client_getname),
    subcommand("help", 2, "", "Prints this.", help),
    subcommand("id", 2, "", "Returns the connection's number.", client_id),
    subcommand("info", 2, "", "Tells about this connection.", client_info),
    subcommand("kill", -3, "addr | [ID id] [ADDR addr] [TYPE type] [SKIPME YES|NO]",
        "Closes connections.", client_kill),
    subcommand("list", -2, "[TYPE type] [ID id ...]", "Tells about connections.", client_list),
    subcommand("no-evict", 3, "ON|OFF", "Accepted, and without effect.", client_switch),
    subcommand("no-touch", 3, "ON|OFF", "Accepted, and without effect.", client_switch),
    subcommand("reply", 3, "ON|OFF|SKIP", "Chooses which replies are sent.", client_reply),
    subcommand("setinfo", 4, "LIB-NAME|LIB-VER value", "Names the client's library.", client_setinfo),
    subcommand("setname", 3, "name", "Names the connection.", client_setname),
    subcommand("tracking", -3, "ON|OFF ...", "Not supported.", client_tracking),
];

fn ping(words: &mut Words<'_>) -> Result<Parsed> {
    if words.left() > 1 {
        return Err(wrong_arity(words.spec.name));
    }
    let message = match words.is_empty() {
        true => None,
        false => Some(words.bytes()?),
    };
    Ok(ConnectionCommand::Ping(message).into())
}

fn echo(words: &mut Words<'_>) -> Result<Parsed> {
    let message = words.bytes()?;
    Ok(ConnectionCommand::Answered(Reply::Bytes(message)).into())
}

fn quit(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Quit.into())
}

fn reset(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Reset.into())
}

fn readonly(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Stale(true).into())
}

fn readwrite(_: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Stale(false).into())
}

fn select(words: &mut Words<'_>) -> Result<Parsed> {
    database(words)?;
    Ok(ConnectionCommand::Answered(Reply::Ok).into())
}

fn auth(words: &mut Words<'_>) -> Result<Parsed> {
    let first = words.bytes()?;
    let credentials = match words.is_empty() {
        true => Credentials {
            user: None,
            password: first,
        },
        false => Credentials {
            user: Some(first),
            password: words.bytes()?,
        },
    };
    words.end()?;
    Ok(ConnectionCommand::Auth(credentials).into())
}

fn hello(words: &mut Words<'_>) -> Result<Parsed> {
    let mut hello = Hello::default();
    if let Some(version) = words.next() {
        hello.protocol = Some(protocol(version)?);
    }
    while let Some(option) = words.next() {
        if is(option, "auth") && words.left() >= 2 {
            hello.credentials = Some(Credentials {
                user: Some(words.bytes()?),
                password: words.bytes()?,
            });
        } else if is(option, "setname") && !words.is_empty() {
            hello.name = Some(client_name(words)?);
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(err(format!("Syntax error in HELLO option '{option}'")));
        }
    }
    Ok(ConnectionCommand::Hello(hello).into())
}

fn protocol(version: &[u8]) -> Result<Protocol> {
    match parse_i64(version) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(ErrorReply::new(
            ErrorCode::NoProto,
            "unsupported protocol version",
        )),
        None => Err(err("Protocol version is not an integer or out of range")),
    }
}

fn client(command: ClientCommand) -> Result<Parsed> {
    Ok(ConnectionCommand::Client(command).into())
}

fn help(words: &mut Words<'_>) -> Result<Parsed> {
    Ok(ConnectionCommand::Answered(docs::help(words.spec)).into())
}

fn client_getname(_: &mut Words<'_>) -> Result<Parsed> {
    client(ClientCommand::GetName)
}

fn client_id(_: &mut Words<'_>) -> Result<Parsed> {
    client(ClientCommand::Id)
}

fn client_info(_: &mut Words<'_>) -> Result<Parsed> {
    client(ClientCommand::Info)
}

fn client_setname(words: &mut Words<'_>) -> Result<Parsed> {
    client(ClientCommand::SetName(client_name(words)?))
}

fn client_name(words: &mut Words<'_>) -> Result<String> {
    printable(words)
        .ok_or_else(|| err("Client names cannot contain spaces, newlines or special characters."))
}

/// A word that can be shown in a line of `CLIENT LIST`, and is not longer than a key.
fn printable(words: &mut Words<'_>) -> Option<String> {
    let word = words.next()?;
    let shown = word.len() <= words.limits.key_bytes_max && word.iter().all(u8::is_ascii_graphic);
    shown.then(|| String::from_utf8_lossy(word).into_owned())
}

fn client_setinfo(words: &mut Words<'_>) -> Result<Parsed> {
    let option = words.take()?;
    let known = ["lib-name", "lib-ver"];
    let Some(attribute) = known.into_iter().find(|name| is(option, name)) else {
        let option = String::from_utf8_lossy(option);
        return Err(err(format!("Unrecognized option '{option}'")));
    };
    let value = printable(words).ok_or_else(|| {
        err(format!(
            "{attribute} cannot contain spaces, newlines or special characters."
        ))
    })?;
    client(ClientCommand::SetInfo { attribute, value })
}

fn client_list(words: &mut Words<'_>) -> Result<Parsed> {
    let (mut ids, mut kind) = (None, None);
    match words.next() {
        None => {}
        Some(option) if is(option, "type") && words.left() == 1 => kind = Some(client_kind(words)?),
        Some(option) if is(option, "id") && !words.is_empty() => ids = Some(client_ids(words)?),
        Some(_) => return Err(syntax_error()),
    }
    client(ClientCommand::List { ids, kind })
}

fn client_ids(words: &mut Words<'_>) -> Result<Vec<u64>> {
    words.limits.check_count(words.left())?;
    let mut ids = Vec::new();
    while let Some(word) = words.next() {
        ids.push(client_number(word).ok_or_else(|| err("Invalid client ID"))?);
    }
    Ok(ids)
}

fn client_number(word: &[u8]) -> Option<u64> {
    let number = parse_i64(word)?;
    u64::try_from(number).ok().filter(|id| *id > 0)
}

fn client_kind(words: &mut Words<'_>) -> Result<ClientKind> {
    let word = words.take()?;
    let kinds = [
        ("normal", ClientKind::Normal),
        ("pubsub", ClientKind::PubSub),
        ("master", ClientKind::Replication),
        ("replica", ClientKind::Replication),
        ("slave", ClientKind::Replication),
    ];
    let found = kinds.into_iter().find(|(name, _)| is(word, name));
    found.map(|(_, kind)| kind).ok_or_else(|| {
        let word = String::from_utf8_lossy(word);
        err(format!("Unknown client type '{word}'"))
    })
}

fn client_kill(words: &mut Words<'_>) -> Result<Parsed> {
    if words.left() == 1 {
        return client(ClientCommand::KillAddr(text(words)?));
    }
    let (mut id, mut addr, mut kind, mut skip_me) = (None, None, None, true);
    while let Some(option) = words.next() {
        if words.is_empty() {
            return Err(syntax_error());
        } else if is(option, "id") {
            let number = client_number(words.take()?);
            id = Some(number.ok_or_else(|| err("client-id should be greater than 0"))?);
        } else if is(option, "addr") {
            addr = Some(text(words)?);
        } else if is(option, "type") {
            kind = Some(client_kind(words)?);
        } else if is(option, "skipme") {
            skip_me = yes(words, "yes", "no")?;
        } else {
            return Err(syntax_error());
        }
    }
    client(ClientCommand::Kill {
        id,
        addr,
        kind,
        skip_me,
    })
}

fn text(words: &mut Words<'_>) -> Result<String> {
    Ok(String::from_utf8_lossy(words.take()?).into_owned())
}

fn yes(words: &mut Words<'_>, yes: &str, no: &str) -> Result<bool> {
    match words.take()? {
        word if is(word, yes) => Ok(true),
        word if is(word, no) => Ok(false),
        _ => Err(syntax_error()),
    }
}

fn client_switch(words: &mut Words<'_>) -> Result<Parsed> {
    yes(words, "on", "off")?;
    client(ClientCommand::Accepted)
}

fn client_reply(words: &mut Words<'_>) -> Result<Parsed> {
    let word = words.take()?;
    let modes = [
        ("on", ClientReplyMode::On),
        ("off", ClientReplyMode::Off),
        ("skip", ClientReplyMode::Skip),
    ];
    let found = modes.into_iter().find(|(name, _)| is(word, name));
    let (_, mode) = found.ok_or_else(syntax_error)?;
    client(ClientCommand::Reply(mode))
}

fn client_tracking(_: &mut Words<'_>) -> Result<Parsed> {
    Err(err("client tracking is not supported"))
}
