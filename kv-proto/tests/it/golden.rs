//! The bytes in `testdata/` are for ever; see its README.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use bytes::{Bytes, BytesMut};
use kv_proto::command::CommandError;
use kv_proto::native::{ClientCodec, Preface, ReplyError, ServerCodec, decode_reply, encode_reply};
use kv_proto::{Command, EncodedValue, Limits, Tag, WireLimits, control};
use tokio_util::codec::{Decoder, Encoder};

use crate::samples;

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "testdata", file]
        .iter()
        .collect()
}

fn golden(file: &str) -> BTreeMap<String, Bytes> {
    let text = fs::read_to_string(path(file)).unwrap_or_default();
    let line = |line: &str| {
        let (name, hex) = line.split_once(' ').unwrap();
        (name.to_owned(), from_hex(hex))
    };
    text.lines().map(line).collect()
}

fn from_hex(hex: &str) -> Bytes {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Holds samples and a file against each other, both ways.
fn check(file: &str, samples: Vec<(String, Vec<u8>)>) {
    let known = golden(file);
    if env::var_os("KV_GOLDEN").is_some_and(|mode| mode == "add") {
        let missing = samples.iter().filter(|(name, _)| !known.contains_key(name));
        let mut text = fs::read_to_string(path(file)).unwrap_or_default();
        for (name, bytes) in missing {
            writeln!(text, "{name} {}", to_hex(bytes)).unwrap();
        }
        fs::write(path(file), text).unwrap();
    }
    let known = golden(file);
    for (name, bytes) in &samples {
        let expected = known
            .get(name)
            .unwrap_or_else(|| panic!("{file} lacks {name}"));
        assert_eq!(to_hex(bytes), to_hex(expected), "{file}: {name}");
    }
    assert_eq!(
        known.len(),
        samples.len(),
        "{file} has lines without a sample"
    );
}

fn encoded<T>(samples: Vec<(&str, T)>, encode: impl Fn(T) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let encode = |(name, sample): (&str, T)| (name.to_owned(), encode(sample));
    samples.into_iter().map(encode).collect()
}

#[test]
fn values_keep_their_bytes() {
    let encode = |value| {
        let EncodedValue { tag, payload } = EncodedValue::from(&value);
        [&[tag as u8], payload.as_ref()].concat()
    };
    check("values.txt", encoded(samples::values(), encode));
    for (name, value) in samples::values() {
        let bytes = &golden("values.txt")[name];
        let encoded = EncodedValue {
            tag: Tag::from_u8(bytes[0]).unwrap(),
            payload: bytes.slice(1..),
        };
        assert_eq!(
            EncodedValue::from(&encoded.decode().unwrap()),
            encoded,
            "{name}"
        );
        assert_eq!(EncodedValue::from(&value), encoded, "{name}");
    }
}

#[test]
fn commands_keep_their_bytes() {
    let encode = |command: Command| {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        bytes
    };
    check("commands.txt", encoded(samples::commands(), encode));
    for (name, command) in samples::commands() {
        let bytes = golden("commands.txt")[name].clone();
        assert_eq!(Command::decode(bytes).unwrap(), command);
    }
}

#[test]
fn every_opcode_has_golden_bytes() {
    let known = |opcode: &u8| {
        let decoded = Command::decode(Bytes::copy_from_slice(&[*opcode]));
        decoded != Err(CommandError::UnknownOpcode(*opcode))
    };
    let mut golden: Vec<u8> = golden("commands.txt")
        .values()
        .map(|bytes| bytes[0])
        .collect();
    golden.sort_unstable();
    golden.dedup();
    assert_eq!(golden, (0..=u8::MAX).filter(known).collect::<Vec<_>>());
}

#[test]
fn replies_keep_their_bytes() {
    let encode = |(name, reply)| {
        let mut bytes = Vec::new();
        encode_reply(&reply, &mut bytes);
        (name, bytes)
    };
    check(
        "replies.txt",
        samples::replies().into_iter().map(encode).collect(),
    );
    for (name, reply) in samples::replies() {
        let bytes = golden("replies.txt")[&name].clone();
        assert_eq!(decode_reply(bytes).unwrap(), reply);
    }
}

#[test]
fn every_reply_tag_has_golden_bytes() {
    let known = |tag: &u8| {
        decode_reply(Bytes::copy_from_slice(&[*tag])) != Err(ReplyError::UnknownTag(*tag))
    };
    let mut golden: Vec<u8> = golden("replies.txt")
        .values()
        .map(|bytes| bytes[0])
        .collect();
    golden.sort_unstable();
    golden.dedup();
    assert_eq!(golden, (0..=u8::MAX).filter(known).collect::<Vec<_>>());
}

#[test]
fn request_frames_keep_their_bytes() {
    let encode = |frame| {
        let mut bytes = BytesMut::new();
        ClientCodec::default().encode(frame, &mut bytes).unwrap();
        bytes.to_vec()
    };
    check(
        "request_frames.txt",
        encoded(samples::request_frames(), encode),
    );
    let mut server = ServerCodec::new(WireLimits::default(), Limits::default());
    for (name, frame) in samples::request_frames() {
        let mut bytes = BytesMut::from(golden("request_frames.txt")[name].as_ref());
        let incoming = server.decode(&mut bytes).unwrap().unwrap();
        assert_eq!((incoming.id, incoming.body), (frame.id, Ok(frame.body)));
    }
}

#[test]
fn reply_frames_keep_their_bytes() {
    let encode = |frame| {
        let mut bytes = BytesMut::new();
        let mut server = ServerCodec::new(WireLimits::default(), Limits::default());
        server.encode(frame, &mut bytes).unwrap();
        bytes.to_vec()
    };
    check("reply_frames.txt", encoded(samples::reply_frames(), encode));
    for (name, frame) in samples::reply_frames() {
        let mut bytes = BytesMut::from(golden("reply_frames.txt")[name].as_ref());
        assert_eq!(
            ClientCodec::default().decode(&mut bytes).unwrap(),
            Some(frame)
        );
    }
}

#[test]
fn control_messages_and_prefaces_keep_their_bytes() {
    let (client, server) = (samples::client_hello(), samples::server_hello());
    let answer = Preface::answer(Preface::client(), true);
    let remembers = Preface::answer(Preface::client(), false).remembering_writes(true);
    let mut messages = vec![
        ("client_hello", control::encode(&client).unwrap()),
        ("server_hello", control::encode(&server).unwrap()),
        ("client_preface", Preface::client().encode().to_vec()),
        ("server_preface_auth", answer.encode().to_vec()),
        ("server_preface_remembers", remembers.encode().to_vec()),
    ];
    for (name, request) in samples::admin_requests() {
        messages.push((name, control::encode(&request).unwrap()));
    }
    check("control.txt", encoded(messages, |bytes| bytes));
    let golden = golden("control.txt");
    assert_eq!(control::decode(&golden["client_hello"]), Ok(client));
    assert_eq!(control::decode(&golden["server_hello"]), Ok(server));
    for (name, request) in samples::admin_requests() {
        assert_eq!(control::decode(&golden[name]), Ok(request));
    }
}
