//! The bytes a RESP client sees of a typed value.

use std::borrow::Cow;

use crate::value::{Tag, Value};

/// The bytes that a RESP `GET` shows of a value: strings and byte strings as they are, everything
/// else as JSON text (`null`, `true`, `3`, `[1,2]`).
///
/// STRLEN, GETRANGE, APPEND, INCR and `IFEQ` work on this text. A payload that is not canonical,
/// which no checked command stores, is shown as it is.
#[must_use]
pub fn resp_text(tag: Tag, payload: &[u8]) -> Cow<'_, [u8]> {
    match (tag, payload) {
        (Tag::Bytes | Tag::Str, bytes) => Cow::Borrowed(bytes),
        (Tag::Null, []) => Cow::Borrowed(b"null"),
        (Tag::Bool, [0]) => Cow::Borrowed(b"false"),
        (Tag::Bool, [1]) => Cow::Borrowed(b"true"),
        (tag, payload) => match Value::decode(tag, payload) {
            Ok(value) => Cow::Owned(value.to_json().into_bytes()),
            Err(_) => Cow::Borrowed(payload),
        },
    }
}
