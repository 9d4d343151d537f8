//! One line of an export: a key with its value and expiry.
//!
//! ```text
//! {"key": "k", "value": 1}                          any value that JSON can hold
//! {"key": "k", "value": "text", "type": "bytes"}    bytes that are text
//! {"key": "k", "encoded": "…"}                      the rest: base64 of the stored tag and payload
//! {…, "expires_at_ms": 1700000000000}               unix time; on import also "ttl_ms", from now
//! {…, "vector": [0.5, -1]}                          what came with the value
//! ```
//!
//! Keys that are not text are `{"$base64": "…"}`.
//!
//! 1. What [`to_line`] writes is read by [`parse_line`] as exactly the same value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kv_client::{EncodedValue, KEY_BYTES_MAX, SetOptions, Tag, Value};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use crate::output::json_key;

/// A key with what is stored under it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) key: Bytes,
    pub(crate) value: EncodedValue,
    pub(crate) expiry: Option<RecordExpiry>,
    pub(crate) vector: Option<Vec<f32>>,
}

/// When it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordExpiry {
    /// So long after it is stored.
    TtlMs(u64),
    /// At this unix time.
    AtMs(i64),
}

impl Record {
    /// How to store it.
    pub(crate) fn options(&self) -> SetOptions {
        let options = match self.expiry {
            None => SetOptions::new(),
            Some(RecordExpiry::TtlMs(ms)) => {
                SetOptions::new().ttl(std::time::Duration::from_millis(ms))
            }
            Some(RecordExpiry::AtMs(ms)) => SetOptions::new().expires_at(ms),
        };
        match &self.vector {
            Some(vector) => options.vector(vector.as_slice()),
            None => options,
        }
    }

    /// About how many bytes it is to send.
    pub(crate) fn bytes(&self) -> usize {
        let vector = self.vector.as_deref().map_or(0, size_of_val);
        self.key.len() + self.value.payload.len() + vector
    }
}

/// The line for a stored value, without its end.
pub(crate) fn to_line(
    key: &[u8],
    value: &EncodedValue,
    expires_at_ms: Option<u64>,
    vector: Option<&[f32]>,
) -> String {
    let mut fields = Map::from_iter([("key".to_owned(), json_key(key))]);
    put_value(&mut fields, value);
    if let Some(ms) = expires_at_ms {
        fields.insert("expires_at_ms".to_owned(), ms.into());
    }
    if let Some(vector) = vector {
        fields.insert("vector".to_owned(), vector.into());
    }
    Json::from(fields).to_string()
}

fn put_value(fields: &mut Map<String, Json>, value: &EncodedValue) {
    if let (Tag::Bytes, Ok(text)) = (value.tag, std::str::from_utf8(&value.payload)) {
        fields.insert("value".to_owned(), text.into());
        fields.insert("type".to_owned(), "bytes".into());
        return;
    }
    match value.decode().ok().map(|value| value.to_json_value()) {
        Some(json) if is_lossless(&json, value) => fields.insert("value".to_owned(), json),
        _ => fields.insert("encoded".to_owned(), base64_of(value).into()),
    };
}

/// JSON has no NaN and cannot tell bytes from text; the reader says what it would make of it.
fn is_lossless(json: &Json, value: &EncodedValue) -> bool {
    let read = Value::from_json(json.to_string().as_bytes());
    read.is_ok_and(|read| EncodedValue::from(&read) == *value)
}

fn base64_of(value: &EncodedValue) -> String {
    let tagged = [&[value.tag as u8], &*value.payload].concat();
    STANDARD.encode(tagged)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Value,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
    encoded: Option<String>,
    ttl_ms: Option<u64>,
    expires_at_ms: Option<i64>,
    vector: Option<Vec<f32>>,
}

/// Tells `null` from nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads a line.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn parse_line(text: &[u8]) -> Result<Record, String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let key = match line.key {
        Value::Str(text) => Bytes::from(text),
        Value::Bytes(bytes) => Bytes::from(bytes),
        other => return Err(format!("key is {}, not text", other.tag().name())),
    };
    check_key(&key)?;
    let expiry = match (line.ttl_ms, line.expires_at_ms) {
        (Some(_), Some(_)) => return Err("both ttl_ms and expires_at_ms".to_owned()),
        (Some(ms), None) => Some(RecordExpiry::TtlMs(ms)),
        (None, at_ms) => at_ms.map(RecordExpiry::AtMs),
    };
    let value = match (line.value, line.kind.as_deref(), line.encoded) {
        (Some(Value::Str(text)), Some("bytes"), None) => EncodedValue::from_bytes(text.into()),
        (Some(value), kind, None) if kind.is_none_or(|kind| kind == value.tag().name()) => {
            EncodedValue::from(&value)
        }
        (Some(_), kind, None) => {
            return Err(format!(
                "value is not of type {:?}",
                kind.unwrap_or_default()
            ));
        }
        (None, None, Some(encoded)) => decode_base64(&encoded)?,
        (None, _, None) => return Err("missing field `value`".to_owned()),
        (_, _, Some(_)) => return Err("`encoded` beside `value` or `type`".to_owned()),
    };
    Ok(Record {
        key,
        value,
        expiry,
        vector: line.vector,
    })
}

