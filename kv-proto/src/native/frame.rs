//! Where one frame ends and the next begins.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::reply::ReplyError;
use crate::control::ControlError;

/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 14;

const LEN_BYTES: usize = 4;

/// A partial frame makes the buffer grow by at most so much at once, whatever length it announces.
const RESERVED_BYTES_MAX: usize = 64 << 10;

/// Why a stream of frames cannot be followed any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame beyond the limit.
    #[error("frame of {len} bytes, the limit is {max}")]
    TooLarge {
        /// Its length, header included.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A frame shorter than its own header.
    #[error("frame of {0} bytes is shorter than its header")]
    TooShort(usize),
    /// A reply of a kind that no server sends.
    #[error("unknown reply kind {0:#x}")]
    UnknownReplyKind(u8),
    /// A reply with flags that were not asked for.
    #[error("unknown reply flags {0:#x}")]
    UnknownReplyFlags(u8),
    /// A reply that cannot be decoded.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// A control message that cannot be decoded.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// One frame, its payload not yet looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) id: u64,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) payload: Bytes,
}

impl Frame {
    /// Takes the frame at the front of `buffer`; `None` if it is not all there.
    pub(super) fn take(buffer: &mut BytesMut, max: usize) -> Result<Option<Frame>, FrameError> {
        let Some(len) = buffer.first_chunk::<LEN_BYTES>() else {
            return Ok(None);
        };
        let len = LEN_BYTES + u32::from_le_bytes(*len) as usize;
        if len > max {
            return Err(FrameError::TooLarge { len, max });
        }
        if len < FRAME_HEADER_BYTES {
            return Err(FrameError::TooShort(len));
        }
        if buffer.len() < len {
            buffer.reserve((len - buffer.len()).min(RESERVED_BYTES_MAX));
            return Ok(None);
        }
        let mut payload = buffer.split_to(len).freeze();
        payload.advance(LEN_BYTES);
        Ok(Some(Frame {
            id: payload.get_u64_le(),
            kind: payload.get_u8(),
            flags: payload.get_u8(),
            payload,
        }))
    }
}

/// Appends a frame whose payload `put` appends. If it is larger than `max`, nothing is appended.
pub(super) fn put_frame(
    out: &mut BytesMut,
    max: usize,
    (id, kind, flags): (u64, u8, u8),
    put: impl FnOnce(&mut BytesMut),
) -> Result<(), FrameError> {
    let start = out.len();
    out.put_u32_le(0);
    out.put_u64_le(id);
    out.put_u8(kind);
    out.put_u8(flags);
    put(out);
    let len = out.len() - start;
    match u32::try_from(len - LEN_BYTES) {
        Ok(announced) if len <= max => {
            if let Some(place) = out.get_mut(start..start + LEN_BYTES) {
                place.copy_from_slice(&announced.to_le_bytes());
            }
            Ok(())
        }
        _ => {
            out.truncate(start);
            Err(FrameError::TooLarge { len, max })
        }
    }
}
