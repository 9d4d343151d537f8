//! What is on the wire once both sides have sent their preface: frames.
//!
//! ```text
//! | len u32 | crc32c u32 | kind u8 | payload [len] |   little-endian
//! ```
//!
//! The checksum covers the length, the kind and the payload, in this order. Kinds 1 to 5 are the
//! handshake's.
//!
//! | kind | payload                                    | sent by  |
//! | ---- | ------------------------------------------ | -------- |
//! | 1    | hello, see `handshake`                     | dialler  |
//! | 2    | challenge                                  | acceptor |
//! | 3    | proof                                      | dialler  |
//! | 4    | welcome                                    | acceptor |
//! | 5    | refusal                                    | either   |
//! | 16   | a message                                  | dialler  |
//! | 17   | nothing: the dialler is still there        | dialler  |

use bytes::BytesMut;

/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 9;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Who dials.
    Hello,
    /// What the dialler has to prove itself with.
    Challenge,
    /// The dialler's proof.
    Proof,
    /// The acceptor's proof; messages may follow.
    Welcome,
    /// Why there will be no connection.
    Refusal,
    /// Somebody's payload.
    Message,
    /// A sign of life.
    Ping,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Hello,
        Kind::Challenge,
        Kind::Proof,
        Kind::Welcome,
        Kind::Refusal,
        Kind::Message,
        Kind::Ping,
    ];

    fn number(self) -> u8 {
        match self {
            Kind::Hello => 1,
            Kind::Challenge => 2,
            Kind::Proof => 3,
            Kind::Welcome => 4,
            Kind::Refusal => 5,
            Kind::Message => 16,
            Kind::Ping => 17,
        }
    }

    fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than what is accepted.
    #[error("a frame of {len} bytes, and at most {len_max} are accepted")]
    TooLong {
        /// What it announces.
        len: usize,
        /// The limit.
        len_max: usize,
    },
    /// The checksum is wrong.
    #[error("a frame is damaged: crc {found:#010x}, expected {expected:#010x}")]
    Damaged {
        /// The bytes' own.
        found: u32,
        /// What the frame says.
        expected: u32,
    },
    /// There is no such kind.
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
}

/// A frame in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it carries.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// The frame at the start of `bytes`, and how long it is; `None` if it is not all there.
    ///
    /// # Errors
    /// If it is none, or its payload is longer than `len_max`.
    pub fn decode(bytes: &[u8], len_max: usize) -> Result<Option<(Frame<'_>, usize)>, FrameError> {
        let Some((len, rest)) = bytes.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let payload_len = u32::from_le_bytes(*len) as usize;
        if payload_len > len_max {
            return Err(FrameError::TooLong {
                len: payload_len,
                len_max,
            });
        }
        let whole = rest
            .split_first_chunk::<4>()
            .and_then(|(crc, rest)| Some((crc, rest.get(..1 + payload_len)?)));
        let Some((crc, body)) = whole else {
            return Ok(None);
        };
        let (expected, found) = (u32::from_le_bytes(*crc), checksum(*len, body));
        if expected != found {
            return Err(FrameError::Damaged { found, expected });
        }
        let (number, payload) = body.split_first().expect("a byte longer than the payload");
        let kind = Kind::from_number(*number).ok_or(FrameError::UnknownKind(*number))?;
        let frame = Frame { kind, payload };
        Ok(Some((frame, FRAME_HEADER_BYTES + payload_len)))
    }
}

fn checksum(len: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&len), body)
}

/// Appends a frame whose payload `write` appends; the payload's length. If that is more than
/// `len_max` nothing is appended.
pub(super) fn put_frame(
    buffer: &mut BytesMut,
    kind: Kind,
    len_max: usize,
    write: impl FnOnce(&mut BytesMut),
) -> Result<usize, FrameError> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; FRAME_HEADER_BYTES]);
    buffer[start + FRAME_HEADER_BYTES - 1] = kind.number();
    write(buffer);
    let payload_len = buffer.len() - start - FRAME_HEADER_BYTES;
    let len = u32::try_from(payload_len).unwrap_or(u32::MAX);
    if payload_len > len_max || len == u32::MAX {
        buffer.truncate(start);
        return Err(FrameError::TooLong {
            len: payload_len,
            len_max,
        });
    }
    let len = len.to_le_bytes();
    let crc = checksum(len, &buffer[start + FRAME_HEADER_BYTES - 1..]);
    buffer[start..start + 4].copy_from_slice(&len);
    buffer[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    Ok(payload_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, payload: &[u8]) -> BytesMut {
        let mut buffer = BytesMut::new();
        put_frame(&mut buffer, kind, 1 << 20, |out| {
            out.extend_from_slice(payload);
        })
        .unwrap();
        buffer
    }

    #[test]
    fn frames_have_the_documented_bytes() {
        assert_eq!(frame(Kind::Ping, b"")[..], *b"\0\0\0\0\x59\x32\x47\xa7\x11");
        assert_eq!(
            frame(Kind::Message, b"abc")[..],
            *b"\x03\0\0\0\x13\x18\x27\xe8\x10abc"
        );
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_not_before_it_is_all_there() {
        for kind in Kind::ALL {
            let mut bytes = frame(kind, b"some payload");
            let len = bytes.len();
            for cut in 0..len {
                assert_eq!(Frame::decode(&bytes[..cut], 100), Ok(None));
            }
            bytes.extend_from_slice(b"the next");
            let payload = b"some payload".as_slice();
            let whole = Frame { kind, payload };
            assert_eq!(Frame::decode(&bytes, 12), Ok(Some((whole, len))));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = frame(Kind::Message, b"some payload");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let decoded = Frame::decode(&damaged, 1 << 10);
            assert!(matches!(decoded, Err(_) | Ok(None)), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_neither_read_nor_written() {
        let bytes = frame(Kind::Message, b"0123456789");
        let too_long = FrameError::TooLong {
            len: 10,
            len_max: 9,
        };
        assert_eq!(Frame::decode(&bytes[..4], 9), Err(too_long));
        let mut buffer = BytesMut::from("before");
        let put = put_frame(&mut buffer, Kind::Message, 9, |out| {
            out.extend_from_slice(b"0123456789");
        });
        assert_eq!(put, Err(too_long));
        assert_eq!(buffer, "before");
    }

    #[test]
    fn a_kind_that_is_unknown_is_an_error() {
        let mut bytes = frame(Kind::Ping, b"");
        bytes[8] = 9;
        let crc = checksum([0; 4], &[9]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Frame::decode(&bytes, 10), Err(FrameError::UnknownKind(9)));
    }
}
