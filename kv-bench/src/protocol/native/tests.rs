use kv_proto::Limits;
use kv_proto::native::{Incoming, ServerCodec, encode_reply_frame};
use kv_proto::{ErrorCode, ErrorReply};
use proptest::prelude::*;

use super::*;

const READ: Operation = Operation {
    kind: Kind::Read,
    key: 7,
    nonce: 0,
};

fn space() -> KeySpace {
    KeySpace::new(100, 8, 20).unwrap()
}

/// A connection that has sent `count` reads, and what the server says to them first.
fn asked(count: u64) -> (Native, BytesMut) {
    let mut native = Native::new(&space()).unwrap();
    for _ in 0..count {
        native.encode(&space(), &READ, &mut Vec::new());
    }
    let preface = Preface::answer(Preface::client(), false);
    (native, BytesMut::from(&preface.encode()[..]))
}

fn server() -> ServerCodec {
    ServerCodec::new(WireLimits::default(), Limits::default())
}

#[test]
fn a_server_reads_the_preface_once_and_then_numbered_commands() {
    let mut native = Native::new(&space()).unwrap();
    let write = Operation {
        kind: Kind::Write,
        key: 8,
        nonce: 5,
    };
    let mut out = Vec::new();
    native.encode(&space(), &READ, &mut out);
    native.encode(&space(), &write, &mut out);
    let mut bytes = BytesMut::from(&out[..]);
    assert_eq!(
        bytes.split_to(PREFACE_BYTES),
        Preface::client().encode()[..]
    );
    for (id, operation) in [(0, READ), (1, write)] {
        let expected = Incoming {
            id,
            body: Ok(RequestBody::Command(command(&space(), &operation).into())),
        };
        assert_eq!(server().decode(&mut bytes).unwrap(), Some(expected));
    }
    assert!(bytes.is_empty());
}

#[test]
fn answers_are_what_reads_and_writes_expect() {
    let error = ErrorReply::new(ErrorCode::Busy, "try later");
    let stored = EncodedValue::from_bytes(Bytes::from_static(b"stored"));
    let replies: [(Reply, Answer<'_>); 5] = [
        (Reply::Ok, Answer::Done),
        (Reply::Nil, Answer::Nothing),
        (Reply::Value(stored), Answer::Value(b"stored")),
        (Reply::text("plain"), Answer::Value(b"plain")),
        (error.into(), Answer::Refused(b"BUSY try later")),
    ];
    let (mut native, mut bytes) = asked(5);
    for (id, (reply, answer)) in (0..).zip(replies) {
        encode_reply_frame(id, &reply, &mut bytes);
        let used = bytes.len();
        assert_eq!(native.decode(&bytes), Ok(Some((answer, used))));
        bytes.clear();
    }
    encode_reply_frame(5, &Reply::Int(1), &mut bytes);
    assert!(native.decode(&bytes).is_err());
}

#[test]
fn an_unfinished_answer_waits_for_more() {
    let (mut native, mut bytes) = asked(1);
    encode_reply_frame(0, &Reply::Ok, &mut bytes);
    for end in 0..bytes.len() {
        assert_eq!(native.decode(&bytes[..end]), Ok(None), "{end}");
    }
    assert_eq!(native.decode(&bytes), Ok(Some((Answer::Done, bytes.len()))));
}

#[test]
fn an_answer_out_of_order_is_refused() {
    let (mut native, mut bytes) = asked(2);
    encode_reply_frame(1, &Reply::Ok, &mut bytes);
    assert!(
        native
            .decode(&bytes)
            .unwrap_err()
            .to_string()
            .contains("out of order")
    );
}

#[test]
fn a_server_that_speaks_something_else_is_refused() {
    let (mut native, _) = asked(1);
    assert!(native.decode(b"-ERR unknown\r\n").is_err());
    let locked = Preface::answer(Preface::client(), true).encode();
    let error = native.decode(&locked).unwrap_err();
    assert!(error.to_string().contains("password"), "{error}");
}

#[test]
fn a_frame_beyond_the_limit_is_refused_before_it_has_come() {
    let (mut native, mut bytes) = asked(1);
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    assert!(native.decode(&bytes).is_err());
}

#[test]
fn values_that_do_not_fit_into_a_frame_are_refused() {
    let space = KeySpace::new(1, 20, 16 << 20).unwrap();
    assert!(Native::new(&space).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        let (mut native, mut input) = asked(1);
        input.extend_from_slice(&bytes);
        let used = native.decode(&input).ok().flatten().map_or(0, |(_, used)| used);
        prop_assert!(used <= input.len());
    }
}
