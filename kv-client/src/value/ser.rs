//! A `serde` serializer whose output is a [`Value`].

use std::collections::BTreeMap;

use kv_proto::Value;
use kv_proto::value::VALUE_NEWTYPE;
use serde::ser::{self, Serialize};

use super::error::ConvertError;

type Result<T, E = ConvertError> = std::result::Result<T, E>;

/// The [`Value`] of anything that serializes.
///
/// # Errors
/// If it has an integer beyond `i64`, a map key without a text form, or its own `Serialize` fails.
///
/// ```
/// use kv_client::{Value, to_value};
///
/// assert_eq!(to_value(&(1, "two"))?, Value::List(vec![Value::Int(1), Value::Str("two".into())]));
/// assert!(to_value(&u64::MAX).is_err());
/// # Ok::<_, kv_client::ConvertError>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    value.serialize(ValueSerializer { raw: false })
}

/// `raw`: inside [`VALUE_NEWTYPE`], where bytes are wanted as they are, not in their readable form.
#[derive(Clone, Copy)]
struct ValueSerializer {
    raw: bool,
}

fn int<I: TryInto<i64> + ToString + Copy>(i: I) -> Result<Value> {
    match i.try_into() {
        Ok(i) => Ok(Value::Int(i)),
        Err(_) => Err(ConvertError::IntegerRange(i.to_string())),
    }
}

fn one_field(name: &str, value: Value) -> Value {
    Value::Map(BTreeMap::from([(name.to_owned(), value)]))
}

macro_rules! integers {
    ($($method:ident($ty:ty))*) => {
        $(fn $method(self, i: $ty) -> Result<Value> {
            int(i)
        })*
    };
}

impl ser::Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ConvertError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Variant<Items>;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Variant<Fields>;

    integers! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
        serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_bool(self, b: bool) -> Result<Value> {
        Ok(Value::Bool(b))
    }

    fn serialize_f32(self, f: f32) -> Result<Value> {
        Ok(Value::Float(f.into()))
    }

    fn serialize_f64(self, f: f64) -> Result<Value> {
        Ok(Value::Float(f))
    }

    fn serialize_char(self, c: char) -> Result<Value> {
        Ok(Value::Str(c.into()))
    }

    fn serialize_str(self, text: &str) -> Result<Value> {
        Ok(Value::Str(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_none(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value> {
        Ok(Value::Str(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value> {
        value.serialize(ValueSerializer {
            raw: name == VALUE_NEWTYPE,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value> {
        Ok(one_field(variant, to_value(value)?))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Items> {
        Ok(Items::default())
    }

    fn serialize_tuple(self, _len: usize) -> Result<Items> {
        Ok(Items::default())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Items> {
        Ok(Items::default())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Variant<Items>> {
        Ok(Variant::new(variant))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Fields> {
        Ok(Fields::default())
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Fields> {
        Ok(Fields::default())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Variant<Fields>> {
        Ok(Variant::new(variant))
    }

    fn is_human_readable(&self) -> bool {
        !self.raw
    }
}

/// A list in the making.
#[derive(Default)]
pub(super) struct Items(Vec<Value>);

/// A map in the making.
#[derive(Default)]
pub(super) struct Fields {
    fields: BTreeMap<String, Value>,
    name: String,
}

/// What an enum variant holds, in the making.
pub(super) struct Variant<T> {
    name: &'static str,
    content: T,
}

impl<T: Default> Variant<T> {
    fn new(name: &'static str) -> Variant<T> {
        Variant {
            name,
            content: T::default(),
        }
    }
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.0.push(to_value(value)?);
        Ok(())
    }
}

impl Fields {
    fn insert<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.fields.insert(name.to_owned(), to_value(value)?);
        Ok(())
    }
}

impl ser::SerializeSeq for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }

    fn end(self) -> Result<Value> {
        Ok(Value::List(self.0))
    }
}

impl ser::SerializeTuple for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }

    fn end(self) -> Result<Value> {
        Ok(Value::List(self.0))
    }
}

impl ser::SerializeTupleStruct for Items {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.push(value)
    }

    fn end(self) -> Result<Value> {
        Ok(Value::List(self.0))
    }
}

impl ser::SerializeTupleVariant for Variant<Items> {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.content.push(value)
    }

    fn end(self) -> Result<Value> {
        Ok(one_field(self.name, Value::List(self.content.0)))
    }
}

impl ser::SerializeMap for Fields {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.name = map_key(to_value(key)?)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        self.fields.insert(name, to_value(value)?);
        Ok(())
    }

    fn end(self) -> Result<Value> {
        Ok(Value::Map(self.fields))
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.insert(name, value)
    }

    fn end(self) -> Result<Value> {
        Ok(Value::Map(self.fields))
    }
}

impl ser::SerializeStructVariant for Variant<Fields> {
    type Ok = Value;
    type Error = ConvertError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.content.insert(name, value)
    }

    fn end(self) -> Result<Value> {
        Ok(one_field(self.name, Value::Map(self.content.fields)))
    }
}

/// The text of a map key, as `serde_json` writes it.
fn map_key(key: Value) -> Result<String> {
    match key {
        Value::Str(text) => Ok(text),
        Value::Int(i) => Ok(i.to_string()),
        Value::Bool(b) => Ok(b.to_string()),
        Value::Float(f) if f.is_finite() => Ok(f.to_string()),
        other => Err(ConvertError::MapKey(other.tag().name())),
    }
}
