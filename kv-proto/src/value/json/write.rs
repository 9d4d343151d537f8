//! From an encoding to JSON text, without building the value: what is in memory at once is the
//! encoding and the text.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{BYTES_FIELD, shown_name};
use crate::value::codec::{
    check_bool, check_float, check_text, open_container, take_array, take_block, take_tag,
};
use crate::value::{EncodedValue, Tag, ValueError};

type Result<T> = std::result::Result<T, ValueError>;

impl EncodedValue {
    /// Compact JSON text, the same as [`Value::to_json`](crate::Value::to_json).
    ///
    /// # Errors
    /// If this is not the canonical encoding of a value.
    pub fn to_json(&self) -> Result<String> {
        let text = json_text(self.tag, &self.payload)?;
        String::from_utf8(text).map_err(|_| ValueError::NotUtf8)
    }
}

/// The JSON text of the value that `payload` encodes under `tag`.
pub(crate) fn json_text(tag: Tag, payload: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match tag {
        Tag::Str => put(&mut out, check_text(payload)?),
        Tag::Bytes => put_bytes(&mut out, payload),
        tag => {
            let mut rest = payload;
            put_sized(&mut out, tag, &mut rest, 0)?;
            if !rest.is_empty() {
                return Err(ValueError::Trailing(rest.len()));
            }
        }
    }
    Ok(out)
}

fn put_sized(out: &mut Vec<u8>, tag: Tag, rest: &mut &[u8], depth: usize) -> Result<()> {
    match tag {
        Tag::Null => out.extend_from_slice(b"null"),
        Tag::Bool => put(out, &check_bool(rest)?),
        Tag::Int => put(out, &i64::from_le_bytes(take_array(rest)?)),
        Tag::Float => put(out, &check_float(rest)?),
        Tag::Str => put(out, check_text(take_block(rest)?)?),
        Tag::Bytes => put_bytes(out, take_block(rest)?),
        Tag::List => put_list(out, rest, depth + 1)?,
        Tag::Map => put_map(out, rest, depth + 1)?,
    }
    Ok(())
}

/// Scalars are written by the library that reads them; a float that JSON lacks is null.
fn put<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, scalar: &T) {
    serde_json::to_writer(out, scalar).expect("a scalar is written to memory");
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => put(out, text),
        Err(_) => write!(out, "{{\"{BYTES_FIELD}\":\"{}\"}}", STANDARD.encode(bytes))
            .expect("text is written to memory"),
    }
}

fn put_list(out: &mut Vec<u8>, rest: &mut &[u8], depth: usize) -> Result<()> {
    let count = open_container(rest, depth)?;
    out.push(b'[');
    for index in 0..count {
        put_comma(out, index);
        put_item(out, rest, depth)?;
    }
    out.push(b']');
    Ok(())
}

fn put_map(out: &mut Vec<u8>, rest: &mut &[u8], depth: usize) -> Result<()> {
    let count = open_container(rest, depth)?;
    out.push(b'{');
    for index in 0..count {
        put_comma(out, index);
        let name = check_text(take_block(rest)?)?;
        match count {
            1 => put(out, &shown_name(name)),
            _ => put(out, name),
        }
        out.push(b':');
        put_item(out, rest, depth)?;
    }
    out.push(b'}');
    Ok(())
}

fn put_comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn put_item(out: &mut Vec<u8>, rest: &mut &[u8], depth: usize) -> Result<()> {
    let tag = take_tag(rest)?;
    put_sized(out, tag, rest, depth)
}
