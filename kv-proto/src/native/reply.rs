//! The bytes of a [`Reply`].
//!
//! ```text
//! reply = tag u8 | fields
//!  0 Ok   1 Nil   2 NilArray                   nothing
//!  3 Int        i64                            4 Double   f64 bits u64      5 Bool   u8
//!  6 Status     text                           7 Bytes    bytes
//!  8 Value      value tag u8, bytes            9 Error    code u8, text
//! 10 Array     11 Push      count u32, reply*
//! 12 Map                    count u32, (reply reply)*
//! text, bytes = len u32, bytes                                              little-endian
//! ```
//!
//! 1. An entry is sent as a value: its version and expiry stay at home.
//! 2. At most 8 arrays deep and 1,048,576 items in all are decoded.

use bytes::{Buf, BufMut, Bytes};

use crate::reply::{ErrorCode, ErrorReply, Reply};
use crate::value::{EncodedValue, Tag};

/// Arrays, maps and pushes may be nested this deep.
const DEPTH_MAX: usize = 8;

/// A reply has at most so many items, however they are nested.
const ITEMS_MAX: usize = 1 << 20;

mod tag {
    pub(super) const OK: u8 = 0;
    pub(super) const NIL: u8 = 1;
    pub(super) const NIL_ARRAY: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const BOOL: u8 = 5;
    pub(super) const STATUS: u8 = 6;
    pub(super) const BYTES: u8 = 7;
    pub(super) const VALUE: u8 = 8;
    pub(super) const ERROR: u8 = 9;
    pub(super) const ARRAY: u8 = 10;
    pub(super) const PUSH: u8 = 11;
    pub(super) const MAP: u8 = 12;
}

/// Why bytes are not a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The bytes end within a reply.
    #[error("reply ends early")]
    Truncated,
    /// Bytes follow the reply.
    #[error("{0} bytes follow the reply")]
    Trailing(usize),
    /// No reply has this tag.
    #[error("unknown reply tag {0:#x}")]
    UnknownTag(u8),
    /// A field has a value that is not one of its own.
    #[error("bad {0} in a reply")]
    BadField(&'static str),
    /// Arrays nested too deep.
    #[error("reply is nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// Too many items.
    #[error("reply has more than {ITEMS_MAX} items")]
    TooMany,
}

/// Appends the reply's bytes.
pub fn encode_reply(reply: &Reply, out: &mut impl BufMut) {
    match reply {
        Reply::Ok => out.put_u8(tag::OK),
        Reply::Nil => out.put_u8(tag::NIL),
        Reply::NilArray => out.put_u8(tag::NIL_ARRAY),
        Reply::Int(int) => {
            out.put_u8(tag::INT);
            out.put_i64_le(*int);
        }
        Reply::Double(double) => {
            out.put_u8(tag::DOUBLE);
            out.put_u64_le(double.to_bits());
        }
        Reply::Bool(bool) => out.put_slice(&[tag::BOOL, u8::from(*bool)]),
        Reply::Status(text) => put_bytes(out, &[tag::STATUS], text.as_bytes()),
        Reply::Bytes(bytes) => put_bytes(out, &[tag::BYTES], bytes),
        Reply::Entry(entry) => put_bytes(out, &[tag::VALUE, entry.tag() as u8], entry.payload()),
        Reply::Value(value) => put_bytes(out, &[tag::VALUE, value.tag as u8], &value.payload),
        Reply::Error(error) => {
            put_bytes(
                out,
                &[tag::ERROR, error.code as u8],
                error.message.as_bytes(),
            );
        }
        Reply::Array(items) => put_items(out, tag::ARRAY, items),
        Reply::Push(items) => put_items(out, tag::PUSH, items),
        Reply::Map(pairs) => {
            put_count(out, tag::MAP, pairs.len());
            for (name, value) in pairs {
                encode_reply(name, out);
                encode_reply(value, out);
            }
        }
    }
}

fn put_bytes(out: &mut impl BufMut, head: &[u8], bytes: &[u8]) {
    out.put_slice(head);
    out.put_u32_le(narrow(bytes.len()));
    out.put_slice(bytes);
}

fn put_count(out: &mut impl BufMut, tag: u8, count: usize) {
    out.put_u8(tag);
    out.put_u32_le(narrow(count));
}

