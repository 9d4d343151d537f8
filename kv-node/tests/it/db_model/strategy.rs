//! Random commands that meet each other: few keys, values that commands can work on.

use bytes::Bytes;
use kv_proto::command::{
    ExpireCondition, Expiry, Key, Set, SetCondition, SetReply, TtlForm, Watch, When,
};
use kv_proto::{Command, EncodedValue, Value};
use proptest::prelude::*;

use super::START_MS;
fn key() -> impl Strategy<Value = Key> {
    (0..5u8).prop_map(|i| Bytes::from(vec![b'a' + i]))
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..4)
}

fn value() -> impl Strategy<Value = EncodedValue> {
    prop_oneof![
        4 => prop::sample::select(vec!["", "7", "-3", "12.5", "text", "9223372036854775807", "01"])
            .prop_map(|text| EncodedValue::from_bytes(Bytes::from_static(text.as_bytes()))),
        1 => (-2i64..3).prop_map(|int| EncodedValue::from(&Value::Int(int))),
        1 => Just(EncodedValue::from(&Value::Str("7".to_owned()))),
        1 => Just(EncodedValue::from(&Value::List(vec![Value::Null]))),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        (-50i64..300).prop_map(When::InMs),
        (-50i64..3000).prop_map(|ms| When::UnixMs(START_MS.cast_signed() + ms)),
        Just(When::UnixMs(-1)),
        Just(When::UnixMs(i64::MAX)),
    ]
}

fn expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        2 => Just(Expiry::Clear),
        1 => Just(Expiry::Keep),
        2 => when().prop_map(Expiry::At),
    ]
}

fn set() -> impl Strategy<Value = Command> {
    let condition = prop_oneof![
        3 => Just(SetCondition::Always),
        1 => Just(SetCondition::IfAbsent),
        1 => Just(SetCondition::IfPresent),
        1 => Just(SetCondition::IfEqual(Bytes::from_static(b"7"))),
        1 => Just(SetCondition::IfEqual(Bytes::from_static(b"[null]"))),
    ];
    let reply = prop::sample::select(vec![SetReply::OkOrNil, SetReply::Old, SetReply::Count]);
    (key(), value(), condition, expiry(), reply).prop_map(
        |(key, value, condition, expiry, reply)| {
            Command::Set(Set {
                key,
                value,
                vector: None,
                condition,
                expiry,
                reply,
            })
        },
    )
}

pub(super) fn write() -> impl Strategy<Value = Command> {
    let expire_condition = prop::sample::select(vec![
        ExpireCondition::Always,
        ExpireCondition::IfNone,
        ExpireCondition::IfSome,
        ExpireCondition::IfLater,
        ExpireCondition::IfEarlier,
        ExpireCondition::IfSomeAndEarlier,
    ]);
    prop_oneof![
        4 => set(),
        2 => (prop::collection::vec((key(), value()), 1..4), any::<bool>()).prop_map(
            |(pairs, only_if_none_exists)| Command::MSet { pairs, only_if_none_exists }
        ),
        1 => keys().prop_map(Command::Del),
        1 => key().prop_map(Command::GetDel),
        1 => (key(), expiry()).prop_map(|(key, expiry)| Command::GetEx { key, expiry }),
        1 => (key(), prop::sample::select(vec!["", "x", "12"])).prop_map(|(key, suffix)| {
            Command::Append { key, suffix: Bytes::from_static(suffix.as_bytes()) }
        }),
        1 => (key(), 0..5u64, prop::sample::select(vec!["", "x", "12"])).prop_map(
            |(key, offset, patch)| Command::SetRange {
                key,
                offset,
                patch: Bytes::from_static(patch.as_bytes()),
            }
        ),
        2 => (key(), prop::sample::select(vec![1, -1, 100, i64::MAX, i64::MIN]))
            .prop_map(|(key, delta)| Command::IncrBy { key, delta }),
        1 => (key(), (-9i32..9).prop_map(|halves| f64::from(halves) / 2.0))
            .prop_filter("the model keeps -0", |(_, delta)| *delta != 0.0)
            .prop_map(|(key, delta)| Command::IncrByFloat { key, delta }),
        1 => (key(), key(), any::<bool>()).prop_map(|(from, to, only_if_absent)| {
            Command::Rename { from, to, only_if_absent }
        }),
        1 => (key(), key(), any::<bool>())
            .prop_map(|(from, to, replace)| Command::Copy { from, to, replace }),
        3 => (key(), when(), expire_condition).prop_map(|(key, when, condition)| {
            Command::ExpireAt { key, when, condition }
        }),
        1 => key().prop_map(Command::Persist),
        1 => (0..3u64).prop_map(|limit| Command::Sweep { limit }),
        1 => (key(), prop::option::of(value()), prop::option::of(value()))
            .prop_map(|(key, old, new)| Command::Cas { key, old, new }),
    ]
}

fn read() -> impl Strategy<Value = Command> {
    let form = prop::sample::select(vec![
        TtlForm::Seconds,
        TtlForm::Millis,
        TtlForm::UnixSeconds,
        TtlForm::UnixMillis,
    ]);
    prop_oneof![
        key().prop_map(Command::Get),
        keys().prop_map(Command::MGet),
        keys().prop_map(Command::Exists),
        keys().prop_map(Command::Touch),
        keys().prop_map(Command::Versions),
        key().prop_map(Command::Type),
        key().prop_map(Command::StrLen),
        (key(), -6..6i64, -6..6i64).prop_map(|(key, start, end)| Command::GetRange {
            key,
            start,
            end
        }),
        (key(), form).prop_map(|(key, form)| Command::Ttl { key, form }),
        Just(Command::DbSize),
        Just(Command::Keys {
            pattern: Bytes::from_static(b"*")
        }),
        (key(), prop::option::of(key()), 0..4u64, any::<bool>()).prop_map(
            |(start, end, limit, reverse)| Command::Range {
                start,
                end,
                limit,
                reverse
            }
        ),
    ]
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let watch = (key(), 0..30u64).prop_map(|(key, version)| Watch { key, version });
    let inner = prop_oneof![3 => write(), 1 => read()];
    prop_oneof![
        20 => write(),
        12 => read(),
        2 => (prop::collection::vec(watch, 0..2), prop::collection::vec(inner, 0..4))
            .prop_map(|(watches, commands)| Command::Transaction { watches, commands }),
        1 => Just(Command::Flush),
    ]
}
