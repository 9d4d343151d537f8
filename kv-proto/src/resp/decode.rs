//! Cuts a stream of bytes into RESP requests.
//!
//! ```text
//! request   = multibulk | inline
//! multibulk = "*" count CRLF, ("$" len CRLF, bytes [len], CRLF) [count]
//! inline    = words LF                                    see `inline`
//! ```
//!
//! 1. Nothing is copied and nothing allocated per argument: a decoded argument is a place in the
//!    buffer, and a whole run of requests shares one handle on it.
//! 2. No byte of a large argument is looked at twice, however many reads it takes to arrive: the
//!    state between calls is how far the request at the front of the buffer was understood.
//! 3. What a length announces is never reserved, only what came.
//! 4. Requests in front of a breach of protocol are still returned, so they can be answered.

use bytes::{Bytes, BytesMut};

use super::args::{Args, Span};
use super::error::ProtocolError;
use super::inline;
use crate::limits::WireLimits;
use crate::number::parse_i64;

/// Longest line with a count or a length; longer than any number.
const LENGTH_LINE_BYTES_MAX: usize = 32;

/// Places kept for later requests; more are given back.
const SPANS_KEPT: usize = 4096;

/// A run ends with the request that reaches this size.
const RUN_BYTES: usize = 64 << 20;

/// Cuts a stream of bytes into requests; one for each connection.
#[derive(Debug)]
pub struct RequestDecoder {
    limits: WireLimits,
    /// Arguments of complete requests, then of the one being read.
    spans: Vec<Span>,
    /// How many arguments each complete request has.
    counts: Vec<u32>,
    /// How many of `spans` belong to complete requests.
    complete: usize,
    front: Front,
    /// Nothing is read after a breach of protocol.
    breach: Option<ProtocolError>,
}

/// How far the request at the front of the buffer is understood.
#[derive(Debug, Default)]
struct Front {
    /// Where it starts.
    start: usize,
    /// Where reading goes on.
    at: usize,
    stage: Stage,
}

#[derive(Debug, Default, Clone, Copy)]
enum Stage {
    /// At its first byte.
    #[default]
    Start,
    /// Within a line of words.
    Inline,
    /// Before an argument's length; so many arguments are missing.
    Length { missing: usize },
    /// Before an argument's bytes.
    Bulk { missing: usize, len: usize },
}

/// The requests a buffer held, in order.
///
/// While it lives it keeps the bytes it was cut from; drop it before reading more, so that the
/// buffer's memory is used again.
#[derive(Debug)]
pub struct Requests<'a> {
    bytes: Bytes,
    spans: &'a [Span],
    counts: &'a [u32],
    error: Option<&'a ProtocolError>,
}

impl Requests<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is none: more bytes must be read first.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The requests in order.
    pub fn iter(&self) -> impl Iterator<Item = Args<'_>> {
        let mut rest = self.spans;
        self.counts.iter().map_while(move |count| {
            let (head, tail) = rest.split_at_checked(*count as usize)?;
            rest = tail;
            Some(Args::new(&self.bytes, head))
        })
    }

    /// What is wrong after them, if anything: answer it last, then close.
    #[must_use]
    pub fn error(&self) -> Option<&ProtocolError> {
        self.error
    }
}

