//! The native protocol from one side to the other.

use bytes::{Bytes, BytesMut};
use kv_proto::control::{ClientHello, ServerHello};
use kv_proto::native::{
    ClientCodec, FrameError, Incoming, ReplyBody, ReplyFrame, RequestBody, RequestFrame,
    ServerCodec,
};
use kv_proto::{
    Command, Credentials, EncodedValue, Entry, ErrorCode, ErrorReply, Limits, Reply, Request, Tag,
    Value, WireLimits,
};
use tokio_util::codec::{Decoder, Encoder};

fn server() -> ServerCodec {
    ServerCodec::new(WireLimits::default(), Limits::default())
}

fn sent(bodies: &[RequestBody]) -> BytesMut {
    let mut wire = BytesMut::new();
    for (id, body) in (1..).zip(bodies) {
        let body = body.clone();
        ClientCodec::default()
            .encode(RequestFrame { id, body }, &mut wire)
            .unwrap();
    }
    wire
}

fn get(key: &'static str) -> Request {
    Command::Get(Bytes::from(key)).into()
}

fn bodies() -> Vec<RequestBody> {
    let faulty = Request {
        command: Command::Del(vec![Bytes::from("k")]),
        fault: Some(0.5),
    };
    let credentials = Credentials {
        user: Some(Bytes::from("me")),
        password: Bytes::from("secret"),
    };
    let hello = ClientHello {
        client_name: "test".into(),
        client_version: "1".into(),
    };
    vec![
        RequestBody::Command(get("k")),
        RequestBody::Command(faulty),
        RequestBody::Auth(credentials),
        RequestBody::Ping,
        RequestBody::Status,
        RequestBody::Hello(hello),
    ]
}

#[test]
fn every_kind_of_request_arrives_as_it_was_sent() {
    let mut wire = sent(&bodies());
    let mut server = server();
    for (id, body) in (1..).zip(bodies()) {
        let body = Ok(body);
        assert_eq!(
            server.decode(&mut wire).unwrap(),
            Some(Incoming { id, body })
        );
    }
    assert_eq!(server.decode(&mut wire).unwrap(), None);
}

#[test]
fn requests_arrive_whole_however_they_are_cut() {
    let wire = sent(&bodies());
    let mut server = server();
    let mut buffer = BytesMut::new();
    let mut arrived = Vec::new();
    for byte in wire {
        buffer.extend_from_slice(&[byte]);
        arrived.extend(server.decode(&mut buffer).unwrap());
    }
    let arrived: Vec<_> = arrived
        .into_iter()
        .map(|incoming| incoming.body.unwrap())
        .collect();
    assert_eq!(arrived, bodies());
}

