//! Any bytes as the native protocol: a stream to a server, a stream to a client, and the payloads
//! on their own.
//!
//!   | what u8 | longest piece u8 | bytes … |
//!
//! 1. The same frames in whatever pieces the stream arrives.
//! 2. Whatever is decoded is encoded to bytes that mean the same.
//! 3. Nothing is reserved for what a length announces.

#![no_main]

use bytes::{Bytes, BytesMut};
use kv_proto::control::{self, AdminRequest, ClientHello, ServerHello};
use kv_proto::native::{
    ClientCodec, Preface, ReplyBody, RequestBody, RequestFrame, ServerCodec, decode_reply,
    encode_reply,
};
use kv_proto::{
    Command, Credentials, EncodedValue, Identity, Limits, ReadLevel, Reply, Request, Tag, Value,
    WireLimits,
};
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::{Decoder, Encoder};

fuzz_target!(init: fuzz::offer_seeds(seeds()), |data: &[u8]| {
    let [what, piece, bytes @ ..] = data else { return };
    let piece = usize::from(*piece);
    fuzz::assert_modest(bytes.len(), || match what % 6 {
        0 => server_stream(bytes, piece),
        1 => client_stream(bytes, piece),
        2 => command(bytes),
        3 => reply(bytes),
        4 => value(bytes),
        _ => messages(bytes),
    });
});

fn server_stream(bytes: &[u8], piece: usize) {
    let codec = || ServerCodec::new(WireLimits::default(), Limits::default());
    let whole = frames(codec(), [bytes].into_iter());
    let pieces = frames(codec(), fuzz::pieces(bytes, piece));
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    for incoming in whole.0 {
        if let Ok(body) = incoming.body {
            let mut buffer = BytesMut::new();
            let frame = RequestFrame {
                id: incoming.id,
                body,
            };
            let shown = format!("{frame:?}");
            ClientCodec::default()
                .encode(frame, &mut buffer)
                .expect("it came in a frame");
            let (again, _) = frames(codec(), [&buffer[..]].into_iter());
            let body = again[0].body.clone().expect("we understand what we send");
            assert_eq!(
                format!(
                    "{:?}",
                    RequestFrame {
                        id: again[0].id,
                        body
                    }
                ),
                shown
            );
        }
    }
}

fn client_stream(bytes: &[u8], piece: usize) {
    let whole = frames(ClientCodec::default(), [bytes].into_iter());
    let pieces = frames(ClientCodec::default(), fuzz::pieces(bytes, piece));
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
}

fn frames<'a, C: Decoder>(
    mut codec: C,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<C::Item>, Option<String>)
where
    C::Error: std::fmt::Display,
{
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(error) => return (found, Some(error.to_string())),
            }
        }
    }
    (found, None)
}

fn command(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let checked = Command::decode_checked(bytes.clone(), &Limits::default());
    let Ok(command) = Command::decode(bytes) else {
        assert!(checked.is_err(), "checking only adds conditions");
        return;
    };
    let mut encoded = Vec::new();
    command.encode(&mut encoded);
    let again = Command::decode(Bytes::from(encoded)).expect("we understand what we log");
    assert_eq!(format!("{again:?}"), format!("{command:?}"));
}