impl RequestDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(limits: WireLimits) -> RequestDecoder {
        RequestDecoder {
            limits,
            spans: Vec::new(),
            counts: Vec::new(),
            complete: 0,
            front: Front::default(),
            breach: None,
        }
    }

    /// From now on these limits hold, as when the peer has authenticated.
    pub fn set_limits(&mut self, limits: WireLimits) {
        self.limits = limits;
    }

    /// Takes the complete requests at the front of `buffer`, at most as many as the limits say:
    /// call it until it returns none, then read more.
    ///
    /// The bytes that are left in `buffer` must still be there at the next call.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Requests<'_> {
        self.forget_complete();
        while self.breach.is_none() && !self.run_is_full() {
            match self.step(buffer) {
                Ok(true) => {}
                Ok(false) => break,
                Err(breach) => self.breach = Some(breach),
            }
        }
        Requests {
            bytes: self.cut(buffer),
            spans: self.spans.get(..self.complete).unwrap_or_default(),
            counts: &self.counts,
            error: self.breach.as_ref(),
        }
    }

    fn run_is_full(&self) -> bool {
        self.counts.len() >= self.limits.run_requests_max || self.front.start >= RUN_BYTES
    }

    /// How many bytes the request at the front surely lacks, as far as it is understood; 0 if that
    /// is unknown. A hint for how much to read at once: it comes from the peer.
    #[must_use]
    pub fn missing_bytes(&self, buffer: &BytesMut) -> usize {
        match self.front.stage {
            Stage::Bulk { len, .. } => (self.front.at + len + 2).saturating_sub(buffer.len()),
            _ => 0,
        }
    }

    fn forget_complete(&mut self) {
        self.spans.drain(..self.complete);
        self.complete = 0;
        self.counts.clear();
        if self.spans.capacity() > SPANS_KEPT && self.spans.len() < SPANS_KEPT {
            self.spans.shrink_to(SPANS_KEPT);
        }
    }

    /// Splits the complete requests off; what is understood of the next one moves to the front.
    fn cut(&mut self, buffer: &mut BytesMut) -> Bytes {
        let end = self.front.start;
        if end == 0 {
            return Bytes::new();
        }
        self.front.start = 0;
        self.front.at -= end;
        for span in self.spans.iter_mut().skip(self.complete) {
            *span = span.shifted(end);
        }
        buffer.split_to(end).freeze()
    }

    /// One step forward; false if that takes more bytes.
    fn step(&mut self, buffer: &mut BytesMut) -> Result<bool, ProtocolError> {
        match self.front.stage {
            Stage::Start => self.start(buffer),
            Stage::Inline => self.inline(buffer),
            Stage::Length { missing } => self.length(buffer, missing),
            Stage::Bulk { missing, len } => self.bulk(buffer, missing, len),
        }
    }

    fn start(&mut self, buffer: &BytesMut) -> Result<bool, ProtocolError> {
        match buffer.get(self.front.at) {
            None => Ok(false),
            Some(b'*') => self.multibulk(buffer),
            Some(_) => {
                self.front.stage = Stage::Inline;
                Ok(true)
            }
        }
    }

    fn multibulk(&mut self, buffer: &BytesMut) -> Result<bool, ProtocolError> {
        let count = match read_length(buffer, self.front.at + 1) {
            Length::Partial => return Ok(false),
            Length::TooLong => return Err(ProtocolError::MultibulkLine),
            Length::Bad => return Err(ProtocolError::MultibulkLength),
            Length::Complete { value, end } => {
                self.front.at = end;
                value
            }
        };
        let missing = match usize::try_from(count) {
            Err(_) | Ok(0) => {
                self.finish(0);
                return Ok(true);
            }
            Ok(count) if count <= self.limits.args_count_max => count,
            Ok(_) => return Err(self.too_many_args()),
        };
        self.front.stage = Stage::Length { missing };
        Ok(true)
    }

    fn too_many_args(&self) -> ProtocolError {
        match self.limits.authenticated {
            true => ProtocolError::MultibulkLength,
            false => ProtocolError::MultibulkBeforeAuth,
        }
    }

    fn length(&mut self, buffer: &BytesMut, missing: usize) -> Result<bool, ProtocolError> {
        match buffer.get(self.front.at) {
            None => return Ok(false),
            Some(b'$') => {}
            Some(other) => return Err(ProtocolError::ExpectedBulk(*other)),
        }
        let value = match read_length(buffer, self.front.at + 1) {
            Length::Partial => return Ok(false),
            Length::TooLong => return Err(ProtocolError::BulkLine),
            Length::Bad => return Err(ProtocolError::BulkLength),
            Length::Complete { value, end } => {
                self.front.at = end;
                value
            }
        };
        let len = self.check_bulk_length(value)?;
        self.front.stage = Stage::Bulk { missing, len };
        self.bulk(buffer, missing, len)
    }

    fn check_bulk_length(&self, value: i64) -> Result<usize, ProtocolError> {
        let len = usize::try_from(value).map_err(|_| ProtocolError::BulkLength)?;
        if len > self.limits.frame_bytes_max {
            return Err(match self.limits.authenticated {
                true => ProtocolError::BulkLength,
                false => ProtocolError::BulkBeforeAuth,
            });
        }
        if self.front.at - self.front.start + len > self.limits.request_bytes_max {
            return Err(ProtocolError::RequestTooLarge(
                self.limits.request_bytes_max,
            ));
        }
        Ok(len)
    }

    fn bulk(
        &mut self,
        buffer: &BytesMut,
        missing: usize,
        len: usize,
    ) -> Result<bool, ProtocolError> {
        let end = self.front.at + len;
        match buffer.get(end..end + 2) {
            None => return Ok(false),
            Some(b"\r\n") => {}
            Some(_) => return Err(ProtocolError::ExpectedLineEnd),
        }
        self.spans.push(Span::new(self.front.at, len));
        self.front.at = end + 2;
        match missing - 1 {
            0 => self.finish_with_args(),
            missing => self.front.stage = Stage::Length { missing },
        }
        Ok(true)
    }

    fn inline(&mut self, buffer: &mut BytesMut) -> Result<bool, ProtocolError> {
        let unseen = buffer.get(self.front.at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', unseen).map(|index| self.front.at + index);
        let seen = end.unwrap_or(buffer.len());
        if seen - self.front.start > self.limits.inline_bytes_max {
            return Err(ProtocolError::InlineTooLarge);
        }
        self.front.at = seen;
        let Some(end) = end else { return Ok(false) };
        let start = self.front.start;
        let line = buffer.get_mut(start..end).unwrap_or_default();
        inline::split(line, start, &mut self.spans)?;
        if self.spans.len() - self.complete > self.limits.args_count_max {
            return Err(self.too_many_args());
        }
        self.front.at = end + 1;
        self.finish_with_args();
        Ok(true)
    }

    fn finish_with_args(&mut self) {
        self.finish(self.spans.len() - self.complete);
    }

    /// The request at the front is complete; one without arguments is none.
    fn finish(&mut self, count: usize) {
        if count > 0 {
            let narrow = u32::try_from(count).expect("the argument limit is far below 2^32");
            self.counts.push(narrow);
            self.complete += count;
        }
        self.front.start = self.front.at;
        self.front.stage = Stage::Start;
    }
}

