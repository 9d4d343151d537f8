//! A stream means the same however it is cut.

use bytes::BytesMut;
use kv_proto::resp::{Protocol, ReplyDecoder, RequestDecoder, encode_reply};
use kv_proto::{Reply, WireLimits};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strategies::{bytes, reply};

/// What a decoder makes of a stream: its requests, and its error if there is one.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<String>);

fn requests_of<'a>(limits: &WireLimits, chunks: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = RequestDecoder::new(limits.clone());
    let mut buffer = BytesMut::new();
    let (mut all, mut error) = (Vec::new(), None);
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        loop {
            let requests = decoder.decode(&mut buffer);
            error = requests.error().map(ToString::to_string);
            if requests.is_empty() {
                break;
            }
            let owned = requests
                .iter()
                .map(|args| args.iter().map(<[u8]>::to_vec).collect());
            all.extend(owned);
        }
    }
    (all, error)
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let multibulk = vec(bytes(), 0..4).prop_map(|args| {
        let mut request = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            request.extend(format!("${}\r\n", arg.len()).into_bytes());
            request.extend(arg);
            request.extend(b"\r\n");
        }
        request
    });
    let inline = "[a-z\"\\\\ ']{0,9}\r?\n".prop_map(String::into_bytes);
    let garbage = vec(any::<u8>(), 0..6);
    vec(prop_oneof![6 => multibulk, 2 => inline, 1 => garbage], 0..8)
        .prop_map(|requests| requests.concat())
}

proptest! {
    #[test]
    fn requests_do_not_depend_on_how_they_are_cut(stream in stream(), chunk in 1_usize..9) {
        for limits in [WireLimits::default(), WireLimits::before_auth()] {
            let whole = requests_of(&limits, std::iter::once(stream.as_slice()));
            prop_assert_eq!(requests_of(&limits, stream.chunks(chunk)), whole);
        }
    }

    #[test]
    fn replies_do_not_depend_on_how_they_are_cut(
        replies in vec(reply(), 0..4),
        chunk in 1_usize..9,
        resp3: bool,
    ) {
        let protocol = if resp3 { Protocol::Resp3 } else { Protocol::Resp2 };
        let mut wire = BytesMut::new();
        for reply in &replies {
            encode_reply(reply, protocol, &mut wire);
        }
        let whole = replies_of(std::iter::once(wire.as_ref()));
        prop_assert_eq!(whole.len(), replies.len());
        prop_assert_eq!(replies_of(wire.chunks(chunk)), whole);
    }

    #[test]
    fn what_resp3_tells_apart_round_trips(reply in reply()) {
        let mut wire = BytesMut::new();
        encode_reply(&reply, Protocol::Resp3, &mut wire);
        let decoded = ReplyDecoder::new().decode(&mut wire).unwrap().unwrap();
        prop_assert!(wire.is_empty());
        prop_assert_eq!(decoded, as_resp3(reply));
    }
}

fn replies_of<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Reply> {
    let mut decoder = ReplyDecoder::new();
    let mut buffer = BytesMut::new();
    let mut all = Vec::new();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        while let Some(reply) = decoder.decode(&mut buffer).unwrap() {
            all.push(reply);
        }
    }
    assert!(buffer.is_empty());
    all
}

/// The reply as RESP3 shows it: what it does not tell apart is alike.
fn as_resp3(reply: Reply) -> Reply {
    match reply {
        Reply::NilArray => Reply::Nil,
        Reply::Value(value) => Reply::Bytes(
            kv_proto::resp::resp_text(value.tag, &value.payload)
                .into_owned()
                .into(),
        ),
        Reply::Error(mut error) => {
            error.message = error.message.replace(['\r', '\n'], " ").into();
            Reply::Error(error)
        }
        Reply::Status(text) if text == "OK" => Reply::Ok,
        Reply::Array(items) => Reply::Array(items.into_iter().map(as_resp3).collect()),
        Reply::Push(items) => Reply::Push(items.into_iter().map(as_resp3).collect()),
        Reply::Map(pairs) => {
            let pair = |(name, value)| (as_resp3(name), as_resp3(value));
            Reply::Map(pairs.into_iter().map(pair).collect())
        }
        other => other,
    }
}

