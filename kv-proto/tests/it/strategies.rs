//! Random values, commands and replies.

use bytes::Bytes;
use kv_proto::command::{
    ExpireCondition, Expiry, SearchOptions, Set, SetCondition, SetReply, SimilarTo, TtlForm, Watch,
    Weights, When,
};
use kv_proto::{Command, EncodedValue, ErrorCode, ErrorReply, Reply, Value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Any value.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        ".{0,12}".prop_map(Value::Str),
        vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
    ];
    nested(scalar)
}

/// A value that JSON can say: no bytes and no float that is not finite.
pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>()
            .prop_filter("finite", |float| float.is_finite())
            .prop_map(Value::Float),
        ".{0,12}".prop_map(Value::Str),
        vec(any::<u8>(), 1..12)
            .prop_filter("not text", |bytes| std::str::from_utf8(bytes).is_err())
            .prop_map(Value::Bytes),
    ];
    nested(scalar)
}

fn nested(scalar: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    scalar.prop_recursive(4, 24, 6, |item| {
        let name = prop_oneof![".{0,6}", "[$]{1,3}base64"];
        prop_oneof![
            vec(item.clone(), 0..6).prop_map(Value::List),
            btree_map(name, item, 0..4).prop_map(Value::Map),
        ]
    })
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn keys() -> impl Strategy<Value = Vec<Bytes>> {
    vec(bytes(), 0..5)
}

fn encoded() -> impl Strategy<Value = EncodedValue> {
    prop_oneof![
        bytes().prop_map(EncodedValue::from_bytes),
        value().prop_map(|value| EncodedValue::from(&value)),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        any::<i64>().prop_map(When::UnixMs),
        any::<i64>().prop_map(When::InMs),
    ]
}

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        Just(Expiry::Clear),
        Just(Expiry::Keep),
        when().prop_map(Expiry::At),
    ]
}

fn set() -> impl Strategy<Value = Command> {
    let condition = prop_oneof![
        Just(SetCondition::Always),
        Just(SetCondition::IfAbsent),
        Just(SetCondition::IfPresent),
        bytes().prop_map(SetCondition::IfEqual),
    ];
    let reply = prop::sample::select(vec![SetReply::OkOrNil, SetReply::Old, SetReply::Count]);
    let vector = option::of(vec(-1e9f32..1e9, 0..4));
    (bytes(), encoded(), vector, condition, expiry(), reply).prop_map(
        |(key, value, vector, condition, expiry, reply)| {
            Command::Set(Set {
                key,
                value,
                vector: vector.map(Into::into),
                condition,
                expiry,
                reply,
            })
        },
    )
}

fn ttl_form() -> impl Strategy<Value = TtlForm> {
    prop::sample::select(vec![
        TtlForm::Seconds,
        TtlForm::Millis,
        TtlForm::UnixSeconds,
        TtlForm::UnixMillis,
    ])
}

fn expire_condition() -> impl Strategy<Value = ExpireCondition> {
    prop::sample::select(vec![
        ExpireCondition::Always,
        ExpireCondition::IfNone,
        ExpireCondition::IfSome,
        ExpireCondition::IfLater,
        ExpireCondition::IfEarlier,
        ExpireCondition::IfSomeAndEarlier,
    ])
}

fn read() -> impl Strategy<Value = Command> {
    prop_oneof![
        bytes().prop_map(Command::Get),
        keys().prop_map(Command::MGet),
        keys().prop_map(Command::Exists),
        bytes().prop_map(Command::Type),
        bytes().prop_map(Command::StrLen),
        (bytes(), any::<i64>(), any::<i64>()).prop_map(|(key, start, end)| Command::GetRange {
            key,
            start,
            end
        }),
        (bytes(), ttl_form()).prop_map(|(key, form)| Command::Ttl { key, form }),
        prop::sample::select(vec![Command::DbSize, Command::RandomKey]),
        bytes().prop_map(|pattern| Command::Keys { pattern }),
        (
            any::<u64>(),
            option::of(bytes()),
            any::<u64>(),
            option::of(bytes())
        )
            .prop_map(|(cursor, pattern, count, kind)| Command::Scan {
                cursor,
                pattern,
                count,
                kind
            }),
        (bytes(), option::of(bytes()), any::<u64>(), any::<bool>()).prop_map(
            |(start, end, limit, reverse)| {
                Command::Range {
                    start,
                    end,
                    limit,
                    reverse,
                }
            }
        ),
        bytes().prop_map(Command::Meta),
        keys().prop_map(Command::Touch),
        keys().prop_map(Command::Versions),
    ]
}

