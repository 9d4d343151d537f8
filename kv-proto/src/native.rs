//! Our own protocol: framed, pipelined, multiplexed.
//!
//! ```text
//! client → server   preface, frame*
//! server → client   preface, frame*
//! preface = 0x00 "KVP" | version u16 | flags u16
//! frame   = len u32 | request id u64 | kind u8 | flags u8 | payload [len - 10]     little-endian
//! ```
//!
//! A client chooses the request ids; replies carry them back, in any order. What a kind's payload
//! is: see [`RequestBody`] and [`ReplyBody`].
//!
//! 1. No RESP request begins with the byte 0x00, so one port serves both protocols.
//! 2. A frame that is too large ends the connection; one whose payload is bad gets an error, for
//!    the next frame's place is known.
//! 3. Decoding slices the buffer, and reserves only for bytes that have come.

mod codec;
mod frame;
mod preface;
mod reply;
mod request;

pub use codec::{ClientCodec, Incoming, ReplyBody, ReplyFrame, RequestFrame, ServerCodec};
pub use codec::{encode_reply_frame, encode_reply_frame_at};
pub use frame::{FRAME_HEADER_BYTES, FrameError};
pub use preface::{PREFACE_BYTES, Preface, PrefaceError, VERSION};
pub use reply::{ReplyError, decode_reply, encode_reply};
pub use request::RequestBody;
