//! Searches, and what they are refused for.

use bytes::Bytes;
use kv_proto::command::{SearchOptions, Set, SetCondition, SimilarTo};
use kv_proto::limits::{QUERY_BYTES_MAX, RESULTS_MAX, VECTOR_DIMENSIONS_MAX};
use kv_proto::resp::{Flags, Parsed, commands};
use kv_proto::{Command, EncodedValue, Limits, Value};

use super::{data, error, key, parse_words};

fn find(value: &Value, path: Option<&str>, limit: u64) -> Command {
    Command::Find {
        value: EncodedValue::from(value),
        path: path.map(str::to_owned),
        limit,
    }
}

fn search(options: SearchOptions) -> Command {
    let query = "q".to_owned();
    Command::Search { query, options }
}

fn similar(query: impl Into<SimilarTo>, k: u64) -> Command {
    Command::Similar {
        query: query.into(),
        k,
        prefix: None,
        explain: false,
    }
}

#[test]
fn a_find_takes_json_whose_type_counts() {
    assert_eq!(data("KV.FIND 1"), find(&Value::Int(1), None, 10));
    assert_eq!(data("KV.FIND 1.0"), find(&Value::Float(1.0), None, 10));
    let text = Value::Str("1".to_owned());
    assert_eq!(data("kv.find \"1\""), find(&text, None, 10));
    let list = Value::List(vec![Value::Null]);
    assert_eq!(
        data("KV.FIND [null] limit 10000 at a.b"),
        find(&list, Some("a.b"), RESULTS_MAX)
    );
}

#[test]
fn options_of_a_search_come_in_any_order() {
    let new = SearchOptions::new;
    let cases = [
        ("KV.SEARCH q", new()),
        ("KV.SEARCH q LIMIT 3", new().limit(3)),
        (
            "KV.SEARCH q prefix p: EXPLAIN",
            new().prefix("p:").explain(),
        ),
        ("KV.SEARCH q HYBRID", new().hybrid()),
        ("KV.SEARCH q HYBRID WEIGHTS 1 1", new().hybrid()),
        (
            "KV.SEARCH q snippets hybrid explain weights 0 .5",
            new().weights(0.0, 0.5).snippets().explain(),
        ),
    ];
    for (line, options) in cases {
        assert_eq!(data(line), search(options), "{line}");
    }
}

#[test]
fn what_is_similar_is_a_text_a_vector_or_a_key() {
    assert_eq!(data("KV.SIMILAR text"), similar("text", 10));
    assert_eq!(data("KV.SIMILAR vector K 3"), similar("vector", 3));
    assert_eq!(
        data("KV.SIMILAR  KEY k"),
        similar(SimilarTo::Key(key("k")), 10)
    );
    let blob: Vec<u8> = [0.5_f32, -2.0]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    let words: [&[u8]; 6] = [b"KV.SIMILAR", b"", b"VECTOR", &blob, b"K", b"2"];
    let Ok(Parsed::Data(request)) = parse_words(&words, &Limits::default()) else {
        panic!("a blob of floats is a vector");
    };
    assert_eq!(request.command, similar(vec![0.5, -2.0], 2));
    let prefixed = Command::Similar {
        query: "text".into(),
        k: 10,
        prefix: Some(key("p:")),
        explain: true,
    };
    assert_eq!(data("KV.SIMILAR text EXPLAIN PREFIX p:"), prefixed);
}

#[test]
fn a_typed_value_may_come_with_a_vector() {
    let blob = [0.5_f32, -2.0].map(f32::to_le_bytes);
    let words: [&[u8]; 6] = [b"KV.SET", b"k", b"1", b"VECTOR", blob.as_flattened(), b"NX"];
    let Ok(Parsed::Data(request)) = parse_words(&words, &Limits::default()) else {
        panic!("a blob of floats is a vector");
    };
    let set = Set {
        vector: Some([0.5, -2.0].into()),
        condition: SetCondition::IfAbsent,
        ..Set::new(key("k"), EncodedValue::from(&Value::Int(1)))
    };
    assert_eq!(request.command, Command::Set(set));
    let refused = |words: [&[u8]; 5]| {
        let parsed = parse_words(&words, &Limits::default());
        let checked = parsed.and_then(|parsed| match parsed {
            Parsed::Data(request) => Limits::default().check(&request.command),
            other => panic!("{other:?}"),
        });
        checked.unwrap_err().message
    };
    let cases: [([&[u8]; 5], &str); 3] = [
        ([b"SET", b"k", b"1", b"VECTOR", b"1234"], "syntax error"),
        (
            [b"KV.SET", b"k", b"1", b"VECTOR", b"12345"],
            "vector has 5 bytes, which is no multiple of 4",
        ),
        (
            [b"KV.SET", b"k", b"1", b"VECTOR", &[0; 8]],
            "vector is zero: it has no direction",
        ),
    ];
    for (words, expected) in cases {
        assert_eq!(refused(words), expected);
    }
}