fn put_items(out: &mut impl BufMut, tag: u8, items: &[Reply]) {
    put_count(out, tag, items.len());
    for item in items {
        encode_reply(item, out);
    }
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("what is replied fits in memory many times below 4 GiB")
}

/// The reply that is all of `bytes`.
///
/// # Errors
/// If `bytes` are anything else, or beyond the limits.
pub fn decode_reply(bytes: Bytes) -> Result<Reply, ReplyError> {
    let mut source = Source {
        bytes,
        items_left: ITEMS_MAX,
    };
    let reply = source.reply(0)?;
    match source.bytes.len() {
        0 => Ok(reply),
        count => Err(ReplyError::Trailing(count)),
    }
}

struct Source {
    bytes: Bytes,
    items_left: usize,
}

impl Source {
    fn reply(&mut self, depth: usize) -> Result<Reply, ReplyError> {
        Ok(match self.u8()? {
            tag::OK => Reply::Ok,
            tag::NIL => Reply::Nil,
            tag::NIL_ARRAY => Reply::NilArray,
            tag::INT => Reply::Int(self.u64()?.cast_signed()),
            tag::DOUBLE => Reply::Double(f64::from_bits(self.u64()?)),
            tag::BOOL => match self.u8()? {
                0 => Reply::Bool(false),
                1 => Reply::Bool(true),
                _ => return Err(ReplyError::BadField("bool")),
            },
            tag::STATUS => Reply::Status(self.text()?.into()),
            tag::BYTES => Reply::Bytes(self.block()?),
            tag::VALUE => Reply::Value(self.value()?),
            tag::ERROR => Reply::Error(self.error()?),
            tag::ARRAY => Reply::Array(self.items(depth + 1)?),
            tag::PUSH => Reply::Push(self.items(depth + 1)?),
            tag::MAP => Reply::Map(self.pairs(depth + 1)?),
            other => return Err(ReplyError::UnknownTag(other)),
        })
    }

    fn u8(&mut self) -> Result<u8, ReplyError> {
        self.bytes.try_get_u8().map_err(|_| ReplyError::Truncated)
    }

    fn u64(&mut self) -> Result<u64, ReplyError> {
        self.bytes
            .try_get_u64_le()
            .map_err(|_| ReplyError::Truncated)
    }

    fn u32(&mut self) -> Result<usize, ReplyError> {
        let number = self.bytes.try_get_u32_le();
        number
            .map(|n| n as usize)
            .map_err(|_| ReplyError::Truncated)
    }

    fn block(&mut self) -> Result<Bytes, ReplyError> {
        let len = self.u32()?;
        if len > self.bytes.len() {
            return Err(ReplyError::Truncated);
        }
        Ok(self.bytes.split_to(len))
    }

    fn text(&mut self) -> Result<String, ReplyError> {
        let block = self.block()?;
        match std::str::from_utf8(&block) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(ReplyError::BadField("text")),
        }
    }

    fn value(&mut self) -> Result<EncodedValue, ReplyError> {
        let tag = Tag::from_u8(self.u8()?).ok_or(ReplyError::BadField("value tag"))?;
        let payload = self.block()?;
        Ok(EncodedValue { tag, payload })
    }

    /// An error of a kind that is not known here promises nothing: its outcome is unknown.
    fn error(&mut self) -> Result<ErrorReply, ReplyError> {
        let code = ErrorCode::from_u8(self.u8()?).unwrap_or(ErrorCode::Unknown);
        Ok(ErrorReply::new(code, self.text()?))
    }

    /// Opens an array of `count` items of which each has `parts`.
    fn open(&mut self, depth: usize, parts: usize) -> Result<usize, ReplyError> {
        if depth > DEPTH_MAX {
            return Err(ReplyError::TooDeep);
        }
        let count = self.u32()?;
        let left = self.items_left.checked_sub(count.saturating_mul(parts));
        self.items_left = left.ok_or(ReplyError::TooMany)?;
        match count.saturating_mul(parts) <= self.bytes.len() {
            true => Ok(count),
            false => Err(ReplyError::Truncated),
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Reply>, ReplyError> {
        let count = self.open(depth, 1)?;
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(self.reply(depth)?);
        }
        Ok(items)
    }

    fn pairs(&mut self, depth: usize) -> Result<Vec<(Reply, Reply)>, ReplyError> {
        let count = self.open(depth, 2)?;
        let mut pairs = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            pairs.push((self.reply(depth)?, self.reply(depth)?));
        }
        Ok(pairs)
    }
}
