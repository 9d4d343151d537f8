//! The Redis protocol: the requests of a load, and the tokens of any reply.
//!
//!   request  *N CRLF, then N times: $LEN CRLF BYTES CRLF
//!   token    + - : text CRLF | $LEN CRLF BYTES CRLF | $-1 CRLF | *N CRLF | _ CRLF
//!
//! Source: redis.io/docs/latest/develop/reference/protocol-spec.

use std::io::Write;

use super::{Answer, Protocol, ProtocolError};
use crate::workload::{KeySpace, Kind, Operation};

/// Longest first line of a token; bulk strings follow theirs.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Longest string that is believed; Redis allows no longer one.
const BULK_BYTES_MAX: usize = 512 * 1024 * 1024;

/// One piece of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// `+text`
    Simple(&'a [u8]),
    /// `-KIND text`
    Error(&'a [u8]),
    /// `:number`
    Integer(i64),
    /// `$length` and bytes
    Bulk(&'a [u8]),
    /// `$-1`, `*-1` or `_`
    Nil,
    /// `*count`; so many replies follow.
    Array(usize),
}

impl<'a> Token<'a> {
    /// The first token of `input` and how many bytes it takes; `None` if it is not whole yet.
    ///
    /// # Errors
    ///
    /// If the bytes are no token.
    pub fn read(input: &'a [u8]) -> Result<Option<(Token<'a>, usize)>, ProtocolError> {
        let Some(line_end) = input
            .iter()
            .take(LINE_BYTES_MAX)
            .position(|byte| *byte == b'\n')
        else {
            return Token::unfinished(input);
        };
        let Some((&kind, line)) = input[..line_end]
            .strip_suffix(b"\r")
            .and_then(<[u8]>::split_first)
        else {
            return Err(ProtocolError::new("an empty line", input));
        };
        let used = line_end + 1;
        let token = match kind {
            b'+' => Token::Simple(line),
            b'-' => Token::Error(line),
            b'_' if line.is_empty() => Token::Nil,
            b':' => Token::Integer(number(line)?),
            b'*' => Token::array(number(line)?, input)?,
            b'$' => return Token::bulk(number(line)?, input, used),
            _ => return Err(ProtocolError::new("an unknown type", input)),
        };
        Ok(Some((token, used)))
    }

    fn unfinished(input: &[u8]) -> Result<Option<(Token<'a>, usize)>, ProtocolError> {
        if input.len() >= LINE_BYTES_MAX {
            return Err(ProtocolError::new("an endless line", input));
        }
        Ok(None)
    }

    fn array(count: i64, input: &[u8]) -> Result<Token<'a>, ProtocolError> {
        match usize::try_from(count) {
            Ok(count) => Ok(Token::Array(count)),
            Err(_) if count == -1 => Ok(Token::Nil),
            Err(_) => Err(ProtocolError::new("a negative count", input)),
        }
    }

    fn bulk(
        length: i64,
        input: &'a [u8],
        start: usize,
    ) -> Result<Option<(Token<'a>, usize)>, ProtocolError> {
        if length == -1 {
            return Ok(Some((Token::Nil, start)));
        }
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= BULK_BYTES_MAX);
        let Some(length) = length else {
            return Err(ProtocolError::new("an impossible length", input));
        };
        let end = start + length;
        let used = end + 2;
        if input.len() < used {
            return Ok(None);
        }
        if &input[end..used] != b"\r\n" {
            return Err(ProtocolError::new("a string without an end", input));
        }
        Ok(Some((Token::Bulk(&input[start..end]), used)))
    }
}

fn number(line: &[u8]) -> Result<i64, ProtocolError> {
    std::str::from_utf8(line)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| ProtocolError::new("a bad number", line))
}

/// Appends a request of any arguments.
pub fn write_request(arguments: &[&[u8]], out: &mut Vec<u8>) {
    write!(out, "*{}\r\n", arguments.len()).expect("writing to memory: cannot fail");
    for argument in arguments {
        write!(out, "${}\r\n", argument.len()).expect("writing to memory: cannot fail");
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

/// Encoder of `GET` and `SET`.
#[derive(Debug, Clone)]
pub struct Resp {
    /// Everything of a `GET` before its key.
    get_head: Vec<u8>,
    /// Everything of a `SET` before its key.
    set_head: Vec<u8>,
    /// Between a `SET`'s key and value.
    value_head: Vec<u8>,
}

impl Resp {
    /// For keys and values of the sizes in `space`.
    #[must_use]
    pub fn new(space: &KeySpace) -> Resp {
        let key = space.key_bytes();
        let value = space.value_bytes();
        Resp {
            get_head: format!("*2\r\n$3\r\nGET\r\n${key}\r\n").into_bytes(),
            set_head: format!("*3\r\n$3\r\nSET\r\n${key}\r\n").into_bytes(),
            value_head: format!("\r\n${value}\r\n").into_bytes(),
        }
    }
}

impl Protocol for Resp {
    fn encode(&mut self, space: &KeySpace, operation: &Operation, out: &mut Vec<u8>) {
        match operation.kind {
            Kind::Read => {
                out.extend_from_slice(&self.get_head);
                space.write_key(operation.key, out);
            }
            Kind::Write => {
                out.extend_from_slice(&self.set_head);
                space.write_key(operation.key, out);
                out.extend_from_slice(&self.value_head);
                space.write_value(operation.key, operation.nonce, out);
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    fn decode<'a>(
        &'a mut self,
        input: &'a [u8],
    ) -> Result<Option<(Answer<'a>, usize)>, ProtocolError> {
        let Some((token, used)) = Token::read(input)? else {
            return Ok(None);
        };
        let answer = match token {
            Token::Simple(_) => Answer::Done,
            Token::Error(message) => Answer::Refused(message),
            Token::Bulk(value) => Answer::Value(value),
            Token::Nil => Answer::Nothing,
            Token::Integer(_) | Token::Array(_) => {
                return Err(ProtocolError::new("no answer to GET or SET", input));
            }
        };
        Ok(Some((answer, used)))
    }
}

#[cfg(test)]
mod tests;
