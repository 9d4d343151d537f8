//! How operations become bytes and bytes become answers: lean encoders and decoders that
//! cost the generator as little as possible.
//!
//! Never reads or writes a socket.

use crate::workload::{KeySpace, Operation};

pub mod native;
pub mod resp;

pub use native::Native;
pub use resp::Resp;

/// What a server said to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The write is done.
    Done,
    /// The value that was asked for.
    Value(&'a [u8]),
    /// There is no such key.
    Nothing,
    /// The operation was refused; the message begins with its kind.
    Refused(&'a [u8]),
}

/// Bytes that are no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server's reply is not understood: {what} in {bytes:?}")]
pub struct ProtocolError {
    what: &'static str,
    bytes: String,
}

impl ProtocolError {
    /// Notes what is wrong and the first of the bytes where it is.
    #[must_use]
    pub fn new(what: &'static str, bytes: &[u8]) -> ProtocolError {
        const SHOWN_BYTES: usize = 40;
        let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
        ProtocolError {
            what,
            bytes: shown.escape_ascii().to_string(),
        }
    }
}

/// One connection's encoder and decoder. Answers come in the order of the operations.
pub trait Protocol: Send {
    /// Appends the request for `operation`.
    fn encode(&mut self, space: &KeySpace, operation: &Operation, out: &mut Vec<u8>);

    /// The first answer in `input` and how many bytes it takes; `None` if it is not whole yet.
    ///
    /// # Errors
    ///
    /// If the bytes are no answer to what was asked.
    fn decode<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(Answer<'a>, usize)>, ProtocolError>;
}
