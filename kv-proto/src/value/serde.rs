//! `Serialize` and `Deserialize` of [`Value`].
//!
//! Readable formats get the JSON form of the parent's `json` module; others get bytes as bytes. A
//! serializer that is readable but can hold bytes recognises [`VALUE_NEWTYPE`] and says, within
//! it, that it is not readable: then a value round-trips exactly.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::{BYTES_FIELD, JsonError, bytes_from_text, bytes_to_json, meant_name, shown_name};
use super::{NESTING_MAX, Value};

/// Name of the newtype struct as which a value, at every level, is serialized.
pub const VALUE_NEWTYPE: &str = "$kv::Value";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(VALUE_NEWTYPE, &Content(self))
    }
}

/// What is inside the newtype struct.
struct Content<'a>(&'a Value);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(i) => serializer.serialize_i64(*i),
            Value::Float(f) => serializer.serialize_f64(*f),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) if serializer.is_human_readable() => {
                bytes_to_json(bytes).serialize(serializer)
            }
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(fields) if serializer.is_human_readable() && fields.len() == 1 => {
                serializer.collect_map(fields.iter().map(|(name, item)| (shown_name(name), item)))
            }
            Value::Map(fields) => serializer.collect_map(fields),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Nested { depth: 0 }.deserialize(deserializer)
    }
}

/// Reads a value that is `depth` containers deep.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let visitor = ValueVisitor {
            nested: self,
            readable: deserializer.is_human_readable(),
        };
        deserializer.deserialize_newtype_struct(VALUE_NEWTYPE, visitor)
    }
}

impl Nested {
    fn within<E: Error>(self) -> Result<Nested, E> {
        match self.depth {
            NESTING_MAX.. => Err(E::custom(JsonError::TooDeep)),
            depth => Ok(Nested { depth: depth + 1 }),
        }
    }
}

/// `readable`: bytes are in their JSON form.
struct ValueVisitor {
    nested: Nested,
    readable: bool,
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        let readable = inner.is_human_readable();
        inner.deserialize_any(ValueVisitor { readable, ..self })
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        self.nested.deserialize(inner)
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E: Error>(self, i: i64) -> Result<Value, E> {
        Ok(Value::Int(i))
    }

    fn visit_u64<E: Error>(self, i: u64) -> Result<Value, E> {
        match i64::try_from(i) {
            Ok(i) => Ok(Value::Int(i)),
            Err(_) => Ok(Value::Float(i as f64)),
        }
    }

    fn visit_f64<E: Error>(self, f: f64) -> Result<Value, E> {
        Ok(Value::Float(f))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let item = self.nested.within()?;
        let mut items = Vec::new();
        while let Some(value) = seq.next_element_seed(item)? {
            items.push(value);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let item = self.nested.within()?;
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.insert(name, map.next_value_seed(item)?);
        }
        if !self.readable || fields.len() != 1 {
            return Ok(Value::Map(fields));
        }
        if let Some(Value::Str(text)) = fields.get(BYTES_FIELD) {
            return bytes_from_text(text).map_err(A::Error::custom);
        }
        let meant = |(name, item): (String, Value)| (meant_name(&name).to_owned(), item);
        Ok(Value::Map(fields.into_iter().map(meant).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn json_and_back_is_the_same_text() {
        let text = r#"{"a":[null,true,-1,1.5,"x"],"b":{"$base64":"/w=="}}"#;
        assert_eq!(serde_json::to_string(&json(text).unwrap()).unwrap(), text);
    }

    #[test]
    fn bytes_are_read_from_their_json_form() {
        let value = json(r#"{"$base64":"AP8="}"#).unwrap();
        assert_eq!(value, Value::Bytes(vec![0, 0xff]));
        assert!(json(r#"{"$base64":"%"}"#).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(json(&nested(NESTING_MAX)).is_ok());
        assert!(json(&nested(NESTING_MAX + 1)).is_err());
    }
}