fn error_of(limits: &WireLimits, stream: &[u8]) -> String {
    let (requests, error) = requests_of(limits, std::iter::once(stream));
    assert!(requests.is_empty(), "{requests:?}");
    error.unwrap()
}

#[test]
fn breaches_are_named_as_redis_names_them() {
    let cases: [(&[u8], &str); 11] = [
        (b"*a\r\n", "invalid multibulk length"),
        (b"*99999999999\r\n", "invalid multibulk length"),
        (b"*1\n$4\r\nPING\r\n", "invalid multibulk length"),
        (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$16777217\r\n", "invalid bulk length"),
        (
            b"*11111111111111111111111111111111",
            "too big mbulk count string",
        ),
        (
            b"*1\r\n$11111111111111111111111111111111",
            "too big bulk count string",
        ),
        (b"GET \"a\r\n", "unbalanced quotes in request"),
        (b"*1\r\n$1\r\nabc", "expected CRLF after bulk"),
    ];
    for (stream, message) in cases {
        let error = error_of(&WireLimits::default(), stream);
        assert_eq!(error, format!("Protocol error: {message}"));
    }
    let long_line = vec![b'a'; (64 << 10) + 1];
    let error = error_of(&WireLimits::default(), &long_line);
    assert_eq!(error, "Protocol error: too big inline request");
}

#[test]
fn before_auth_less_is_allowed() {
    let cases: [(&[u8], &str); 3] = [
        (b"*11\r\n", "unauthenticated multibulk length"),
        (b"*1\r\n$16385\r\n", "unauthenticated bulk length"),
        (
            b"a b c d e f g h i j k\r\n",
            "unauthenticated multibulk length",
        ),
    ];
    for (stream, message) in cases {
        let error = error_of(&WireLimits::before_auth(), stream);
        assert_eq!(error, format!("Protocol error: {message}"));
    }
}

#[test]
fn limits_may_rise_in_the_middle_of_a_pipeline() {
    let mut decoder = RequestDecoder::new(WireLimits::before_auth());
    let large = format!("*1\r\n$20000\r\n{}\r\n", "x".repeat(20_000));
    let stream = format!("*2\r\n$4\r\nAUTH\r\n$1\r\np\r\n{large}");
    let mut buffer = BytesMut::from(stream.as_str());
    assert_eq!(decoder.decode(&mut buffer).len(), 1);
    decoder.set_limits(WireLimits::default());
    assert_eq!(decoder.decode(&mut buffer).len(), 1);
}

#[test]
fn requests_before_a_breach_are_returned_with_it() {
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::from(&b"PING\r\n*x\r\n"[..]);
    let requests = decoder.decode(&mut buffer);
    assert_eq!((requests.len(), requests.error().is_some()), (1, true));
    let after = decoder.decode(&mut buffer);
    assert!(after.is_empty() && after.error().is_some());
}

#[test]
fn a_request_is_bounded_as_a_whole() {
    let arg = format!("$1000000\r\n{}\r\n", "x".repeat(1_000_000));
    let stream = format!("*20\r\n{}", arg.repeat(17));
    let error = error_of(&WireLimits::default(), stream.as_bytes());
    assert_eq!(
        error,
        "Protocol error: request is larger than 16777216 bytes"
    );
}

#[test]
fn a_run_of_requests_is_bounded() {
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::from(b"PING\r\n".repeat(3000).as_slice());
    let mut runs = Vec::new();
    loop {
        match decoder.decode(&mut buffer).len() {
            0 => break,
            count => runs.push(count),
        }
    }
    assert_eq!(runs, [1024, 1024, 952]);
}

#[test]
fn the_missing_bytes_of_a_large_argument_are_known() {
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::from(&b"*2\r\n$3\r\nGET\r\n$100\r\nabc"[..]);
    assert!(decoder.decode(&mut buffer).is_empty());
    assert_eq!(decoder.missing_bytes(&buffer), 99);
}