fn search_options() -> impl Strategy<Value = SearchOptions> {
    let weights = (-1e9..1e9, -1e9..1e9).prop_map(|(words, meaning)| Weights { words, meaning });
    let (prefix, hybrid) = (option::of(bytes()), option::of(weights));
    (any::<u64>(), prefix, hybrid, any::<bool>(), any::<bool>()).prop_map(
        |(limit, prefix, hybrid, explain, snippets)| SearchOptions {
            limit,
            prefix,
            hybrid,
            explain,
            snippets,
        },
    )
}

fn similar_to() -> impl Strategy<Value = SimilarTo> {
    prop_oneof![
        ".{0,12}".prop_map(SimilarTo::Text),
        vec(-1e9_f32..1e9, 0..5).prop_map(SimilarTo::Vector),
        bytes().prop_map(SimilarTo::Key),
    ]
}

fn search() -> impl Strategy<Value = Command> {
    prop_oneof![
        (encoded(), option::of(".{0,12}"), any::<u64>())
            .prop_map(|(value, path, limit)| Command::Find { value, path, limit }),
        (".{0,12}", search_options())
            .prop_map(|(query, options)| Command::Search { query, options }),
        (
            similar_to(),
            any::<u64>(),
            option::of(bytes()),
            any::<bool>()
        )
            .prop_map(|(query, k, prefix, explain)| Command::Similar {
                query,
                k,
                prefix,
                explain,
            }),
    ]
}

fn edit() -> impl Strategy<Value = Command> {
    prop_oneof![
        (vec((bytes(), encoded()), 0..4), any::<bool>()).prop_map(
            |(pairs, only_if_none_exists)| {
                Command::MSet {
                    pairs,
                    only_if_none_exists,
                }
            }
        ),
        keys().prop_map(Command::Del),
        bytes().prop_map(Command::GetDel),
        (bytes(), expiry()).prop_map(|(key, expiry)| Command::GetEx { key, expiry }),
        (bytes(), bytes()).prop_map(|(key, suffix)| Command::Append { key, suffix }),
        (bytes(), any::<u64>(), bytes()).prop_map(|(key, offset, patch)| Command::SetRange {
            key,
            offset,
            patch
        }),
        (bytes(), any::<i64>()).prop_map(|(key, delta)| Command::IncrBy { key, delta }),
        (bytes(), -1e9..1e9).prop_map(|(key, delta)| Command::IncrByFloat { key, delta }),
        (bytes(), bytes(), any::<bool>()).prop_map(|(from, to, only_if_absent)| Command::Rename {
            from,
            to,
            only_if_absent
        }),
        (bytes(), bytes(), any::<bool>()).prop_map(|(from, to, replace)| Command::Copy {
            from,
            to,
            replace
        }),
        (bytes(), when(), expire_condition()).prop_map(|(key, when, condition)| {
            Command::ExpireAt {
                key,
                when,
                condition,
            }
        }),
        bytes().prop_map(Command::Persist),
        Just(Command::Flush),
        (bytes(), option::of(encoded()), option::of(encoded()))
            .prop_map(|(key, old, new)| Command::Cas { key, old, new }),
        any::<u64>().prop_map(|limit| Command::Sweep { limit }),
    ]
}

/// Any command.
pub(crate) fn command() -> impl Strategy<Value = Command> {
    let one = || prop_oneof![read(), search(), set(), edit()];
    let watch = (bytes(), any::<u64>()).prop_map(|(key, version)| Watch { key, version });
    let transaction = (vec(watch, 0..3), vec(one(), 0..4))
        .prop_map(|(watches, commands)| Command::Transaction { watches, commands });
    prop_oneof![6 => one(), 1 => transaction]
}

/// Any reply without an entry, at most seven arrays deep.
pub(crate) fn reply() -> impl Strategy<Value = Reply> {
    let error = (prop::sample::select(ErrorCode::ALL), ".{0,12}")
        .prop_map(|(code, message)| Reply::Error(ErrorReply::new(code, message)));
    let scalar = prop_oneof![
        prop::sample::select(vec![Reply::Ok, Reply::Nil, Reply::NilArray]),
        any::<i64>().prop_map(Reply::Int),
        (-1e300..1e300).prop_map(Reply::Double),
        any::<bool>().prop_map(Reply::Bool),
        "[a-zA-Z ]{0,9}".prop_map(|text| Reply::Status(text.into())),
        bytes().prop_map(Reply::Bytes),
        encoded().prop_map(Reply::Value),
        error,
    ];
    scalar.prop_recursive(6, 32, 5, |item| {
        prop_oneof![
            vec(item.clone(), 0..5).prop_map(Reply::Array),
            vec(item.clone(), 0..5).prop_map(Reply::Push),
            vec((item.clone(), item), 0..3).prop_map(Reply::Map),
        ]
    })
}
