//! What can go wrong, and what it says about a write.
//!
//! 1. An error other than [`Error::UnknownOutcome`] promises that a write did not happen.
//! 2. A write whose request may have reached a server, and that no reply came for, is an
//!    [`Error::UnknownOutcome`], whatever the reason was.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use kv_proto::{ErrorCode, ErrorReply};

use crate::value::ConvertError;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No address could be connected to; this was the last one tried.
    #[error("cannot connect to {addr}")]
    Connect {
        /// Where to.
        addr: Arc<str>,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The connection broke before an answer came.
    #[error("connection to {addr} lost")]
    Lost {
        /// Where to.
        addr: Arc<str>,
        /// How it broke.
        source: Arc<io::Error>,
    },
    /// The time for a call was over.
    #[error("no answer within {} ms", after.as_millis())]
    Timeout {
        /// How long it was waited.
        after: Duration,
    },
    /// A write was sent, and nobody knows whether it happened. Not retried: doing it twice may be
    /// worse than not at all.
    #[error("the write may or may not have happened")]
    UnknownOutcome {
        /// Why there was no answer.
        source: Box<Error>,
    },
    /// The server refused; nothing happened.
    #[error(transparent)]
    Refused(#[from] ErrorReply),
    /// Nodes kept naming others as the leader.
    #[error("no leader found in {hops} redirects; the last node named was {addr}")]
    Redirects {
        /// How many were followed.
        hops: u32,
        /// The one not followed any more.
        addr: Arc<str>,
    },
    /// The peer sends what a server of this protocol does not.
    #[error("{addr} does not speak this protocol: {message}")]
    Protocol {
        /// The peer.
        addr: Arc<str>,
        /// What it did.
        message: String,
    },
    /// The answer is not of the kind that the command has.
    #[error("expected {expected} for an answer, got {found}")]
    Answer {
        /// What the command answers.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// A value does not convert.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// The request or the settings are wrong; nothing was sent.
    #[error("{0}")]
    Invalid(String),
}

/// What kind of failure it is, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection, or it broke.
    Connection,
    /// It took too long; nothing was sent, or only a read.
    Timeout,
    /// A write may or may not have happened.
    UnknownOutcome,
    /// Password missing or wrong.
    Auth,
    /// The request is wrong and will stay so.
    Invalid,
    /// Somebody else was faster.
    Conflict,
    /// Nothing happened; it may work later.
    Retry,
    /// Out of memory or disk space.
    Full,
    /// The two sides do not understand each other.
    Protocol,
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Connect { .. } | Error::Lost { .. } => ErrorKind::Connection,
            Error::Timeout { .. } => ErrorKind::Timeout,
            Error::UnknownOutcome { .. } => ErrorKind::UnknownOutcome,
            Error::Refused(reply) => code_kind(reply.code),
            Error::Redirects { .. } => ErrorKind::Retry,
            Error::Protocol { .. } | Error::Answer { .. } => ErrorKind::Protocol,
            Error::Convert(_) | Error::Invalid(_) => ErrorKind::Invalid,
        }
    }

    /// Whether the same call may succeed later without doing anything twice.
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::Retry
        )
    }
}

fn code_kind(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::NoAuth | ErrorCode::WrongPass => ErrorKind::Auth,
        ErrorCode::ExecAbort => ErrorKind::Conflict,
        ErrorCode::Unknown => ErrorKind::UnknownOutcome,
        ErrorCode::Oom | ErrorCode::StorageFull => ErrorKind::Full,
        ErrorCode::NoProto => ErrorKind::Protocol,
        code if may_work_later(code) => ErrorKind::Retry,
        _ => ErrorKind::Invalid,
    }
}

/// Whether the reason goes away by itself, soon.
pub(crate) fn may_work_later(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Busy
            | ErrorCode::Loading
            | ErrorCode::NoLeader
            | ErrorCode::NotLeader
            | ErrorCode::Stale
    )
}