#[test]
fn a_search_reads_and_stays_out_of_the_log() {
    for line in ["KV.FIND 1", "KV.SEARCH q", "KV.SIMILAR q"] {
        let command = data(line);
        assert!(command.is_search() && !command.is_write(), "{line}");
        let transaction = Command::Transaction {
            watches: Vec::new(),
            commands: vec![Command::Flush, command],
        };
        let error = Limits::default().check(&transaction).unwrap_err();
        assert_eq!(error.message, "a search cannot be part of a transaction");
    }
    let searches = ["kv.find", "kv.search", "kv.similar"];
    let specs: Vec<_> = commands()
        .iter()
        .filter(|spec| searches.contains(&spec.name))
        .collect();
    assert_eq!(specs.len(), 3);
    for spec in specs {
        assert!(spec.flags.contains(Flags::NO_MULTI), "{}", spec.name);
        assert!(spec.flags.contains(Flags::READONLY), "{}", spec.name);
    }
}

#[test]
fn a_misspelt_search_is_guessed() {
    for (wrong, meant) in [
        ("KV.SERCH", "KV.SEARCH"),
        ("KV.SIMILIAR", "KV.SIMILAR"),
        ("KV.FNID", "KV.FIND"),
    ] {
        let expected = format!("ERR unknown command '{wrong}', did you mean '{meant}'?");
        assert_eq!(error(&format!("{wrong} x")), expected);
    }
}

#[test]
fn what_is_searched_for_is_bounded() {
    let refused = |words: &[&[u8]]| {
        let error = parse_words(words, &Limits::default()).unwrap_err();
        error.message.into_owned()
    };
    let long = vec![b'x'; QUERY_BYTES_MAX + 1];
    for name in [&b"KV.SEARCH"[..], b"KV.SIMILAR"] {
        assert_eq!(
            refused(&[name, &long]),
            "query has 16385 bytes, the limit is 16384"
        );
        assert_eq!(refused(&[name, b"a\xff"]), "query is not UTF-8 at byte 1");
    }
    assert_eq!(
        refused(&[b"KV.FIND", b"1", b"AT", &long]),
        "path has 16385 bytes, the limit is 4096"
    );
    assert_eq!(
        refused(&[b"KV.SEARCH", b"q", b"PREFIX", &long]),
        "key has 16385 bytes, the limit is 4096"
    );
    let vector = vec![0; 4 * (VECTOR_DIMENSIONS_MAX + 1)];
    assert_eq!(
        refused(&[b"KV.SIMILAR", b"", b"VECTOR", &vector]),
        "vector has 4097 dimensions, the limit is 4096"
    );
    let nan = f32::NAN.to_le_bytes();
    assert_eq!(
        refused(&[b"KV.SIMILAR", b"", b"VECTOR", &nan]),
        "vector holds a number that is not finite"
    );
}

#[test]
fn limits_hold_for_the_native_protocol_too() {
    let long = "x".repeat(QUERY_BYTES_MAX + 1);
    let cases = [
        (find(&Value::Null, Some(&long), 1), "path has"),
        (find(&Value::Null, None, 0), "limit is 0"),
        (find(&Value::Null, None, u64::MAX), "limit is 1844"),
        (search(SearchOptions::new().limit(0)), "limit is 0"),
        (
            search(SearchOptions::new().weights(f64::NAN, 1.0)),
            "weights",
        ),
        (similar(long.clone(), 1), "query has"),
        (similar("", 0), "k is 0"),
        (
            similar(SimilarTo::Key(Bytes::from(long.clone())), 1),
            "key has",
        ),
    ];
    for (command, expected) in cases {
        let error = Limits::default().check(&command).unwrap_err();
        assert!(error.message.starts_with(expected), "{error}");
    }
}
