//! Reads replies, of RESP2 and RESP3 alike: the client's side, for load generators and tests.
//!
//! 1. Arrays are taken apart as they arrive, so no item is looked at twice however many reads a
//!    reply takes.
//! 2. Nothing is reserved for what a count or a length announces; arrays nest at most 32 deep.
//!
//! What [`Reply`] does not tell apart is read as its nearest kin: a set as an array, a big number
//! or verbatim text as bytes. Attributes are skipped. An error whose first word is no code of ours
//! becomes a general error with all of its text.

use bytes::{Bytes, BytesMut};

use super::error::ProtocolError;
use crate::number::parse_i64;
use crate::reply::{ErrorCode, ErrorReply, Reply};

const DEPTH_MAX: usize = 32;

const LINE_BYTES_MAX: usize = 64 << 10;

/// Reads a stream of replies; one for each connection.
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    /// Arrays whose items are still to come, the outermost first.
    open: Vec<Open>,
    /// So many bytes of the buffer are known not to end the first line.
    seen: usize,
}

/// An array, map, push or attribute that lacks items.
#[derive(Debug)]
struct Open {
    kind: Kind,
    missing: usize,
    items: Vec<Reply>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Map,
    Push,
    Attribute,
}

/// What one element is.
enum Element {
    Reply(Reply),
    Open(Kind, usize),
}

type Result<T> = std::result::Result<T, ProtocolError>;

impl ReplyDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> ReplyDecoder {
        ReplyDecoder::default()
    }

    /// Takes the next reply from `buffer`; `None` if it is not all there.
    ///
    /// # Errors
    /// If the stream cannot be followed: close the connection.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Reply>> {
        while let Some(element) = self.element(buffer)? {
            let done = match element {
                Element::Reply(reply) => self.deliver(reply),
                Element::Open(kind, count) => self.open(kind, count)?,
            };
            if done.is_some() {
                return Ok(done);
            }
        }
        Ok(None)
    }

    fn open(&mut self, kind: Kind, count: usize) -> Result<Option<Reply>> {
        if self.open.len() >= DEPTH_MAX {
            return Err(ProtocolError::BadReply("nested too deep"));
        }
        self.open.push(Open {
            kind,
            missing: count,
            items: Vec::new(),
        });
        Ok(self.close())
    }

    /// Adds an item to the innermost array; returns what is complete by that.
    fn deliver(&mut self, reply: Reply) -> Option<Reply> {
        let Some(innermost) = self.open.last_mut() else {
            return Some(reply);
        };
        innermost.items.push(reply);
        innermost.missing -= 1;
        self.close()
    }

    /// Closes arrays that lack nothing, from the innermost out.
    fn close(&mut self) -> Option<Reply> {
        while let Some(innermost) = self.open.pop_if(|open| open.missing == 0) {
            let Some(reply) = innermost.close() else {
                continue;
            };
            let Some(outer) = self.open.last_mut() else {
                return Some(reply);
            };
            outer.items.push(reply);
            outer.missing -= 1;
        }
        None
    }

    fn element(&mut self, buffer: &mut BytesMut) -> Result<Option<Element>> {
        let Some(line_len) = self.line_len(buffer)? else {
            return Ok(None);
        };
        let line = buffer.get(..line_len).unwrap_or_default();
        let (mark, text) = line.split_first().ok_or(BAD_MARK)?;
        if let b'$' | b'=' | b'!' = mark {
            return self.block(*mark, parse_i64(text), line_len, buffer);
        }
        let element = match mark {
            b'*' | b'~' => array(Kind::Array, text, 1)?,
            b'>' => array(Kind::Push, text, 1)?,
            b'%' => array(Kind::Map, text, 2)?,
            b'|' => array(Kind::Attribute, text, 2)?,
            mark => Element::Reply(simple(*mark, text)?),
        };
        self.take(buffer, line_len + 2);
        Ok(Some(element))
    }

    fn take(&mut self, buffer: &mut BytesMut, count: usize) -> Bytes {
        self.seen = 0;
        buffer.split_to(count).freeze()
    }

    /// Length of the first line without its end; `None` if that has not come.
    fn line_len(&mut self, buffer: &BytesMut) -> Result<Option<usize>> {
        let unseen = buffer.get(self.seen..).unwrap_or_default();
        let Some(index) = memchr::memchr(b'\n', unseen) else {
            self.seen = buffer.len();
            return match self.seen > LINE_BYTES_MAX {
                true => Err(ProtocolError::BadReply("line too long")),
                false => Ok(None),
            };
        };
        let end = self.seen + index;
        self.seen = end;
        match end.checked_sub(1).and_then(|end| buffer.get(end)) {
            Some(b'\r') => Ok(Some(end - 1)),
            _ => Err(ProtocolError::BadReply("line does not end in CRLF")),
        }
    }

    /// Bytes with a length. Until they are all there, only the line before them is read again.
    fn block(
        &mut self,
        mark: u8,
        len: Option<i64>,
        line_len: usize,
        buffer: &mut BytesMut,
    ) -> Result<Option<Element>> {
        let start = line_len + 2;
        if len == Some(-1) {
            self.take(buffer, start);
            return Ok(Some(Element::Reply(Reply::Nil)));
        }
        let len = len
            .and_then(|len| usize::try_from(len).ok())
            .ok_or(ProtocolError::BulkLength)?;
        let end = start.checked_add(len).ok_or(ProtocolError::BulkLength)?;
        match buffer.get(end..end.saturating_add(2)) {
            None => return Ok(None),
            Some(b"\r\n") => {}
            Some(_) => return Err(ProtocolError::ExpectedLineEnd),
        }
        let block = self.take(buffer, end + 2).slice(start..end);
        Ok(Some(Element::Reply(match mark {
            b'!' => Reply::Error(error(&block)),
            b'=' => Reply::Bytes(block.slice(block.len().min(4)..)),
            _ => Reply::Bytes(block),
        })))
    }
}

