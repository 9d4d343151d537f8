//! Requests from bytes to commands.

use bytes::{Bytes, BytesMut};

use super::*;
use crate::command::{Command, Set};
use crate::value::EncodedValue;
use crate::{Limits, WireLimits};

fn decode_all(stream: &[u8]) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::from(stream);
    let requests = decoder.decode(&mut buffer);
    let owned = |args: Args<'_>| args.iter().map(<[u8]>::to_vec).collect();
    (
        requests.iter().map(owned).collect(),
        requests.error().cloned(),
    )
}

#[test]
fn a_pipeline_is_cut_into_its_requests() {
    let (requests, error) = decode_all(
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING \"x y\"\r\n*0\r\n\r\n*1\r\n$4\r\nPING\r\n*1\r\n$",
    );
    assert_eq!(error, None);
    let expected: [&[&[u8]]; 3] = [&[b"GET", b"a"], &[b"PING", b"x y"], &[b"PING"]];
    assert_eq!(requests, expected);
}

#[test]
fn a_set_is_parsed_into_slices() {
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::from(&b"*3\r\n$3\r\nsEt\r\n$1\r\nk\r\n$2\r\nv1\r\n"[..]);
    let requests = decoder.decode(&mut buffer);
    let args = requests.iter().next().unwrap();
    let parsed = parse(args, &Limits::default()).unwrap();
    let value = EncodedValue::from_bytes(Bytes::from_static(b"v1"));
    let set = Set::new(Bytes::from_static(b"k"), value);
    assert_eq!(parsed, Parsed::from(Command::Set(set)));
}
