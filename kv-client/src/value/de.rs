//! A `serde` deserializer that reads a [`Value`].

use std::collections::btree_map;

use kv_proto::value::VALUE_NEWTYPE;
use kv_proto::{EncodedValue, Tag, Value};
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::error::ConvertError;

type Result<T, E = ConvertError> = std::result::Result<T, E>;

/// Reads a [`Value`] as a `T`.
///
/// # Errors
/// If the value has another shape.
///
/// ```
/// use kv_client::{from_value, to_value};
///
/// let pair: (i64, String) = from_value(to_value(&(1, "two"))?)?;
/// assert_eq!(pair, (1, "two".to_owned()));
/// # Ok::<_, kv_client::ConvertError>(())
/// ```
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    let tag = value.tag();
    T::deserialize(ValueDeserializer::new(value)).map_err(|error| shape(tag, error))
}

/// Reads a stored value as a `T`.
///
/// Bytes, which is what Redis clients store, are read as they are if `T` is text or bytes, and
/// otherwise as JSON.
///
/// # Errors
/// If the value has another shape or is not in the canonical encoding.
pub fn from_encoded<T: DeserializeOwned>(value: &EncodedValue) -> Result<T> {
    let exact = from_value(value.decode()?);
    if exact.is_ok() || value.tag != Tag::Bytes {
        return exact;
    }
    serde_json::from_slice(&value.payload).or(exact)
}

fn shape(tag: Tag, error: ConvertError) -> ConvertError {
    match error {
        ConvertError::Custom(message) => ConvertError::Shape { tag, message },
        other => other,
    }
}

/// [`Value`] as the input of a `Deserialize`.
///
/// `raw`: inside [`VALUE_NEWTYPE`], where bytes are what they are.
struct ValueDeserializer {
    value: Value,
    raw: bool,
}

impl ValueDeserializer {
    fn new(value: Value) -> ValueDeserializer {
        ValueDeserializer { value, raw: false }
    }
}

impl<'de> IntoDeserializer<'de, ConvertError> for ValueDeserializer {
    type Deserializer = ValueDeserializer;

    fn into_deserializer(self) -> ValueDeserializer {
        self
    }
}

impl<'de> de::Deserializer<'de> for ValueDeserializer {
    type Error = ConvertError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(b),
            Value::Int(i) => visitor.visit_i64(i),
            Value::Float(f) => visitor.visit_f64(f),
            Value::Str(text) => visitor.visit_string(text),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::List(items) => visit_list(items, visitor),
            Value::Map(fields) => visit_map(fields.into_iter(), visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(ValueDeserializer {
            raw: name == VALUE_NEWTYPE,
            ..self
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.value {
            Value::Str(name) => visitor.visit_enum(EnumInput {
                name,
                content: None,
            }),
            Value::Map(fields) if fields.len() == 1 => {
                let (name, content) = fields.into_iter().next().expect("one field: just counted");
                visitor.visit_enum(EnumInput {
                    name,
                    content: Some(content),
                })
            }
            other => Err(de::Error::custom(format_args!(
                "expected an enum: a string or a map of one field, not {}",
                other.tag().name()
            ))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        !self.raw
    }
}

fn visit_list<'de, V: Visitor<'de>>(items: Vec<Value>, visitor: V) -> Result<V::Value> {
    let mut seq = SeqDeserializer::new(items.into_iter().map(ValueDeserializer::new));
    let value = visitor.visit_seq(&mut seq)?;
    seq.end()?;
    Ok(value)
}

fn visit_map<'de, V: Visitor<'de>>(
    fields: btree_map::IntoIter<String, Value>,
    visitor: V,
) -> Result<V::Value> {
    let fields = fields.map(|(name, value)| (KeyDeserializer(name), ValueDeserializer::new(value)));
    let mut map = MapDeserializer::new(fields);
    let value = visitor.visit_map(&mut map)?;
    map.end()?;
    Ok(value)
}

/// A map's key: text, or a number or bool in its text form.
struct KeyDeserializer(String);

impl<'de> IntoDeserializer<'de, ConvertError> for KeyDeserializer {
    type Deserializer = KeyDeserializer;

    fn into_deserializer(self) -> KeyDeserializer {
        self
    }
}

macro_rules! parsed_keys {
    ($($method:ident => $visit:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.0.parse() {
                Ok(parsed) => visitor.$visit(parsed),
                Err(_) => visitor.visit_string(self.0),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for KeyDeserializer {
    type Error = ConvertError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_string(self.0)
    }

    parsed_keys! {
        deserialize_bool => visit_bool
        deserialize_i8 => visit_i8
        deserialize_i16 => visit_i16
        deserialize_i32 => visit_i32
        deserialize_i64 => visit_i64
        deserialize_i128 => visit_i128
        deserialize_u8 => visit_u8
        deserialize_u16 => visit_u16
        deserialize_u32 => visit_u32
        deserialize_u64 => visit_u64
        deserialize_u128 => visit_u128
        deserialize_f32 => visit_f32
        deserialize_f64 => visit_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// An enum: a variant's name, and what it holds.
struct EnumInput {
    name: String,
    content: Option<Value>,
}

impl<'de> de::EnumAccess<'de> for EnumInput {
    type Error = ConvertError;
    type Variant = Content;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content)> {
        let name: StringDeserializer<ConvertError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content(Option<Value>);

impl Content {
    fn value(self, expected: &str) -> Result<ValueDeserializer> {
        match self.0 {
            Some(value) => Ok(ValueDeserializer::new(value)),
            None => Err(de::Error::custom(format_args!("expected {expected}"))),
        }
    }
}

impl<'de> de::VariantAccess<'de> for Content {
    type Error = ConvertError;

    fn unit_variant(self) -> Result<()> {
        match self.0 {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(de::Error::custom("expected a variant without content")),
        }
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self.value("a variant with one value")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_seq(self.value("a variant with a list")?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        de::Deserializer::deserialize_map(self.value("a variant with a map")?, visitor)
    }
}
