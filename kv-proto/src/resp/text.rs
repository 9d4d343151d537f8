//! The bytes a RESP client sees of a typed value.

use std::borrow::Cow;

use crate::value::{Tag, json_text};

/// The bytes that a RESP `GET` shows of a value: strings and byte strings as they are, everything
/// else as JSON text (`null`, `true`, `3`, `[1,2]`).
///
/// STRLEN, GETRANGE, APPEND, INCR and `IFEQ` work on this text. A payload that is not canonical,
/// which no checked command stores, is shown as it is.
#[must_use]
pub fn resp_text(tag: Tag, payload: &[u8]) -> Cow<'_, [u8]> {
    match (tag, payload) {
        (Tag::Bytes | Tag::Str, bytes) => Cow::Borrowed(bytes),
        (tag, payload) => match json_text(tag, payload) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(payload),
        },
    }
}