/// Whether the key can be sent at all; a server may take less.
///
/// # Errors
/// Says how long it may be.
pub(crate) fn check_key(key: &[u8]) -> Result<(), String> {
    match key.len() {
        0..=KEY_BYTES_MAX => Ok(()),
        len => Err(format!("key has {len} bytes, the limit is {KEY_BYTES_MAX}")),
    }
}

fn decode_base64(text: &str) -> Result<EncodedValue, String> {
    let bytes = STANDARD
        .decode(text)
        .map_err(|error| format!("`encoded`: {error}"))?;
    let (tag, payload) = match bytes.split_first() {
        Some((tag, payload)) => (Tag::from_u8(*tag), payload),
        None => (None, &[][..]),
    };
    let value = EncodedValue {
        tag: tag.ok_or("`encoded` does not begin with a value tag")?,
        payload: Bytes::copy_from_slice(payload),
    };
    match value.decode() {
        Ok(_) => Ok(value),
        Err(error) => Err(format!("`encoded`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn round_trip(key: &[u8], value: &Value, at_ms: Option<u64>) -> (Record, Record) {
        let value = EncodedValue::from(value);
        let vector = at_ms.map(|ms| vec![0.1, ms as f32]);
        let line = to_line(key, &value, at_ms, vector.as_deref());
        assert!(!line.contains('\n'), "one record, one line");
        let stored = Record {
            key: Bytes::copy_from_slice(key),
            value,
            expiry: at_ms.map(|ms| RecordExpiry::AtMs(ms.cast_signed())),
            vector,
        };
        (parse_line(line.as_bytes()).unwrap(), stored)
    }

    #[test]
    fn what_json_cannot_hold_is_encoded() {
        let one_field = |value| Value::Map(BTreeMap::from([("$base64".to_owned(), value)]));
        let awkward = [
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Float(-0.0),
            Value::Float(1e16),
            Value::List(vec![Value::Bytes(b"text".to_vec())]),
            one_field(Value::Str("AAAA".to_owned())),
            one_field(Value::Str("?".to_owned())),
        ];
        for value in awkward {
            let (read, stored) = round_trip(b"k", &value, None);
            assert_eq!(read, stored, "{value:?}");
        }
    }

    #[test]
    fn everyday_values_stay_readable() {
        let line = |value: &Value| to_line(b"k", &EncodedValue::from(value), Some(7), None);
        assert_eq!(
            line(&Value::List(vec![Value::Int(1), Value::Null])),
            r#"{"key":"k","value":[1,null],"expires_at_ms":7}"#
        );
        assert_eq!(
            line(&Value::Bytes(b"plain".to_vec())),
            r#"{"key":"k","value":"plain","type":"bytes","expires_at_ms":7}"#
        );
    }

    #[test]
    fn lines_that_are_no_records_are_refused_with_a_reason() {
        let reason = |line: &str| parse_line(line.as_bytes()).unwrap_err();
        assert!(reason("{").starts_with("EOF"));
        assert!(reason(r#"{"value":1}"#).contains("missing field `key`"));
        assert!(reason(r#"{"key":"k"}"#).contains("missing field `value`"));
        assert!(reason(r#"{"key":1,"value":1}"#).contains("key is int"));
        assert!(reason(r#"{"key":"k","value":1,"vaule":1}"#).contains("unknown field"));
        assert!(reason(r#"{"key":"k","value":1,"type":"bytes"}"#).contains("not of type"));
        assert!(reason(r#"{"key":"k","encoded":"/w=="}"#).contains("value tag"));
        assert!(reason(r#"{"key":"k","value":1,"encoded":"AA=="}"#).contains("beside"));
        assert!(reason(r#"{"key":"k","value":1,"ttl_ms":1,"expires_at_ms":1}"#).contains("both"));
        assert!(reason(r#"{"key":"k","value":1,"ttl_ms":-1}"#).contains("invalid value"));
    }

    #[test]
    fn null_is_a_value() {
        let record = parse_line(br#"{"key":"k","value":null,"ttl_ms":5}"#).unwrap();
        assert_eq!(record.value, EncodedValue::from(&Value::Null));
        assert_eq!(record.expiry, Some(RecordExpiry::TtlMs(5)));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(Value::Float),
            ".{0,8}".prop_map(Value::Str),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(3, 16, 3, |item| {
            prop_oneof![
                prop::collection::vec(item.clone(), 0..3).prop_map(Value::List),
                prop::collection::btree_map(".{0,4}", item, 0..3).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_record_is_read_as_it_was_stored(
            key in prop::collection::vec(any::<u8>(), 0..12),
            value in any_value(),
            at_ms in prop::option::of(0..=i64::MAX.unsigned_abs()),
        ) {
            let (read, stored) = round_trip(&key, &value, at_ms);
            prop_assert_eq!(read, stored);
        }
    }
}
