//! Contents against what a decoded value says.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

/// Values that are alike often, with what is easily mixed up.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    scalars().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map("|a|b|a\\.b|\\$base64", inner, 0..4).prop_map(Value::Map),
        ]
    })
}

pub(crate) fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-1i64..2).prop_map(Value::Int),
        prop_oneof![Just(-0.0), Just(0.0), Just(1.0)].prop_map(Value::Float),
        "1|1.0|ä|".prop_map(Value::Str),
        "1|1.0|ä|".prop_map(|text| Value::Bytes(text.into_bytes())),
        Just(Value::Bytes(vec![0xff])),
    ]
}

pub(crate) fn entry(key: &[u8], value: &Value) -> Entry {
    let EncodedValue { tag, payload } = value.into();
    Entry::new(key, tag, &payload, 1, None)
}

/// What the invariants make of a value; none of those above is JSON text.
pub(crate) fn meant(value: &Value) -> Value {
    match value {
        Value::Bytes(bytes) => match String::from_utf8(bytes.clone()) {
            Ok(text) => Value::Str(text),
            Err(_) => value.clone(),
        },
        Value::List(items) => Value::List(items.iter().map(meant).collect()),
        Value::Map(fields) => {
            let meant = |(name, item): (&String, &Value)| (name.clone(), meant(item));
            Value::Map(fields.iter().map(meant).collect())
        }
        other => other.clone(),
    }
}

/// All fields, from the decoded value.
pub(crate) fn fields_of(value: &Value) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    collect(value, "", &mut fields);
    fields
}

fn collect(value: &Value, path: &str, fields: &mut Vec<(String, Value)>) {
    let mut add = |path: String, item: &Value| {
        collect(item, &path, fields);
        fields.push((path, item.clone()));
    };
    match value {
        Value::List(items) => items.iter().for_each(|item| add(path.to_owned(), item)),
        Value::Map(named) => named.iter().for_each(|(name, item)| match path {
            "" => add(name.clone(), item),
            path => add(format!("{path}.{name}"), item),
        }),
        _ => {}
    }
}

fn shown(content: &Content<'_>) -> Vec<(String, Value)> {
    let mut shown = Vec::new();
    content.fields(|path, item| {
        let value = Value::decode(item.tag, item.payload).unwrap();
        shown.push((path.to_owned(), value));
    });
    shown
}

fn nested(depth: usize, innermost: Value) -> Value {
    (0..depth).fold(innermost, |inner, _| {
        Value::Map(BTreeMap::from([("a".to_owned(), inner)]))
    })
}

proptest! {
    #[test]
    fn contents_are_equal_exactly_when_values_are(a in values(), b in values()) {
        let same = meant(&a) == meant(&b);
        prop_assert_eq!(Content::from(&a) == Content::from(&b), same);
        prop_assert_eq!(matches(&entry(b"k", &a), &b), same);
        prop_assert_eq!(Content::from(&a).value().unwrap(), meant(&a));
    }

    #[test]
    fn fields_are_those_of_the_decoded_value(value in values(), sought in scalars()) {
        let content = Content::from(&value);
        let fields = fields_of(&meant(&value));
        prop_assert_eq!(&shown(&content), &fields);
        let stored = entry(b"k", &value);
        for (path, item) in &fields {
            prop_assert!(matches_at(&stored, path, item));
        }
        let has = fields.iter().any(|(path, item)| path == "a" && *item == meant(&sought));
        prop_assert_eq!(matches_at(&stored, "a", &sought), has);
    }

    #[test]
    fn strings_are_those_of_the_decoded_value(value in values()) {
        let expected: Vec<_> = match meant(&value) {
            Value::Str(text) => vec![(String::new(), text)],
            value => fields_of(&value)
                .into_iter()
                .filter_map(|(path, item)| match item {
                    Value::Str(text) => Some((path, text)),
                    _ => None,
                })
                .collect(),
        };
        let mut strings = Vec::new();
        Content::from(&value).strings(|path, text| strings.push((path.to_owned(), text.to_owned())));
        prop_assert_eq!(strings, expected);
    }

    #[test]
    fn json_text_is_the_same_content_as_the_typed_value(value in values()) {
        let json = value.to_json();
        let read = Value::from_json(json.as_bytes()).unwrap();
        if matches!(read, Value::List(_) | Value::Map(_)) {
            let text = Content::new(Tag::Bytes, json.as_bytes());
            prop_assert_eq!(&text, &Content::from(&read));
            prop_assert_eq!(text, Content::from(&value));
        }
    }

    #[test]
    fn bytes_that_are_no_encoding_do_no_harm(tag in 0u8..8, payload in vec(0u8..9, 0..64)) {
        let content = Content::new(Tag::from_u8(tag).unwrap(), &payload);
        content.strings(|_, _| ());
        content.fields(|_, _| ());
        prop_assert!(!content.has_at("no such path", &content));
    }
}

#[test]
fn text_is_borrowed_from_the_entry() {
    let plain = Entry::new(b"k", Tag::Bytes, b"{plain text", 1, None);
    let content = Content::of(&plain);
    assert_eq!(content.tag(), Tag::Str);
    assert!(matches!(content.payload, Cow::Borrowed(_)));
}

#[test]
fn numbers_and_text_differ() {
    let alike = [Value::Int(1), Value::Float(1.0), Value::Str("1".into())];
    let stored = alike.each_ref().map(|value| entry(b"k", value));
    for (i, entry) in stored.iter().enumerate() {
        for (j, value) in alike.iter().enumerate() {
            assert_eq!(matches(entry, value), i == j);
        }
    }
}

#[test]
fn what_is_too_deep_is_no_field_but_is_text() {
    let string = || Value::Str("deep".into());
    let at = |depth: usize| vec!["a"; depth].join(".");
    for (depth, is_field) in [(DEPTH_MAX, true), (DEPTH_MAX + 1, false), (60, false)] {
        let content = Content::from(&nested(depth, string()));
        assert_eq!(
            content.has_at(&at(depth), &Content::from(&string())),
            is_field
        );
        let mut strings = Vec::new();
        content.strings(|path, text| strings.push((path.to_owned(), text.to_owned())));
        assert_eq!(strings, [(at(depth.min(DEPTH_MAX)), "deep".to_owned())]);
    }
}

#[test]
fn names_that_are_too_long_are_no_paths() {
    let name = "n".repeat(PATH_BYTES_MAX);
    let map = |name: &str, item| Value::Map(BTreeMap::from([(name.to_owned(), item)]));
    let fits = map(&name, Value::Int(1));
    assert_eq!(
        shown(&Content::from(&fits)),
        [(name.clone(), Value::Int(1))]
    );
    let content = Content::from(&map("a", map(&name, Value::Str("text".into()))));
    let mut strings = Vec::new();
    content.strings(|path, text| strings.push(format!("{path}: {text}")));
    assert_eq!(strings, ["a: text"]);
    assert_eq!(shown(&content).len(), 1);
}

#[test]
fn further_fields_and_text_do_not_count() {
    let content = Content::from(&Value::List(vec![Value::Null; FIELDS_MAX + 1]));
    assert_eq!(shown(&content).len(), FIELDS_MAX);
    let long = "ä".repeat(TEXT_BYTES_MAX / 2 - 1) + "-ä";
    let content = Content::from(&Value::List(vec![
        Value::Str(long),
        Value::Str("more".into()),
    ]));
    let mut lengths = Vec::new();
    content.strings(|_, text| lengths.push(text.len()));
    assert_eq!(lengths, [TEXT_BYTES_MAX - 1]);
}