fn replied(reply: Reply) -> Reply {
    let mut wire = BytesMut::new();
    let body = ReplyBody::Reply(reply);
    server()
        .encode(ReplyFrame { id: 7, body }, &mut wire)
        .unwrap();
    let frame = ClientCodec::default().decode(&mut wire).unwrap().unwrap();
    assert_eq!((frame.id, wire.len()), (7, 0));
    match frame.body {
        ReplyBody::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_reply_arrives_as_it_was_sent() {
    let value = EncodedValue::from(&Value::Int(5));
    let replies = [
        Reply::Ok,
        Reply::Nil,
        Reply::NilArray,
        Reply::Int(-1),
        Reply::Double(0.5),
        Reply::Bool(true),
        Reply::Status("PONG".into()),
        Reply::text("bytes"),
        Reply::Value(value),
        Reply::Push(vec![Reply::Ok]),
        Reply::Map(vec![(Reply::Int(1), Reply::Nil)]),
        Reply::Error(ErrorReply::new(ErrorCode::Busy, "later")),
    ];
    for reply in replies.clone() {
        assert_eq!(replied(reply.clone()), reply);
    }
    let all = Reply::Array(replies.to_vec());
    assert_eq!(replied(all.clone()), all);
}

#[test]
fn an_entry_arrives_as_its_value() {
    let entry = Entry::new(b"k", Tag::Str, b"text", 3, Some(9));
    let value = entry.encoded_value();
    assert_eq!(replied(Reply::Entry(entry)), Reply::Value(value));
}

#[test]
fn a_hello_is_answered_by_a_hello() {
    let body = ReplyBody::Hello(ServerHello {
        mode: "standalone".into(),
        ..ServerHello::default()
    });
    let frame = ReplyFrame { id: 1, body };
    let mut wire = BytesMut::new();
    server().encode(frame.clone(), &mut wire).unwrap();
    assert_eq!(
        ClientCodec::default().decode(&mut wire).unwrap(),
        Some(frame)
    );
}

#[test]
fn a_reply_too_large_for_a_frame_becomes_an_error() {
    let large = Reply::Bytes(Bytes::from(vec![0; 17 << 20]));
    assert!(matches!(
        replied(large),
        Reply::Error(ErrorReply {
            code: ErrorCode::Err,
            ..
        })
    ));
}

#[test]
fn a_request_too_large_for_a_frame_leaves_the_stream_sound() {
    let mut wire = BytesMut::from("before");
    let body = RequestBody::Command(get("a key that is longer than a frame may be"));
    let error = ClientCodec::new(32)
        .encode(RequestFrame { id: 1, body }, &mut wire)
        .unwrap_err();
    assert!(matches!(error, FrameError::TooLarge { max: 32, .. }));
    assert_eq!(wire, "before");
}

#[test]
fn a_frame_of_a_bad_length_ends_the_stream() {
    let mut huge = BytesMut::from(&[0xff, 0xff, 0xff, 0xff][..]);
    assert!(matches!(
        server().decode(&mut huge),
        Err(FrameError::TooLarge { .. })
    ));
    assert!(huge.capacity() < 1024);
    let mut tiny = BytesMut::from(&[9, 0, 0, 0][..]);
    assert!(matches!(
        server().decode(&mut tiny),
        Err(FrameError::TooShort(13))
    ));
}

#[test]
fn before_auth_frames_are_small() {
    let mut server = ServerCodec::new(WireLimits::before_auth(), Limits::default());
    let mut wire = BytesMut::from(&(16_384_u32 - 3).to_le_bytes()[..]);
    assert!(matches!(
        server.decode(&mut wire),
        Err(FrameError::TooLarge { max: 16_384, .. })
    ));
}

/// A frame with this kind, flags and payload, then a sound one.
fn then_ping(kind: u8, flags: u8, payload: &[u8]) -> BytesMut {
    let mut wire = BytesMut::new();
    wire.extend_from_slice(&u32::try_from(10 + payload.len()).unwrap().to_le_bytes());
    wire.extend_from_slice(&99_u64.to_le_bytes());
    wire.extend_from_slice(&[kind, flags]);
    wire.extend_from_slice(payload);
    wire.unsplit(sent(&[RequestBody::Ping]));
    wire
}

#[test]
fn a_bad_payload_is_answered_and_the_next_frame_is_sound() {
    let mut sweep = Vec::new();
    Command::Sweep { limit: 1 }.encode(&mut sweep);
    let mut long_key = Vec::new();
    Command::Get(Bytes::from(vec![b'k'; 4097])).encode(&mut long_key);
    let bool_of_2 = [0x40, 1, 0, b'k', 1, 1, 0, 0, 0, 2];
    let cases: [(u8, u8, &[u8], &str); 10] = [
        (77, 0, b"", "unknown request kind 0x4d"),
        (1, 0x80, b"", "unknown request flags 0x80"),
        (1, 0, b"", "command ends early"),
        (1, 0, b"\x01\x01\x00kx", "1 bytes follow the command"),
        (1, 1, b"\x08\x08", "chance is not a number from 0 to 1"),
        (
            1,
            0,
            &sweep,
            "expired keys are removed by the server itself",
        ),
        (1, 0, &long_key, "key has 4097 bytes, the limit is 4096"),
        (
            1,
            0,
            &bool_of_2,
            "bad value: not the canonical encoding of a value: bool is neither 0 nor 1",
        ),
        (2, 0, &[5, 0], "credentials end early"),
        (3, 0, b"x", "this request has no payload"),
    ];
    for (kind, flags, payload, message) in cases {
        let mut wire = then_ping(kind, flags, payload);
        let bad = server().decode(&mut wire).unwrap().unwrap();
        assert_eq!(
            (bad.id, bad.body.unwrap_err().message.as_ref()),
            (99, message)
        );
        let ping = server().decode(&mut wire).unwrap().unwrap();
        assert_eq!(ping.body, Ok(RequestBody::Ping));
    }
}

#[test]
fn a_chance_of_failure_is_refused_for_a_read() {
    let command = Command::DbSize;
    let fault = Some(1.0);
    let mut wire = sent(&[RequestBody::Command(Request { command, fault })]);
    assert!(server().decode(&mut wire).unwrap().unwrap().body.is_err());
}

#[test]
fn passwords_are_not_printed() {
    let shown = format!("{:?}", bodies());
    assert!(!shown.contains("secret") && shown.contains("Credentials"));
}
