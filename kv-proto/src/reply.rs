//! What comes back for a command.

use std::borrow::Cow;

use bytes::Bytes;

use crate::entry::Entry;
use crate::value::EncodedValue;

/// The answer to one request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Done.
    Ok,
    /// There is none.
    Nil,
    /// A transaction that was not executed: a nil array in RESP2.
    NilArray,
    /// A count or a number.
    Int(i64),
    /// A double; text in RESP2.
    Double(f64),
    /// True or false; 1 or 0 in RESP2.
    Bool(bool),
    /// A status line other than OK.
    Status(Cow<'static, str>),
    /// Bytes.
    Bytes(Bytes),
    /// A stored entry's value, not copied until it is written to the socket.
    Entry(Entry),
    /// A typed value that is not a stored entry's.
    Value(EncodedValue),
    /// Replies in order.
    Array(Vec<Reply>),
    /// Pairs in order; a flat array in RESP2.
    Map(Vec<(Reply, Reply)>),
    /// Unasked-for data (pub/sub); an array in RESP2.
    Push(Vec<Reply>),
    /// It was refused or failed.
    Error(ErrorReply),
}

impl Reply {
    /// Bytes of static text.
    #[must_use]
    pub fn text(text: &'static str) -> Reply {
        Reply::Bytes(Bytes::from_static(text.as_bytes()))
    }

    /// A count.
    #[must_use]
    pub fn count(count: usize) -> Reply {
        Reply::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// An error of the general kind.
    #[must_use]
    pub fn err(message: impl Into<Cow<'static, str>>) -> Reply {
        Reply::Error(ErrorReply::new(ErrorCode::Err, message))
    }
}

impl From<ErrorReply> for Reply {
    fn from(error: ErrorReply) -> Reply {
        Reply::Error(error)
    }
}

/// Why a request was refused or failed; in RESP `-CODE message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {message}", code.prefix())]
pub struct ErrorReply {
    /// The kind.
    pub code: ErrorCode,
    /// One line for people.
    pub message: Cow<'static, str>,
}

impl ErrorReply {
    /// An error of kind `code`.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> ErrorReply {
        ErrorReply {
            code,
            message: message.into(),
        }
    }
}

macro_rules! error_codes {
    ($($variant:ident = $number:literal, $prefix:literal, $doc:literal;)*) => {
        /// The kind of an error; the first word of a RESP error.
        ///
        /// Every kind but [`ErrorCode::Unknown`] promises that nothing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = $doc] $variant = $number,)*
        }

        impl ErrorCode {
            /// Every kind.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The word in front of the message.
            #[must_use]
            pub fn prefix(self) -> &'static str {
                match self { $(ErrorCode::$variant => $prefix,)* }
            }

            /// The kind with this number, if there is one.
            #[must_use]
            pub fn from_u8(byte: u8) -> Option<ErrorCode> {
                ErrorCode::ALL.iter().copied().find(|code| *code as u8 == byte)
            }
        }
    };
}

error_codes! {
    Err = 1, "ERR", "The request is wrong.";
    WrongType = 2, "WRONGTYPE", "The value is not of the type this command works on.";
    NoAuth = 3, "NOAUTH", "Authentication comes first.";
    WrongPass = 4, "WRONGPASS", "The password is wrong.";
    NoProto = 5, "NOPROTO", "The protocol version is not spoken here.";
    ExecAbort = 6, "EXECABORT", "The transaction was discarded because of an earlier error.";
    NotLeader = 7, "NOTLEADER", "Another node takes this; the message is its address.";
    NoLeader = 8, "NOLEADER", "No node can take this now.";
    Busy = 9, "BUSY", "A bounded queue is full; try again.";
    Oom = 10, "OOM", "The memory limit is reached.";
    StorageFull = 11, "STORAGEFULL", "The disk is full.";
    Stale = 12, "STALE", "This node is not caught up with what the session has seen.";
    Loading = 13, "LOADING", "The node is still loading its data.";
    Unknown = 14, "UNKNOWN", "The write was logged but not confirmed: it may or may not have happened.";
}