fn reply(bytes: &[u8]) {
    let Ok(reply) = decode_reply(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    let mut encoded = BytesMut::new();
    encode_reply(&reply, &mut encoded);
    let again = decode_reply(encoded.freeze()).expect("we understand what we send");
    assert_eq!(format!("{again:?}"), format!("{reply:?}"));
}

fn value(bytes: &[u8]) {
    let [tag, payload @ ..] = bytes else { return };
    if let Ok(value) = Value::from_json(bytes) {
        let json = value.to_json();
        let again = Value::from_json(json.as_bytes()).expect("we understand our JSON");
        assert_eq!(again, value, "{json}");
    }
    let Some(tag) = Tag::from_u8(*tag) else {
        return;
    };
    let encoded = EncodedValue {
        tag,
        payload: Bytes::copy_from_slice(payload),
    };
    let decoded = Value::decode(tag, payload);
    assert_eq!(encoded.validate().is_ok(), decoded.is_ok());
    let Ok(value) = decoded else { return };
    let mut canonical = Vec::new();
    assert_eq!(value.encode_payload(&mut canonical), tag);
    assert!(canonical == payload, "{value:?} has one encoding");
}

fn messages(bytes: &[u8]) {
    if let Ok(hello) = control::decode::<ClientHello>(bytes) {
        assert!(control::encode(&hello).is_ok_and(|again| again == bytes));
    }
    if let Ok(hello) = control::decode::<ServerHello>(bytes) {
        assert!(control::encode(&hello).is_ok_and(|again| again == bytes));
    }
    if let Ok(request) = control::decode::<AdminRequest>(bytes) {
        assert!(control::encode(&request).is_ok_and(|again| again == bytes));
        let _ = request.check();
    }
    if let Some(Ok(preface)) = bytes
        .first_chunk()
        .map(|bytes| Preface::decode_client(*bytes))
    {
        assert_eq!(Preface::decode_client(preface.encode()).ok(), Some(preface));
    }
}

/// A frame of each kind, and the payloads.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (id, body) in requests().into_iter().enumerate() {
        let mut frame = BytesMut::new();
        let request = RequestFrame {
            id: id as u64,
            body,
        };
        ClientCodec::default()
            .encode(request, &mut frame)
            .expect("a short request");
        seeds.push([&[0, 3], &frame[..]].concat());
        seeds.push([&[2, 1], &frame[14..]].concat());
    }
    for (id, reply) in replies().into_iter().enumerate() {
        let mut frame = BytesMut::new();
        let reply = kv_proto::native::ReplyFrame {
            id: id as u64,
            position: None,
            body: ReplyBody::Reply(reply),
        };
        let mut codec = ServerCodec::new(WireLimits::default(), Limits::default());
        codec.encode(reply, &mut frame).expect("a short reply");
        seeds.push([&[1, 3], &frame[..]].concat());
        seeds.push([&[3, 1], &frame[14..]].concat());
    }
    for json in [
        "null",
        "[1,2.5,true]",
        "{\"a\":{\"b\":\"c\"}}",
        "\"text\"",
        "-7",
    ] {
        seeds.push([&[4, 1], json.as_bytes()].concat());
        let value = Value::from_json(json.as_bytes()).expect("this is JSON");
        let mut payload = Vec::new();
        let tag = value.encode_payload(&mut payload);
        seeds.push([&[4, 1, tag as u8], &payload[..]].concat());
    }
    let hello = control::encode(&ServerHello::default()).expect("a small message");
    seeds.push([&[5, 1], &hello[..]].concat());
    seeds.push([&[5, 1], &Preface::client().encode()[..]].concat());
    seeds
}

fn requests() -> Vec<RequestBody> {
    let commands = [
        "SET k hello NX EX 10",
        "GET k",
        "MSET a 1 b 2",
        "MGET a b",
        "INCRBY n 5",
        "INCRBYFLOAT n 0.5",
        "APPEND k x",
        "SETRANGE k 3 x",
        "DEL a b",
        "PEXPIREAT k 4102444800000 GT",
        "SCAN 0 MATCH a* COUNT 5",
        "KV.SET k {\"a\":[1,null]}",
        "KV.CAS k 1 2",
        "KV.RANGE a z LIMIT 3 REV",
        "KV.FIND 1 AT a.b LIMIT 3",
        "KV.SEARCH \"a -b\" PREFIX p HYBRID WEIGHTS 1 0.5 SNIPPETS EXPLAIN",
        "KV.SIMILAR text K 3 PREFIX p EXPLAIN",
        "KV.SIMILAR '' VECTOR abcdefgh",
    ];
    let parsed = commands.iter().filter_map(|line| parsed(line));
    let others = [
        RequestBody::Auth(Credentials {
            user: None,
            password: Bytes::from_static(b"p"),
        }),
        RequestBody::Ping,
        RequestBody::Status,
        RequestBody::Hello(ClientHello::default()),
        RequestBody::Admin(AdminRequest::TransferLeader { to: Some(2) }),
        RequestBody::Command(Request {
            read: ReadLevel::Stale { after: Some(7) },
            asks_position: true,
            ..Command::DbSize.into()
        }),
        RequestBody::Command(Request {
            identity: Some(Identity {
                client: 1,
                sequence: 2,
            }),
            ..Command::Flush.into()
        }),
    ];
    parsed.map(RequestBody::Command).chain(others).collect()
}

fn parsed(line: &str) -> Option<kv_proto::Request> {
    let mut decoder = kv_proto::resp::RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::from(format!("{line}\r\n").as_bytes());
    let requests = decoder.decode(&mut buffer);
    match kv_proto::resp::parse(requests.iter().next()?, &Limits::default()) {
        Ok(kv_proto::resp::Parsed::Data(request)) => Some(request),
        _ => None,
    }
}

fn replies() -> Vec<Reply> {
    vec![
        Reply::Ok,
        Reply::Nil,
        Reply::NilArray,
        Reply::Int(-5),
        Reply::Double(1.5),
        Reply::Bool(true),
        Reply::text("hello"),
        Reply::Array(vec![Reply::Int(1), Reply::Nil]),
        Reply::Map(vec![(Reply::text("a"), Reply::Int(1))]),
        Reply::Push(vec![Reply::text("message")]),
        Reply::err("no"),
    ]
}
