//! What is known of a command before it is parsed.

use super::args::Args;
use super::parse::{Parsed, Words};
use crate::limits::Limits;
use crate::reply::{ErrorCode, ErrorReply};

/// How a command's arguments become a [`Parsed`].
pub(super) type Parse = fn(&mut Words<'_>) -> Result<Parsed, ErrorReply>;

/// One command as clients know it.
#[derive(Debug, Clone, Copy)]
pub struct CommandSpec {
    /// Its name in lower case.
    pub name: &'static str,
    /// How many arguments it takes, the name included; negative: at least so many.
    pub arity: i8,
    /// What it is like.
    pub flags: Flags,
    /// Which of its arguments are keys.
    pub keys: KeyArgs,
    /// What it belongs to.
    pub group: Group,
    /// Its arguments, as shown to people.
    pub syntax: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// If there are any, its first argument names one of them.
    pub subcommands: &'static [Subcommand],
    pub(super) parse: Parse,
}

/// A command under a command: `CLIENT ID`.
#[derive(Debug, Clone, Copy)]
pub struct Subcommand {
    /// Its name in lower case.
    pub name: &'static str,
    /// As [`CommandSpec::arity`], both names included.
    pub arity: i8,
    /// Its arguments, as shown to people.
    pub syntax: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    pub(super) parse: Parse,
}

/// Which arguments are keys, counted from the name, which is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyArgs {
    /// The first key; 0: there are none.
    pub first: i8,
    /// The last one; negative counts from the end.
    pub last: i8,
    /// From one to the next.
    pub step: i8,
}

impl KeyArgs {
    pub(super) const NONE: KeyArgs = KeyArgs::new(0, 0, 0);
    pub(super) const ONE: KeyArgs = KeyArgs::new(1, 1, 1);
    pub(super) const TWO: KeyArgs = KeyArgs::new(1, 2, 1);
    pub(super) const ALL: KeyArgs = KeyArgs::new(1, -1, 1);
    pub(super) const PAIRS: KeyArgs = KeyArgs::new(1, -1, 2);

    const fn new(first: i8, last: i8, step: i8) -> KeyArgs {
        KeyArgs { first, last, step }
    }
}

/// A set of properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Changes data.
    pub const WRITE: Flags = Flags(1);
    /// Reads data.
    pub const READONLY: Flags = Flags(1 << 1);
    /// May need more memory.
    pub const DENY_OOM: Flags = Flags(1 << 2);
    /// Takes the same time however much data there is.
    pub const FAST: Flags = Flags(1 << 3);
    /// Belongs to publishing and subscribing; allowed while subscribed in RESP2.
    pub const PUBSUB: Flags = Flags(1 << 4);
    /// Allowed before authentication.
    pub const NO_AUTH: Flags = Flags(1 << 5);
    /// Refused within MULTI.
    pub const NO_MULTI: Flags = Flags(1 << 6);
    /// Allowed while data is loading.
    pub const LOADING: Flags = Flags(1 << 7);
    /// For operators.
    pub const ADMIN: Flags = Flags(1 << 8);
    /// Executed within MULTI instead of queued.
    pub const NOT_QUEUED: Flags = Flags(1 << 9);

    /// Reads, fast.
    pub(super) const FAST_READ: Flags = Flags::READONLY.and(Flags::FAST);
    /// Writes, fast.
    pub(super) const FAST_WRITE: Flags = Flags::WRITE.and(Flags::FAST);
    /// Writes and may need more memory.
    pub(super) const GROWS: Flags = Flags::WRITE.and(Flags::DENY_OOM);
    /// Writes, may need more memory, fast.
    pub(super) const FAST_GROWS: Flags = Flags::GROWS.and(Flags::FAST);

    pub(super) const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all properties of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What a command belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Group {
    /// Values.
    String,
    /// Keys whatever their value.
    Generic,
    /// The connection itself.
    Connection,
    /// The server.
    Server,
    /// MULTI and its kin.
    Transactions,
    /// Channels.
    PubSub,
    /// Ours: no Redis knows them.
    Kv,
}

impl Group {
    /// Its name in `COMMAND DOCS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Group::String => "string",
            Group::Generic => "generic",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Transactions => "transactions",
            Group::PubSub => "pubsub",
            Group::Kv => "kv",
        }
    }
}

/// A row of the command table; its group is that of its family.
pub(super) const fn spec(
    name: &'static str,
    arity: i8,
    flags: Flags,
    keys: KeyArgs,
    syntax: &'static str,
    summary: &'static str,
    parse: Parse,
) -> CommandSpec {
    CommandSpec {
        name,
        arity,
        flags,
        keys,
        group: Group::Generic,
        syntax,
        summary,
        subcommands: &[],
        parse,
    }
}

/// A row below a row.
pub(super) const fn subcommand(
    name: &'static str,
    arity: i8,
    syntax: &'static str,
    summary: &'static str,
    parse: Parse,
) -> Subcommand {
    Subcommand {
        name,
        arity,
        syntax,
        summary,
        parse,
    }
}

impl CommandSpec {
    /// Parses a request that was resolved to this command.
    ///
    /// # Errors
    /// What is answered instead of executing it. Within MULTI such a request is queued all the
    /// same, and EXEC answers the error in its place.
    pub fn parse(&'static self, args: Args<'_>, limits: &Limits) -> Result<Parsed, ErrorReply> {
        let mut words = Words::new(self, args, limits);
        let parse = match self.subcommand(args)? {
            None => self.parse,
            Some(subcommand) => {
                words.take()?;
                subcommand.parse
            }
        };
        let parsed = parse(&mut words)?;
        if let Parsed::Data(request) = &parsed {
            limits.check(&request.command)?;
        }
        Ok(parsed)
    }

    /// Whether the number of arguments is right and the subcommand exists.
    pub(super) fn check_shape(&self, args: Args<'_>) -> Result<(), ErrorReply> {
        if !arity_fits(self.arity, args.len()) {
            return Err(wrong_arity(self.name));
        }
        match self.subcommand(args)? {
            Some(subcommand) if !arity_fits(subcommand.arity, args.len()) => Err(wrong_arity(
                format_args!("{}|{}", self.name, subcommand.name),
            )),
            _ => Ok(()),
        }
    }

    fn subcommand(&self, args: Args<'_>) -> Result<Option<&'static Subcommand>, ErrorReply> {
        if self.subcommands.is_empty() {
            return Ok(None);
        }
        let Some(name) = args.get(1) else {
            return Ok(None);
        };
        let found = self
            .subcommands
            .iter()
            .find(|subcommand| name.eq_ignore_ascii_case(subcommand.name.as_bytes()));
        found.map(Some).ok_or_else(|| {
            let name = String::from_utf8_lossy(name.get(..128).unwrap_or(name));
            let container = self.name.to_ascii_uppercase();
            err(format!(
                "unknown subcommand '{name}'. Try {container} HELP."
            ))
        })
    }
}

fn arity_fits(arity: i8, count: usize) -> bool {
    let wanted = usize::from(arity.unsigned_abs());
    count == wanted || (arity < 0 && count > wanted)
}

/// The error for a wrong number of arguments.
pub(super) fn wrong_arity(name: impl std::fmt::Display) -> ErrorReply {
    err(format!("wrong number of arguments for '{name}' command"))
}

/// An error of the general kind.
pub(super) fn err(message: impl Into<std::borrow::Cow<'static, str>>) -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, message)
}