const BAD_MARK: ProtocolError = ProtocolError::BadReply("unknown type");

impl Open {
    fn close(self) -> Option<Reply> {
        Some(match self.kind {
            Kind::Array => Reply::Array(self.items),
            Kind::Push => Reply::Push(self.items),
            Kind::Map => Reply::Map(pairs(self.items)),
            Kind::Attribute => return None,
        })
    }
}

fn pairs(items: Vec<Reply>) -> Vec<(Reply, Reply)> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        pairs.push((name, value));
    }
    pairs
}

fn array(kind: Kind, count: &[u8], parts: usize) -> Result<Element> {
    match parse_i64(count) {
        Some(-1) => Ok(Element::Reply(Reply::NilArray)),
        Some(count) => usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(parts))
            .map(|count| Element::Open(kind, count))
            .ok_or(ProtocolError::MultibulkLength),
        None => Err(ProtocolError::MultibulkLength),
    }
}

fn simple(mark: u8, text: &[u8]) -> Result<Reply> {
    Ok(match (mark, text) {
        (b'+', b"OK") => Reply::Ok,
        (b'+', text) => Reply::Status(String::from_utf8_lossy(text).into_owned().into()),
        (b'-', text) => Reply::Error(error(text)),
        (b':', text) => Reply::Int(parse_i64(text).ok_or(ProtocolError::BadReply("integer"))?),
        (b',', text) => Reply::Double(double(text).ok_or(ProtocolError::BadReply("double"))?),
        (b'#', b"t") => Reply::Bool(true),
        (b'#', b"f") => Reply::Bool(false),
        (b'_', b"") => Reply::Nil,
        (b'(', text) => Reply::Bytes(Bytes::copy_from_slice(text)),
        _ => return Err(BAD_MARK),
    })
}

fn double(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn error(line: &[u8]) -> ErrorReply {
    let line = String::from_utf8_lossy(line);
    let (word, message) = line.split_once(' ').unwrap_or((&line, ""));
    let code = ErrorCode::ALL.iter().find(|code| code.prefix() == word);
    match code {
        Some(code) => ErrorReply::new(*code, message.to_owned()),
        None => ErrorReply::new(ErrorCode::Err, line.into_owned()),
    }
}
