use std::collections::BTreeMap;

use bytes::Bytes;
use kv_proto::{EncodedValue, Value};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Rect { width: u8, height: u16 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    big: u64,
    ratio: f32,
    letter: char,
    text: String,
    blob: ByteBuf,
    maybe: Option<u8>,
    nothing: Option<u8>,
    list: Vec<Shape>,
    by_number: BTreeMap<u32, bool>,
    by_flag: BTreeMap<bool, ()>,
    pair: (i64, String),
}

fn everything() -> Everything {
    Everything {
        flag: true,
        small: -8,
        big: i64::MAX as u64,
        ratio: 0.5,
        letter: 'ß',
        text: "text".into(),
        blob: ByteBuf::from(vec![0, 0xff, b'a']),
        maybe: Some(3),
        nothing: None,
        list: vec![
            Shape::Point,
            Shape::Circle(1.5),
            Shape::Line(1, -2),
            Shape::Rect {
                width: 1,
                height: 700,
            },
        ],
        by_number: BTreeMap::from([(7, true), (70, false)]),
        by_flag: BTreeMap::from([(true, ())]),
        pair: (-1, "b".into()),
    }
}

fn encoded_bytes(text: &'static str) -> EncodedValue {
    EncodedValue::from_bytes(Bytes::from_static(text.as_bytes()))
}

#[test]
fn every_serde_shape_round_trips() {
    let value = to_value(&everything()).unwrap();
    assert_eq!(from_value::<Everything>(value).unwrap(), everything());
}

#[test]
fn integers_beyond_i64_are_refused_not_rounded() {
    let error = to_value(&(i64::MAX as u64 + 1)).unwrap_err();
    assert!(matches!(error, ConvertError::IntegerRange(text) if text == "9223372036854775808"));
    assert!(to_value(&i128::MIN).is_err());
}

#[test]
fn map_keys_without_text_are_refused() {
    let error = to_value(&BTreeMap::from([(vec![1], 1)])).unwrap_err();
    assert_eq!(error, ConvertError::MapKey("list"));
}

#[test]
fn bytes_that_are_json_are_read_as_the_type_asked_for() {
    let pair: (i64, String) = from_encoded(&encoded_bytes(r#"[7, "x"]"#)).unwrap();
    assert_eq!(pair, (7, "x".to_owned()));
    assert_eq!(from_encoded::<i64>(&encoded_bytes("42")).unwrap(), 42);
}

#[test]
fn bytes_that_are_text_are_read_as_text_not_as_json() {
    assert_eq!(from_encoded::<String>(&encoded_bytes("42")).unwrap(), "42");
    let bytes = from_encoded::<ByteBuf>(&encoded_bytes("42")).unwrap();
    assert_eq!(bytes.as_slice(), b"42");
}

#[test]
fn another_shape_is_an_error_that_names_what_is_stored() {
    let error = from_value::<u8>(Value::Str("x".into())).unwrap_err();
    assert!(error.to_string().starts_with("stored string does not fit"));
    assert!(from_encoded::<Vec<u8>>(&encoded_bytes("no json")).is_err());
}

#[test]
fn an_enum_needs_its_variants_content() {
    assert!(from_value::<Shape>(Value::Str("Circle".into())).is_err());
    assert!(from_value::<Shape>(Value::Int(1)).is_err());
    let extra = Value::Map(BTreeMap::from([("Point".to_owned(), Value::Int(1))]));
    assert!(from_value::<Shape>(extra).is_err());
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
    leaf.prop_recursive(4, 32, 4, |item| {
        prop_oneof![
            prop::collection::vec(item.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map(".{0,4}", item, 0..4).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_is_its_own_image(value in any_value()) {
        let image = to_value(&value).unwrap();
        // Encodings compare NaN too.
        prop_assert_eq!(EncodedValue::from(&image), EncodedValue::from(&value));
        let back: Value = from_value(image).unwrap();
        prop_assert_eq!(EncodedValue::from(&back), EncodedValue::from(&value));
    }
}
