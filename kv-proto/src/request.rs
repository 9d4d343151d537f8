//! A command with all that one request wants of it.

use crate::command::Command;

/// A command with all that one request wants of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Debug mode: the chance, 0 to 1, that the write fails to reach memory though its log record
    /// is whole. Servers refuse it unless they were started to allow it.
    pub fault: Option<f64>,
    /// Of a write: what makes a repetition of it recognizable.
    pub identity: Option<Identity>,
    /// Of a read: how recent the data has to be.
    pub read: ReadLevel,
    /// Whether the reply is to say which writes it follows: a [`Position`].
    pub asks_position: bool,
}

impl From<Command> for Request {
    fn from(command: Command) -> Request {
        Request {
            command,
            fault: None,
            identity: None,
            read: ReadLevel::default(),
            asks_position: false,
        }
    }
}

/// What makes a repetition of a write recognizable, so that it is applied once.
///
/// A cluster remembers the newest sequences of each client with their replies: one of those again
/// is answered what it was answered the first time, one that is older than all of them is refused.
/// A standalone node remembers nothing and applies a repetition again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Who writes: a number that no other client has; never 0.
    pub client: u64,
    /// Which of its writes, from 1 on.
    pub sequence: u64,
}

/// How recent the data of a read has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadLevel {
    /// Everything that was acknowledged before the read began is seen.
    #[default]
    Linearizable,
    /// What the node has, which may be old.
    Stale {
        /// At least this write is seen, and all before it: [`Position::applied`] of an earlier
        /// reply. A node that does not get so far in time refuses with `STALE`.
        after: Option<u64>,
    },
}

/// Which writes a reply follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// All writes up to this one, in the order of all writes, are in what was answered. Given to
    /// a stale read as `after`, it makes the read see them too.
    pub applied: u64,
    /// How long ago, in milliseconds, the node last knew that it lacked nothing; 0 on the primary,
    /// [`Position::AGE_UNKNOWN`] if it never did.
    pub age_ms: u64,
}

impl Position {
    /// The age of a node that has heard of no primary yet.
    pub const AGE_UNKNOWN: u64 = u64::MAX;
}