enum Length {
    Complete { value: i64, end: usize },
    Partial,
    TooLong,
    Bad,
}

/// Reads a number and CRLF at `at`. Nearly all have one digit or two.
#[inline]
fn read_length(buffer: &[u8], at: usize) -> Length {
    let digit = |byte: u8| i64::from(byte - b'0');
    match buffer.get(at..).unwrap_or_default() {
        [a @ b'0'..=b'9', b'\r', b'\n', ..] => Length::Complete {
            value: digit(*a),
            end: at + 3,
        },
        [a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', ..] => Length::Complete {
            value: digit(*a) * 10 + digit(*b),
            end: at + 4,
        },
        rest => read_any_length(rest, at),
    }
}

fn read_any_length(rest: &[u8], at: usize) -> Length {
    let line_end = rest
        .iter()
        .take(LENGTH_LINE_BYTES_MAX)
        .position(|byte| *byte == b'\r');
    let Some(digits_len) = line_end else {
        return match rest.len() < LENGTH_LINE_BYTES_MAX {
            true => Length::Partial,
            false => Length::TooLong,
        };
    };
    let Some((digits, [_, line_feed, ..])) = rest.split_at_checked(digits_len) else {
        return Length::Partial;
    };
    match parse_i64(digits) {
        Some(value) if *line_feed == b'\n' => Length::Complete {
            value,
            end: at + digits_len + 2,
        },
        _ => Length::Bad,
    }
}
