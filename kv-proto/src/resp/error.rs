//! Why a RESP stream cannot be followed any further.

use crate::reply::{ErrorCode, ErrorReply};

/// A breach of the protocol: answered, then the connection is closed, for nothing says where the
/// next request begins. The texts are those of Redis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A request's argument count is not a number, or is beyond the limit.
    #[error("Protocol error: invalid multibulk length")]
    MultibulkLength,
    /// More arguments than a peer may send before it authenticates.
    #[error("Protocol error: unauthenticated multibulk length")]
    MultibulkBeforeAuth,
    /// The line with a request's argument count does not end.
    #[error("Protocol error: too big mbulk count string")]
    MultibulkLine,
    /// An argument's length is not a number, or is beyond the limit.
    #[error("Protocol error: invalid bulk length")]
    BulkLength,
    /// A longer argument than a peer may send before it authenticates.
    #[error("Protocol error: unauthenticated bulk length")]
    BulkBeforeAuth,
    /// The line with an argument's length does not end.
    #[error("Protocol error: too big bulk count string")]
    BulkLine,
    /// Something else where an argument must begin.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// An argument is longer than its length says.
    #[error("Protocol error: expected CRLF after bulk")]
    ExpectedLineEnd,
    /// The arguments together are beyond the limit.
    #[error("Protocol error: request is larger than {0} bytes")]
    RequestTooLarge(usize),
    /// An inline request's line is beyond the limit.
    #[error("Protocol error: too big inline request")]
    InlineTooLarge,
    /// An inline request's quotes are not closed.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// A reply that cannot be one, or is nested too deep.
    #[error("Protocol error: invalid reply: {0}")]
    BadReply(&'static str),
}

impl From<&ProtocolError> for ErrorReply {
    fn from(error: &ProtocolError) -> ErrorReply {
        ErrorReply::new(ErrorCode::Err, error.to_string())
    }
}
