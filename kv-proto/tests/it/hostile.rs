//! Bytes that nobody sane sends.

use bytes::{Bytes, BytesMut};
use kv_proto::control::{self, ClientHello, MESSAGE_BYTES_MAX, ServerHello};
use kv_proto::native::{ClientCodec, Preface, ServerCodec, decode_reply, encode_reply};
use kv_proto::resp::{ReplyDecoder, RequestDecoder, parse, resp_text};
use kv_proto::value::NESTING_MAX;
use kv_proto::{Command, EncodedValue, Limits, Reply, Tag, ValueError, WireLimits};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio_util::codec::Decoder;

use crate::strategies::{command, reply, value};

/// Any bytes, or `valid` ones with one byte changed.
fn bent(valid: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let index = any::<prop::sample::Index>();
    let bent = (valid, index, any::<u8>()).prop_map(|(mut bytes, index, byte)| {
        if !bytes.is_empty() {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![vec(any::<u8>(), 0..64), bent]
}

fn bent_command() -> impl Strategy<Value = Vec<u8>> {
    bent(command().prop_map(|command| {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        bytes
    }))
}

fn bent_reply() -> impl Strategy<Value = Vec<u8>> {
    bent(reply().prop_map(|reply| {
        let mut bytes = Vec::new();
        encode_reply(&reply, &mut bytes);
        bytes
    }))
}

/// Bytes in which the marks of RESP are frequent.
fn resp_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[*$+:_#,%~>|(!=-]-?[0-9]{0,2}\r\n",
        "(SET|GET|INFO|CONFIG|CLIENT|KV.FAULT|KV.FIND|KV.SEARCH|KV.SIMILAR|COMMAND)\r\n",
        "[a-z\"' \\\\]{0,6}\r?\n?",
        "[*]2\r\n[$]3\r\nGET\r\n[$]1\r\nk\r\n",
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_bytes_under_any_tag_are_a_value_or_an_error(
        tag in 0_u8..8,
        bytes in bent(value().prop_map(|value| EncodedValue::from(&value).payload.to_vec())),
    ) {
        let tag = Tag::from_u8(tag).unwrap();
        let payload = Bytes::from(bytes);
        let _ = resp_text(tag, &payload);
        let encoded = EncodedValue { tag, payload };
        let decoded = encoded.decode();
        prop_assert_eq!(encoded.validate(), decoded.as_ref().map(|_| ()).map_err(Clone::clone));
        if let Ok(value) = decoded {
            prop_assert_eq!(EncodedValue::from(&value), encoded);
        }
    }

    #[test]
    fn any_bytes_are_a_command_or_an_error(bytes in bent_command()) {
        let bytes = Bytes::from(bytes);
        let limits = Limits::default();
        let checked = Command::decode_checked(bytes.clone(), &limits);
        match Command::decode(bytes) {
            Ok(command) => prop_assert_eq!(checked.is_ok(), limits.check(&command).is_ok()),
            Err(_) => prop_assert!(checked.is_err()),
        }
    }

    #[test]
    fn any_bytes_are_a_reply_or_an_error(bytes in bent_reply()) {
        let bytes = Bytes::from(bytes);
        if let Ok(reply) = decode_reply(bytes.clone()) {
            let mut again = Vec::new();
            encode_reply(&reply, &mut again);
            prop_assert_eq!(again.len(), bytes.len());
        }
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in vec(any::<u8>(), 0..64), kind in 0_u8..6) {
        let mut framed = vec![10 + u8::try_from(bytes.len()).unwrap(), 0, 0, 0];
        framed.extend([0; 8]);
        framed.extend([kind, 0]);
        framed.extend(&bytes);
        for bytes in [&bytes, &framed] {
            let mut server = ServerCodec::new(WireLimits::default(), Limits::default());
            let mut wire = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = server.decode(&mut wire) {}
            let mut wire = BytesMut::from(bytes.as_slice());
            while let Ok(Some(_)) = ClientCodec::default().decode(&mut wire) {}
        }
    }

    #[test]
    fn any_bytes_are_control_messages_or_errors(bytes in vec(any::<u8>(), 0..64)) {
        let _: Result<ClientHello, _> = control::decode(&bytes);
        let _: Result<ServerHello, _> = control::decode(&bytes);
        if let Some(preface) = bytes.first_chunk() {
            let _ = Preface::decode_client(*preface);
            let _ = Preface::decode_server(*preface);
        }
    }

    #[test]
    fn any_bytes_are_requests_or_an_error(
        bytes in prop_oneof![vec(any::<u8>(), 0..64), resp_like()],
    ) {
        let mut decoder = RequestDecoder::new(WireLimits::default());
        let mut buffer = BytesMut::from(bytes.as_slice());
        for args in decoder.decode(&mut buffer).iter() {
            if let Err(error) = parse(args, &Limits::default()) {
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn any_bytes_are_resp_replies_or_an_error(
        bytes in prop_oneof![vec(any::<u8>(), 0..64), resp_like()],
    ) {
        let mut decoder = ReplyDecoder::new();
        let mut buffer = BytesMut::from(bytes.as_slice());
        while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| EncodedValue {
        tag: Tag::List,
        payload: [[1, 0, 0, 0, Tag::List as u8].repeat(depth - 1), vec![0; 4]]
            .concat()
            .into(),
    };
    assert_eq!(nested(NESTING_MAX).validate(), Ok(()));
    assert_eq!(nested(NESTING_MAX + 1).validate(), Err(ValueError::TooDeep));
    assert_eq!(nested(1_000_000).validate(), Err(ValueError::TooDeep));
    assert_eq!(nested(1_000_000).decode(), Err(ValueError::TooDeep));

    let deep_reply = [10, 1, 0, 0, 0].repeat(9);
    let error = decode_reply(Bytes::from(deep_reply)).unwrap_err();
    assert_eq!(error.to_string(), "reply is nested deeper than 8");

    let mut buffer = BytesMut::from(b"*1\r\n".repeat(33).as_slice());
    let error = ReplyDecoder::new().decode(&mut buffer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Protocol error: invalid reply: nested too deep"
    );
}

#[test]
fn transactions_do_not_nest() {
    let inner = Command::Transaction {
        watches: Vec::new(),
        commands: Vec::new(),
    };
    let outer = Command::Transaction {
        watches: Vec::new(),
        commands: vec![inner],
    };
    let mut bytes = Vec::new();
    outer.encode(&mut bytes);
    assert!(Command::decode(bytes.into()).is_err());
}

#[test]
fn a_search_from_a_peer_is_well_formed() {
    let refused = |bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        let error = Command::decode_checked(bytes, &Limits::default()).unwrap_err();
        error.message.into_owned()
    };
    let (k, rest) = ([1, 0, 0, 0, 0, 0, 0, 0], [0, 0]);
    let similar = |query: &[u8]| refused(&[&[0x12], query, &k[..], &rest].concat());
    assert_eq!(similar(b"\x00\x01\0\0\0\xff"), "bad text");
    assert_eq!(similar(b"\x01\x03\0\0\0abc"), "bad vector");
    assert_eq!(similar(b"\x01\0\0\0\0"), "vector is empty");
    assert_eq!(
        similar(b"\x01\x04\0\0\0\0\0\xc0\x7f"),
        "vector holds a number that is not finite"
    );
    assert_eq!(similar(b"\x03"), "bad what is searched for");
    assert_eq!(refused(b"\x13"), "unknown opcode 0x13");
}

#[test]
fn a_peers_lists_are_bounded_before_they_are_built() {
    let keys = vec![Bytes::new(); 1025];
    let mut bytes = Vec::new();
    Command::MGet(keys).encode(&mut bytes);
    let error = Command::decode_checked(bytes.into(), &Limits::default()).unwrap_err();
    assert_eq!(error.message, "request has more than 1024 operations");
}

#[test]
fn control_messages_are_bounded() {
    let long = ClientHello {
        client_name: "x".repeat(MESSAGE_BYTES_MAX),
        ..ClientHello::default()
    };
    assert!(control::encode(&long).is_err());
    let lying = u64::MAX.to_le_bytes();
    assert!(control::decode::<ClientHello>(&lying).is_err());
    let mut trailing = control::encode(&ClientHello::default()).unwrap();
    trailing.push(0);
    assert!(control::decode::<ClientHello>(&trailing).is_err());
}

#[test]
fn an_error_of_an_unknown_kind_promises_nothing() {
    let decoded = decode_reply(Bytes::from_static(&[9, 0xee, 1, 0, 0, 0, b'?'])).unwrap();
    let expected = kv_proto::ErrorReply::new(kv_proto::ErrorCode::Unknown, "?");
    assert_eq!(decoded, Reply::Error(expected));
}
