//! Encodes and decodes [`Value`]; the layout is drawn in the parent module.

use std::collections::BTreeMap;

use super::validate::validate;
use super::{NESTING_MAX, Tag, Value, ValueError};

const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

impl Value {
    /// What this value is.
    #[must_use]
    pub fn tag(&self) -> Tag {
        match self {
            Value::Null => Tag::Null,
            Value::Bool(_) => Tag::Bool,
            Value::Int(_) => Tag::Int,
            Value::Float(_) => Tag::Float,
            Value::Str(_) => Tag::Str,
            Value::Bytes(_) => Tag::Bytes,
            Value::List(_) => Tag::List,
            Value::Map(_) => Tag::Map,
        }
    }

    /// Appends the encoding after the tag to `out` and returns the tag.
    pub fn encode_payload(&self, out: &mut Vec<u8>) -> Tag {
        match self {
            Value::Str(text) => out.extend_from_slice(text.as_bytes()),
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
            other => encode_sized(other, out),
        }
        self.tag()
    }

    /// The value that `payload` encodes under `tag`.
    ///
    /// # Errors
    /// If it is not the canonical encoding of a value.
    pub fn decode(tag: Tag, payload: &[u8]) -> Result<Value, ValueError> {
        // Once it is known to be one, no count in it lies about how much to reserve.
        validate(tag, payload)?;
        match tag {
            Tag::Str => text(payload).map(Value::Str),
            Tag::Bytes => Ok(Value::Bytes(payload.to_vec())),
            _ => decode_sized(tag, &mut &*payload, 0),
        }
    }
}

fn encode_item(value: &Value, out: &mut Vec<u8>) {
    out.push(value.tag() as u8);
    encode_sized(value, out);
}

fn encode_sized(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(b) => out.push(u8::from(*b)),
        Value::Int(i) => out.extend_from_slice(&i.to_le_bytes()),
        Value::Float(f) => out.extend_from_slice(&float_bits(*f).to_le_bytes()),
        Value::Str(text) => encode_block(text.as_bytes(), out),
        Value::Bytes(bytes) => encode_block(bytes, out),
        Value::List(items) => {
            encode_count(items.len(), out);
            items.iter().for_each(|item| encode_item(item, out));
        }
        Value::Map(fields) => {
            encode_count(fields.len(), out);
            for (name, item) in fields {
                encode_block(name.as_bytes(), out);
                encode_item(item, out);
            }
        }
    }
}

pub(super) fn float_bits(f: f64) -> u64 {
    if f.is_nan() {
        CANONICAL_NAN
    } else {
        f.to_bits()
    }
}

pub(super) fn encode_count(count: usize, out: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("a value in memory has fewer than 2^32 items");
    out.extend_from_slice(&count.to_le_bytes());
}

pub(super) fn encode_block(bytes: &[u8], out: &mut Vec<u8>) {
    encode_count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn text(bytes: &[u8]) -> Result<String, ValueError> {
    check_text(bytes).map(str::to_owned)
}

pub(super) fn check_text(bytes: &[u8]) -> Result<&str, ValueError> {
    std::str::from_utf8(bytes).map_err(|_| ValueError::NotUtf8)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], ValueError> {
    let (head, tail) = rest.split_at_checked(count).ok_or(ValueError::Truncated)?;
    *rest = tail;
    Ok(head)
}

pub(super) fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ValueError> {
    let (head, tail) = rest.split_first_chunk().ok_or(ValueError::Truncated)?;
    *rest = tail;
    Ok(*head)
}

fn take_count(rest: &mut &[u8]) -> Result<usize, ValueError> {
    Ok(u32::from_le_bytes(take_array(rest)?) as usize)
}

pub(super) fn take_block<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], ValueError> {
    let count = take_count(rest)?;
    take(rest, count)
}

fn decode_item(rest: &mut &[u8], depth: usize) -> Result<Value, ValueError> {
    let tag = take_tag(rest)?;
    decode_sized(tag, rest, depth)
}

pub(super) fn take_tag(rest: &mut &[u8]) -> Result<Tag, ValueError> {
    let [byte] = take_array(rest)?;
    Tag::from_u8(byte).ok_or(ValueError::UnknownTag(byte))
}

fn decode_sized(tag: Tag, rest: &mut &[u8], depth: usize) -> Result<Value, ValueError> {
    Ok(match tag {
        Tag::Null => Value::Null,
        Tag::Bool => Value::Bool(check_bool(rest)?),
        Tag::Int => Value::Int(i64::from_le_bytes(take_array(rest)?)),
        Tag::Float => Value::Float(check_float(rest)?),
        Tag::Str => Value::Str(text(take_block(rest)?)?),
        Tag::Bytes => Value::Bytes(take_block(rest)?.to_vec()),
        Tag::List => decode_list(rest, depth + 1)?,
        Tag::Map => decode_map(rest, depth + 1)?,
    })
}

pub(super) fn check_bool(rest: &mut &[u8]) -> Result<bool, ValueError> {
    match take_array(rest)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(ValueError::NotCanonical("bool is neither 0 nor 1")),
    }
}

pub(super) fn check_float(rest: &mut &[u8]) -> Result<f64, ValueError> {
    let bits = u64::from_le_bytes(take_array(rest)?);
    let float = f64::from_bits(bits);
    if float.is_nan() && bits != CANONICAL_NAN {
        return Err(ValueError::NotCanonical("NaN has another bit pattern"));
    }
    Ok(float)
}

fn decode_list(rest: &mut &[u8], depth: usize) -> Result<Value, ValueError> {
    let count = open_container(rest, depth)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(decode_item(rest, depth)?);
    }
    Ok(Value::List(items))
}

fn decode_map(rest: &mut &[u8], depth: usize) -> Result<Value, ValueError> {
    let count = open_container(rest, depth)?;
    let mut fields: BTreeMap<String, Value> = BTreeMap::new();
    for _ in 0..count {
        let name = text(take_block(rest)?)?;
        let item = decode_item(rest, depth)?;
        fields.insert(name, item);
    }
    Ok(Value::Map(fields))
}

pub(super) fn open_container(rest: &mut &[u8], depth: usize) -> Result<usize, ValueError> {
    if depth > NESTING_MAX {
        return Err(ValueError::TooDeep);
    }
    take_count(rest)
}
