//! Between values and JSON text.

use kv_proto::value::{JsonError, NESTING_MAX};
use kv_proto::{EncodedValue, Value};

/// Reads text with and without building what it says, which agree.
fn read(text: &str) -> Result<Value, JsonError> {
    let built = serde_json::from_str(text).map_err(JsonError::from);
    let built = built.and_then(Value::from_json_value);
    let encoded = EncodedValue::from_json(text.as_bytes());
    match (built, encoded) {
        (Ok(built), Ok(encoded)) => {
            assert_eq!(encoded, EncodedValue::from(&built), "{text}");
            Ok(built)
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.to_string(), other.to_string(), "{text}");
            Err(one)
        }
        (built, encoded) => panic!("{text}: {built:?}, {encoded:?}"),
    }
}

fn lists(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn what_json_may_nest_can_be_stored() {
    let deepest = read(&lists(NESTING_MAX)).unwrap();
    assert_eq!(EncodedValue::from(&deepest).decode(), Ok(deepest));
    let maps = |depth: usize| r#"{"a":"#.repeat(depth) + "0" + &"}".repeat(depth);
    assert!(read(&maps(NESTING_MAX)).is_ok());
    for deeper in [
        lists(NESTING_MAX + 1),
        lists(100),
        maps(NESTING_MAX + 1),
        maps(100),
    ] {
        assert!(matches!(read(&deeper), Err(JsonError::TooDeep)));
    }
    let bytes_in_lists =
        |depth: usize| "[".repeat(depth) + r#"{"$base64":"/w=="}"# + &"]".repeat(depth);
    assert!(read(&bytes_in_lists(NESTING_MAX)).is_ok());
}

#[test]
fn whole_numbers_that_fit_are_integers() {
    let read = |text: &str| read(text).unwrap();
    assert_eq!(read("9223372036854775807"), Value::Int(i64::MAX));
    assert_eq!(read("-9223372036854775808"), Value::Int(i64::MIN));
    assert_eq!(
        read("9223372036854775808"),
        Value::Float(9_223_372_036_854_775_808.0)
    );
    assert_eq!(read("1.0"), Value::Float(1.0));
    assert_eq!(read("1.0").to_json(), "1.0");
}

#[test]
fn names_are_sorted_and_the_last_of_equal_ones_counts() {
    let value = read(r#"{"b":[1],"a":2,"b":{"z":0,"y":""},"":null}"#).unwrap();
    assert_eq!(value.to_json(), r#"{"":null,"a":2,"b":{"y":"","z":0}}"#);
}

#[test]
fn bytes_are_shown_as_text_or_base64() {
    let shown = |bytes: &[u8]| Value::Bytes(bytes.to_vec()).to_json();
    assert_eq!(shown(b"text"), r#""text""#);
    assert_eq!(shown(b"\xff\x00"), r#"{"$base64":"/wA="}"#);
    let list = read(r#"[{"$base64":"/wA="}]"#).unwrap();
    assert_eq!(list, Value::List(vec![Value::Bytes(vec![0xff, 0])]));
}

#[test]
fn a_map_that_looks_like_bytes_stays_a_map() {
    let map = |name: &str| {
        let field = (name.to_owned(), Value::Str("AA==".to_owned()));
        Value::Map([field].into())
    };
    for name in ["$base64", "$$base64", "$$$base64"] {
        let text = map(name).to_json();
        assert_eq!(text, format!(r#"{{"${name}":"AA=="}}"#));
        assert_eq!(read(&text).unwrap(), map(name));
    }
    let two = r#"{"$base64":"AA==","a":1}"#;
    assert_eq!(read(two).unwrap().to_json(), two);
    assert_eq!(
        read(r#"{"$base64":5}"#).unwrap().to_json(),
        r#"{"$$base64":5}"#
    );
}

#[test]
fn text_that_is_no_value_is_refused() {
    for text in ["", "{", "[1,]", "nul", "1 2", "'a'", "{\"a\"}", "1e999"] {
        assert!(matches!(read(text), Err(JsonError::Syntax(_))), "{text}");
    }
    assert!(EncodedValue::from_json(b"\"\xff\"").is_err());
    assert!(matches!(
        read(r#"{"$base64":"?"}"#),
        Err(JsonError::NotBase64)
    ));
}
