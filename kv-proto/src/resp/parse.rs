//! From arguments to commands.
//!
//! Each family of commands has a module with its rows of the command table and its parsers. Checks
//! and their order are those of Redis, so that the same request gives the same error.

use bytes::Bytes;

use super::args::Args;
use super::spec::{CommandSpec, err};
use super::table::resolve;
use crate::command::{Command, Key};
use crate::limits::Limits;
use crate::number::parse_i64;
use crate::reply::ErrorReply;
use crate::request::Request;

pub(super) mod connection;
pub(super) mod expiry;
pub(super) mod key;
pub(super) mod kv;
pub(super) mod pubsub;
pub(super) mod search;
pub(super) mod server;
pub(super) mod string;
pub(super) mod transaction;

use connection::ConnectionCommand;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// A command on data: for the backend.
    Data(Request),
    /// A command on the connection or the server: for the connection itself.
    Connection(ConnectionCommand),
}

impl From<Command> for Parsed {
    fn from(command: Command) -> Parsed {
        Parsed::Data(command.into())
    }
}

impl From<ConnectionCommand> for Parsed {
    fn from(command: ConnectionCommand) -> Parsed {
        Parsed::Connection(command)
    }
}

/// Resolves and parses a request in one go.
///
/// # Errors
/// What is answered instead of executing it.
pub fn parse(args: Args<'_>, limits: &Limits) -> Result<Parsed, ErrorReply> {
    resolve(args)?.parse(args, limits)
}

type Result<T, E = ErrorReply> = std::result::Result<T, E>;

/// A request's arguments, taken one after the other.
#[derive(Debug)]
pub(super) struct Words<'a> {
    args: Args<'a>,
    at: usize,
    pub(super) spec: &'static CommandSpec,
    pub(super) limits: &'a Limits,
}

impl<'a> Words<'a> {
    /// Those after the name.
    pub(super) fn new(spec: &'static CommandSpec, args: Args<'a>, limits: &'a Limits) -> Words<'a> {
        Words {
            args,
            at: 1,
            spec,
            limits,
        }
    }

    pub(super) fn left(&self) -> usize {
        self.args.len().saturating_sub(self.at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// The arguments not yet taken, as a request of their own.
    pub(super) fn rest(&self) -> Args<'a> {
        self.args.tail(self.at)
    }

    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let word = self.args.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The next one; that there is none is a syntax error.
    pub(super) fn take(&mut self) -> Result<&'a [u8]> {
        self.next().ok_or_else(syntax_error)
    }

    /// The next one, kept beyond the request.
    pub(super) fn bytes(&mut self) -> Result<Bytes> {
        let word = self.args.bytes(self.at).ok_or_else(syntax_error)?;
        self.at += 1;
        Ok(word)
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        parse_i64(self.take()?).ok_or_else(not_an_integer)
    }

    /// All that are left.
    pub(super) fn all(&mut self) -> Result<Vec<Key>> {
        self.limits.check_count(self.left())?;
        (0..self.left()).map(|_| self.bytes()).collect()
    }

    /// There must be none left.
    pub(super) fn end(&self) -> Result<()> {
        match self.left() {
            0 => Ok(()),
            _ => Err(syntax_error()),
        }
    }
}

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

fn syntax_error() -> ErrorReply {
    err("syntax error")
}

fn not_an_integer() -> ErrorReply {
    err("value is not an integer or out of range")
}
