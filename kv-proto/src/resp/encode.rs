//! Writes a [`Reply`] as RESP2 or RESP3.
//!
//! ```text
//!            RESP2                 RESP3
//! Ok         +OK                   +OK
//! Nil        $-1                   _
//! NilArray   *-1                   _
//! Int        :n                    :n
//! Double     bulk text             ,text
//! Bool       :1 or :0              #t or #f
//! Status     +text                 +text
//! bytes      $len CRLF bytes       $len CRLF bytes
//! Array      *n items              *n items
//! Map        *2n items             %n pairs
//! Push       *n items              >n items
//! Error      -CODE message         -CODE message          each line ends in CRLF
//! ```
//!
//! 1. A stored byte string goes from its entry to the output buffer in one copy.
//! 2. Text of a line is never able to end it: CR and LF become blanks.

use bytes::{BufMut, BytesMut};

use super::text::resp_text;
use crate::number::float_text;
use crate::reply::{ErrorReply, Reply};
use crate::value::Tag;

/// The version a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// What a connection speaks until it says otherwise.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// Its number in `HELLO`.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// Appends `reply` to `out`.
pub fn encode_reply(reply: &Reply, protocol: Protocol, out: &mut BytesMut) {
    match reply {
        Reply::Ok => out.put_slice(b"+OK\r\n"),
        Reply::Nil => out.put_slice(nil(protocol, b"$-1\r\n")),
        Reply::NilArray => out.put_slice(nil(protocol, b"*-1\r\n")),
        Reply::Int(int) => put_number(out, b':', *int),
        Reply::Double(double) => put_double(out, protocol, *double),
        Reply::Bool(bool) => put_bool(out, protocol, *bool),
        Reply::Status(text) => put_line(out, &[b"+", text.as_bytes()]),
        Reply::Bytes(bytes) => put_bulk(out, bytes),
        Reply::Entry(entry) => put_value(out, entry.tag(), entry.payload()),
        Reply::Value(value) => put_value(out, value.tag, &value.payload),
        Reply::Array(items) => put_items(out, protocol, b'*', items),
        Reply::Map(pairs) => put_map(out, protocol, pairs),
        Reply::Push(items) => put_items(out, protocol, push_mark(protocol), items),
        Reply::Error(error) => put_error(out, error),
    }
}

/// Appends the head of an array, whose `len` items the caller encodes after it: so that a long one
/// need not be encoded at once.
pub fn encode_array_len(len: usize, out: &mut BytesMut) {
    put_count(out, b'*', len);
}

fn nil(protocol: Protocol, resp2: &'static [u8]) -> &'static [u8] {
    match protocol {
        Protocol::Resp2 => resp2,
        Protocol::Resp3 => b"_\r\n",
    }
}

fn push_mark(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Resp2 => b'*',
        Protocol::Resp3 => b'>',
    }
}

fn put_number(out: &mut BytesMut, mark: u8, number: i64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number).as_bytes();
    out.reserve(digits.len() + 3);
    out.put_u8(mark);
    out.put_slice(digits);
    out.put_slice(b"\r\n");
}

fn put_count(out: &mut BytesMut, mark: u8, count: usize) {
    put_number(out, mark, i64::try_from(count).unwrap_or(i64::MAX));
}

fn put_bulk(out: &mut BytesMut, bytes: &[u8]) {
    const HEADER_BYTES_MAX: usize = 24;
    out.reserve(bytes.len() + HEADER_BYTES_MAX);
    put_count(out, b'$', bytes.len());
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

fn put_value(out: &mut BytesMut, tag: Tag, payload: &[u8]) {
    put_bulk(out, &resp_text(tag, payload));
}

fn put_double(out: &mut BytesMut, protocol: Protocol, double: f64) {
    let text = float_text(double);
    match protocol {
        Protocol::Resp2 => put_bulk(out, text.as_bytes()),
        Protocol::Resp3 => put_line(out, &[b",", text.as_bytes()]),
    }
}

fn put_bool(out: &mut BytesMut, protocol: Protocol, bool: bool) {
    out.put_slice(match (protocol, bool) {
        (Protocol::Resp2, true) => b":1\r\n",
        (Protocol::Resp2, false) => b":0\r\n",
        (Protocol::Resp3, true) => b"#t\r\n",
        (Protocol::Resp3, false) => b"#f\r\n",
    });
}

fn put_items(out: &mut BytesMut, protocol: Protocol, mark: u8, items: &[Reply]) {
    put_count(out, mark, items.len());
    for item in items {
        encode_reply(item, protocol, out);
    }
}

fn put_map(out: &mut BytesMut, protocol: Protocol, pairs: &[(Reply, Reply)]) {
    match protocol {
        Protocol::Resp2 => put_count(out, b'*', pairs.len() * 2),
        Protocol::Resp3 => put_count(out, b'%', pairs.len()),
    }
    for (name, value) in pairs {
        encode_reply(name, protocol, out);
        encode_reply(value, protocol, out);
    }
}

fn put_error(out: &mut BytesMut, error: &ErrorReply) {
    let parts: [&[u8]; 4] = [
        b"-",
        error.code.prefix().as_bytes(),
        b" ",
        error.message.as_bytes(),
    ];
    put_line(out, &parts);
}

fn put_line(out: &mut BytesMut, parts: &[&[u8]]) {
    let start = out.len();
    for part in parts {
        out.put_slice(part);
    }
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    out.put_slice(b"\r\n");
}
