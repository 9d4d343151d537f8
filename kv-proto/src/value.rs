//! JSON-like values and their one canonical encoding.
//!
//! ```text
//! value    = tag u8 | payload
//! payload  = Null: nothing | Bool: u8 0 or 1 | Int: i64 | Float: f64 bits u64
//!          | Str, Bytes: the bytes | List: count u32, item* | Map: count u32, (key item, item)*
//! item     = tag u8 | Null, Bool, Int, Float: as above | Str, Bytes: len u32, bytes
//!          | List, Map: as above                                             little-endian
//! ```
//!
//! 1. One value has exactly one encoding: map keys are strictly ascending, `Bool` is 0 or 1, NaN
//!    is one bit pattern. [`Value::decode`] refuses anything else.
//! 2. A top-level string or byte string carries no length: its container knows it. So a client's
//!    bytes are stored exactly as they came.
//! 3. Nesting is at most [`NESTING_MAX`] deep, so decoding never overflows the stack.

use std::collections::BTreeMap;

use bytes::Bytes;

mod codec;
mod json;
mod serde;
mod validate;

pub use self::serde::VALUE_NEWTYPE;
pub use json::JsonError;
pub(crate) use json::json_text;

/// Containers may be nested this deep.
pub const NESTING_MAX: usize = 64;

/// A JSON-like value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A double; all NaNs are one.
    Float(f64),
    /// Unicode text.
    Str(String),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name, ascending.
    Map(BTreeMap<String, Value>),
}

/// What an encoded value is; the first byte of its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tag {
    /// [`Value::Null`]
    Null = 0,
    /// [`Value::Bool`]
    Bool = 1,
    /// [`Value::Int`]
    Int = 2,
    /// [`Value::Float`]
    Float = 3,
    /// [`Value::Str`]
    Str = 4,
    /// [`Value::Bytes`]
    Bytes = 5,
    /// [`Value::List`]
    List = 6,
    /// [`Value::Map`]
    Map = 7,
}

impl Tag {
    /// The tag with this number, if there is one.
    #[must_use]
    pub fn from_u8(byte: u8) -> Option<Tag> {
        Some(match byte {
            0 => Tag::Null,
            1 => Tag::Bool,
            2 => Tag::Int,
            3 => Tag::Float,
            4 => Tag::Str,
            5 => Tag::Bytes,
            6 => Tag::List,
            7 => Tag::Map,
            _ => return None,
        })
    }

    /// The type's name as shown to people: `null`, `bool`, `int`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tag::Null => "null",
            Tag::Bool => "bool",
            Tag::Int => "int",
            Tag::Float => "float",
            Tag::Str => "string",
            Tag::Bytes => "bytes",
            Tag::List => "list",
            Tag::Map => "map",
        }
    }
}

/// A value in its canonical encoding, decoded only when somebody needs it.
///
/// A RESP `SET` makes one of these without looking at the bytes: [`EncodedValue::from_bytes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedValue {
    /// What the payload is.
    pub tag: Tag,
    /// The encoding after the tag.
    pub payload: Bytes,
}

impl EncodedValue {
    /// A byte string, stored exactly as given.
    #[must_use]
    pub fn from_bytes(payload: Bytes) -> EncodedValue {
        EncodedValue {
            tag: Tag::Bytes,
            payload,
        }
    }

    /// Decodes it.
    ///
    /// # Errors
    /// If the payload is not the canonical encoding of a value.
    pub fn decode(&self) -> Result<Value, ValueError> {
        Value::decode(self.tag, &self.payload)
    }
}

impl From<&Value> for EncodedValue {
    fn from(value: &Value) -> EncodedValue {
        let mut payload = Vec::new();
        let tag = value.encode_payload(&mut payload);
        EncodedValue {
            tag,
            payload: payload.into(),
        }
    }
}

/// Why bytes are not the canonical encoding of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The bytes end within a value.
    #[error("value ends early")]
    Truncated,
    /// Bytes follow the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// No value has this tag.
    #[error("unknown value tag {0:#x}")]
    UnknownTag(u8),
    /// A string is not UTF-8.
    #[error("string is not UTF-8")]
    NotUtf8,
    /// Decodes, but is not what the encoder writes.
    #[error("not the canonical encoding of a value: {0}")]
    NotCanonical(&'static str),
    /// Containers nest deeper than [`NESTING_MAX`].
    #[error("nested deeper than {NESTING_MAX}")]
    TooDeep,
}
