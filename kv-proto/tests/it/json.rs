//! Between values and JSON text.

use kv_proto::value::{JsonError, NESTING_MAX};
use kv_proto::{EncodedValue, Value};

fn lists(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn what_json_may_nest_can_be_stored() {
    let deepest = Value::from_json(lists(NESTING_MAX).as_bytes()).unwrap();
    assert_eq!(EncodedValue::from(&deepest).decode(), Ok(deepest));
    let deeper = Value::from_json(lists(NESTING_MAX + 1).as_bytes());
    assert!(matches!(deeper, Err(JsonError::TooDeep)));
}

#[test]
fn whole_numbers_that_fit_are_integers() {
    let read = |text: &str| Value::from_json(text.as_bytes()).unwrap();
    assert_eq!(read("9223372036854775807"), Value::Int(i64::MAX));
    assert_eq!(
        read("9223372036854775808"),
        Value::Float(9_223_372_036_854_775_808.0)
    );
    assert_eq!(read("1.0"), Value::Float(1.0));
    assert_eq!(read("1.0").to_json(), "1.0");
}

#[test]
fn bytes_are_shown_as_text_or_base64() {
    let shown = |bytes: &[u8]| Value::Bytes(bytes.to_vec()).to_json();
    assert_eq!(shown(b"text"), r#""text""#);
    assert_eq!(shown(b"\xff\x00"), r#"{"$base64":"/wA="}"#);
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
        assert_eq!(Value::from_json(text.as_bytes()).unwrap(), map(name));
    }
}

#[test]
fn text_that_is_no_value_is_refused() {
    assert!(matches!(Value::from_json(b"{"), Err(JsonError::Syntax(_))));
    assert!(matches!(
        Value::from_json(b"\xff"),
        Err(JsonError::Syntax(_))
    ));
    let bad = Value::from_json(br#"{"$base64":"?"}"#);
    assert!(matches!(bad, Err(JsonError::NotBase64)));
}
