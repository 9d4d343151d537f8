//! Values as text, for the commands that work on text: STRLEN, GETRANGE, APPEND, SETRANGE, …
//!
//! Bytes and strings are their own text; null, booleans and numbers are what JSON writes for them.
//! Lists and maps have none here: WRONGTYPE. What such a command stores is bytes.

use std::borrow::Cow;
use std::ops::Range;

use kv_proto::{Entry, ErrorCode, ErrorReply, Tag};

use super::{VALUE_BYTES_MAX, is_container};

/// The text of a value.
///
/// # Errors
/// `WRONGTYPE` if it is a list or a map.
pub(super) fn of(entry: &Entry) -> Result<Cow<'_, [u8]>, ErrorReply> {
    match entry.tag() {
        tag if is_container(tag) => Err(wrong_type()),
        Tag::Bytes | Tag::Str => Ok(Cow::Borrowed(entry.payload())),
        _ => Ok(Cow::Owned(json(entry))),
    }
}

/// Whether the value, shown as a GET shows it, is `text`.
pub(super) fn equals(entry: &Entry, text: &[u8]) -> bool {
    match of(entry) {
        Ok(own) => *own == *text,
        Err(_) => json(entry) == text,
    }
}

fn json(entry: &Entry) -> Vec<u8> {
    match entry.value() {
        Ok(value) => value.to_json().into_bytes(),
        Err(_) => unreachable!("values are checked before they are logged"),
    }
}

/// The bytes from `start` to `end`, both inclusive, negative from the end, of a text of `len`.
pub(super) fn slice_range(len: usize, start: i64, end: i64) -> Range<usize> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let start = index_in(len, start);
    let end = index_in(len, end).saturating_add(1).min(len);
    if start < end { start..end } else { 0..0 }
}

fn index_in(len: usize, index: i64) -> usize {
    let magnitude = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    if index < 0 {
        len.saturating_sub(magnitude)
    } else {
        magnitude
    }
}

/// `text` with `suffix` behind it.
pub(super) fn append(text: &[u8], suffix: &[u8]) -> Result<Vec<u8>, ErrorReply> {
    check_len(text.len() as u64 + suffix.len() as u64)?;
    Ok([text, suffix].concat())
}

/// `text` with `patch` written over it from `offset`, zeros in between if it is shorter.
pub(super) fn overwrite(text: &[u8], offset: u64, patch: &[u8]) -> Result<Vec<u8>, ErrorReply> {
    let end = check_len(offset.saturating_add(patch.len() as u64))?;
    let mut patched = text.to_vec();
    if patched.len() < end {
        patched.resize(end, 0);
    }
    patched[end - patch.len()..end].copy_from_slice(patch);
    Ok(patched)
}

fn check_len(len: u64) -> Result<usize, ErrorReply> {
    match usize::try_from(len) {
        Ok(len) if len <= VALUE_BYTES_MAX => Ok(len),
        _ => Err(too_long()),
    }
}

/// The value would be longer than is allowed.
pub(crate) fn too_long() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::Err,
        "string exceeds maximum allowed size (proto-max-bulk-len)",
    )
}

/// The command works on text and the value has none.
pub(super) fn wrong_type() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::WrongType,
        "Operation against a key holding the wrong kind of value",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_those_of_redis() {
        let slice = |start, end| &b"0123456789"[slice_range(10, start, end)];
        assert_eq!(slice(0, 3), b"0123");
        assert_eq!(slice(-3, -1), b"789");
        assert_eq!(slice(0, -1), b"0123456789");
        assert_eq!(slice(-100, 1), b"01");
        assert_eq!(slice(-1, -3), b"");
        assert_eq!(slice(5, 2), b"");
        assert_eq!(slice(0, -100), b"0");
        assert_eq!(slice(10, 12), b"");
        assert_eq!(slice(i64::MIN, i64::MAX), b"0123456789");
        assert!(slice_range(0, 0, 0).is_empty());
    }

    #[test]
    fn overwriting_fills_with_zeros() {
        assert_eq!(overwrite(b"ab", 4, b"xy").unwrap(), b"ab\0\0xy");
        assert_eq!(overwrite(b"abcdef", 1, b"xy").unwrap(), b"axydef");
        assert!(overwrite(b"", u64::MAX, b"x").is_err());
        assert!(overwrite(b"", VALUE_BYTES_MAX as u64, b"x").is_err());
    }
}
