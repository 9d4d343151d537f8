//! The native protocol from one side to the other.

use bytes::{Bytes, BytesMut};
use kv_proto::control::{AdminError, AdminRequest, ClientHello, ServerHello};
use kv_proto::native::{
    ClientCodec, FrameError, Incoming, ReplyBody, ReplyFrame, RequestBody, RequestFrame,
    ServerCodec,
};
use kv_proto::{
    Command, Credentials, EncodedValue, Entry, ErrorCode, ErrorReply, Identity, Limits, Position,
    ReadLevel, Reply, Request, Tag, Value, WireLimits,
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
        fault: Some(0.5),
        ..Command::Del(vec![Bytes::from("k")]).into()
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
        RequestBody::Admin(AdminRequest::TransferLeader { to: Some(1) }),
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

fn frame_of(reply: Reply) -> ReplyFrame {
    ReplyFrame {
        id: 7,
        position: None,
        body: ReplyBody::Reply(reply),
    }
}

fn replied(reply: Reply) -> Reply {
    let mut wire = BytesMut::new();
    server().encode(frame_of(reply), &mut wire).unwrap();
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
    let frame = ReplyFrame {
        id: 1,
        position: None,
        body,
    };
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
    let cases: [(u8, u8, &[u8], &str); 14] = [
        (77, 0, b"", "unknown request kind 0x4d"),
        (1, 0x80, b"", "unknown request flags 0x80"),
        (1, 0, b"", "command ends early"),
        (1, 0, b"\x01\x01\x00kx", "1 bytes follow the command"),
        (1, 1, b"\x08\x08", "chance is not a number from 0 to 1"),
        (1, 2, &[1; 15], "request ends early"),
        (1, 8, &[1; 8], "only a stale read names a write to be seen"),
        (1, 32, b"", "unknown request flags 0x20"),
        (
            6,
            0,
            &[3, 0, 0, 0, 0, 1],
            "1 bytes follow the control message",
        ),
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
    let request = Request {
        fault: Some(1.0),
        ..Command::DbSize.into()
    };
    assert_eq!(refusal(request), "only a write can be made to fail");
}

fn refusal(request: Request) -> String {
    let mut wire = sent(&[RequestBody::Command(request)]);
    let incoming = server().decode(&mut wire).unwrap().unwrap();
    incoming.body.unwrap_err().message.into_owned()
}

#[test]
fn what_only_a_write_or_only_a_read_can_ask_is_refused_for_the_other() {
    let identity = |client, sequence| Some(Identity { client, sequence });
    let of = |command: Command, identity, read| Request {
        identity,
        read,
        ..command.into()
    };
    let stale = ReadLevel::Stale { after: Some(3) };
    let current = ReadLevel::Linearizable;
    for (request, expected) in [
        (
            of(Command::DbSize, identity(1, 1), current),
            "only a write has an identity",
        ),
        (of(Command::Flush, None, stale), "only a read can be stale"),
        (
            of(Command::Flush, identity(0, 1), current),
            "a write's client and sequence are numbers from 1 on",
        ),
        (
            of(Command::Flush, identity(1, 0), current),
            "a write's client and sequence are numbers from 1 on",
        ),
    ] {
        assert_eq!(refusal(request), expected);
    }
}

#[test]
fn a_position_arrives_with_its_reply() {
    let frame = ReplyFrame {
        position: Some(Position {
            applied: 12,
            age_ms: 34,
        }),
        ..frame_of(Reply::Nil)
    };
    let mut wire = BytesMut::new();
    server().encode(frame.clone(), &mut wire).unwrap();
    let arrived = ClientCodec::default().decode(&mut wire).unwrap();
    assert_eq!(arrived, Some(frame));
}

#[test]
fn a_reply_with_flags_of_another_kind_ends_the_stream() {
    let mut wire = BytesMut::new();
    server().encode(frame_of(Reply::Nil), &mut wire).unwrap();
    wire[13] = 2;
    assert!(matches!(
        ClientCodec::default().decode(&mut wire),
        Err(FrameError::UnknownReplyFlags(2))
    ));
}

#[test]
fn members_have_sensible_numbers_and_addresses() {
    let add = |id, client: &str| AdminRequest::Add {
        id,
        client: client.to_owned(),
        peer: "[::1]:6100".to_owned(),
    };
    assert_eq!(add(3, "host:6000").check(), Ok(()));
    for client in [
        "", "host", "host:", ":1", "host:0", "ho st:1", "a@b:1", "a:65536",
    ] {
        let expected = AdminError::Address(client.to_owned());
        assert_eq!(add(3, client).check(), Err(expected));
    }
    assert!(add(3, &format!("{}:1", "a".repeat(254))).check().is_err());
    assert_eq!(
        add(1 << 32, "host:6000").check(),
        Err(AdminError::Id(1 << 32))
    );
    let remove = AdminRequest::Remove { id: u64::MAX };
    let mut wire = sent(&[RequestBody::Admin(remove)]);
    assert!(server().decode(&mut wire).unwrap().unwrap().body.is_err());
}

#[test]
fn passwords_are_not_printed() {
    let shown = format!("{:?}", bodies());
    assert!(!shown.contains("secret") && shown.contains("Credentials"));
}
