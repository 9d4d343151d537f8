//! Replies as a Redis client sees them.

use bytes::{Bytes, BytesMut};
use kv_proto::resp::{Protocol, ReplyDecoder, encode_reply, resp_text};
use kv_proto::{EncodedValue, Entry, ErrorCode, ErrorReply, Reply, Tag, Value};

fn encoded(reply: &Reply, protocol: Protocol) -> String {
    let mut out = BytesMut::new();
    encode_reply(reply, protocol, &mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn each_reply_has_its_form_in_both_versions() {
    let pair = || vec![(Reply::text("k"), Reply::Int(1))];
    let cases = [
        (Reply::Ok, "+OK\r\n", "+OK\r\n"),
        (Reply::Nil, "$-1\r\n", "_\r\n"),
        (Reply::NilArray, "*-1\r\n", "_\r\n"),
        (Reply::Int(-5), ":-5\r\n", ":-5\r\n"),
        (Reply::Double(2.5), "$3\r\n2.5\r\n", ",2.5\r\n"),
        (Reply::Double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n"),
        (Reply::Bool(true), ":1\r\n", "#t\r\n"),
        (Reply::Bool(false), ":0\r\n", "#f\r\n"),
        (Reply::Status("PONG".into()), "+PONG\r\n", "+PONG\r\n"),
        (
            Reply::text("a\r\nb"),
            "$4\r\na\r\nb\r\n",
            "$4\r\na\r\nb\r\n",
        ),
        (
            Reply::Array(vec![Reply::Nil]),
            "*1\r\n$-1\r\n",
            "*1\r\n_\r\n",
        ),
        (
            Reply::Map(pair()),
            "*2\r\n$1\r\nk\r\n:1\r\n",
            "%1\r\n$1\r\nk\r\n:1\r\n",
        ),
        (
            Reply::Push(vec![Reply::Int(1)]),
            "*1\r\n:1\r\n",
            ">1\r\n:1\r\n",
        ),
    ];
    for (reply, resp2, resp3) in cases {
        assert_eq!(encoded(&reply, Protocol::Resp2), resp2);
        assert_eq!(encoded(&reply, Protocol::Resp3), resp3);
    }
}

#[test]
fn an_error_is_one_line() {
    let error = ErrorReply::new(ErrorCode::WrongType, "not\r\n+OK this");
    let line = encoded(&error.into(), Protocol::Resp2);
    assert_eq!(line, "-WRONGTYPE not  +OK this\r\n");
}

#[test]
fn values_are_shown_as_bytes_or_json() {
    let text = |value: Value| {
        let EncodedValue { tag, payload } = EncodedValue::from(&value);
        String::from_utf8(resp_text(tag, &payload).into_owned()).unwrap()
    };
    assert_eq!(text(Value::Null), "null");
    assert_eq!(text(Value::Bool(true)), "true");
    assert_eq!(text(Value::Int(-7)), "-7");
    assert_eq!(text(Value::Float(3.0)), "3.0");
    assert_eq!(text(Value::Str("\"".into())), "\"");
    assert_eq!(text(Value::Bytes(b"raw".to_vec())), "raw");
    let list = Value::List(vec![Value::Int(1), Value::Str("a".into())]);
    assert_eq!(text(list), r#"[1,"a"]"#);
    assert_eq!(resp_text(Tag::Int, b"short").as_ref(), b"short");
}

#[test]
fn an_entry_is_shown_as_its_value() {
    let raw = Entry::new(b"k", Tag::Bytes, b"\x00\xff", 1, None);
    let mut out = BytesMut::new();
    encode_reply(&Reply::Entry(raw), Protocol::Resp2, &mut out);
    assert_eq!(out, &b"$2\r\n\x00\xff\r\n"[..]);
    let payload = EncodedValue::from(&Value::Int(12)).payload;
    let typed = Entry::new(b"k", Tag::Int, &payload, 1, None);
    assert_eq!(
        encoded(&Reply::Entry(typed), Protocol::Resp3),
        "$2\r\n12\r\n"
    );
}

fn decoded(wire: &[u8]) -> Reply {
    let mut buffer = BytesMut::from(wire);
    let reply = ReplyDecoder::new().decode(&mut buffer).unwrap().unwrap();
    assert!(buffer.is_empty());
    reply
}

#[test]
fn replies_of_other_servers_are_read_as_their_nearest_kin() {
    let bytes = |text: &'static str| Reply::Bytes(Bytes::from(text));
    let error = |code, text: &'static str| Reply::Error(ErrorReply::new(code, text));
    assert_eq!(
        decoded(b"~2\r\n:1\r\n:2\r\n"),
        Reply::Array(vec![Reply::Int(1), Reply::Int(2)])
    );
    assert_eq!(
        decoded(b"(12345678901234567890\r\n"),
        bytes("12345678901234567890")
    );
    assert_eq!(decoded(b"=8\r\ntxt:text\r\n"), bytes("text"));
    assert_eq!(decoded(b"|1\r\n+a\r\n+b\r\n:3\r\n"), Reply::Int(3));
    assert_eq!(
        decoded(b"*1\r\n|1\r\n+a\r\n:1\r\n:3\r\n"),
        Reply::Array(vec![Reply::Int(3)])
    );
    assert_eq!(decoded(b"*0\r\n"), Reply::Array(Vec::new()));
    assert_eq!(decoded(b"-ERR no\r\n"), error(ErrorCode::Err, "no"));
    assert_eq!(
        decoded(b"-MOVED 1 a\r\n"),
        error(ErrorCode::Err, "MOVED 1 a")
    );
    assert_eq!(decoded(b"!7\r\nBUSY no\r\n"), error(ErrorCode::Busy, "no"));
    assert_eq!(decoded(b",-inf\r\n"), Reply::Double(f64::NEG_INFINITY));
}

#[test]
fn what_is_no_reply_is_refused() {
    for wire in [
        "?\r\n",
        "\r\n",
        ":x\r\n",
        "$x\r\n",
        "*x\r\n",
        "$1\r\nab\r\n",
        "+a\n",
        "#x\r\n",
    ] {
        let mut buffer = BytesMut::from(wire);
        assert!(ReplyDecoder::new().decode(&mut buffer).is_err(), "{wire:?}");
    }
}
