//! What is encoded decodes to itself.

use bytes::{Bytes, BytesMut};
use kv_proto::native::{
    ClientCodec, RequestBody, RequestFrame, ServerCodec, decode_reply, encode_reply,
};
use kv_proto::{Command, EncodedValue, Identity, Limits, ReadLevel, Request, Value, WireLimits};
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

use crate::strategies::{command, json_value, reply, value};

fn bytes_of(command: &Command) -> Bytes {
    let mut bytes = Vec::new();
    command.encode(&mut bytes);
    bytes.into()
}

proptest! {
    #[test]
    fn values_round_trip(value in value()) {
        let encoded = EncodedValue::from(&value);
        prop_assert_eq!(encoded.validate(), Ok(()));
        let decoded = encoded.decode().unwrap();
        prop_assert_eq!(EncodedValue::from(&decoded), encoded);
    }

    #[test]
    fn json_values_round_trip_through_text(value in json_value()) {
        let read = Value::from_json(value.to_json().as_bytes()).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn json_is_the_same_with_and_without_building_the_value(value in value()) {
        let encoded = EncodedValue::from(&value);
        let text = value.to_json();
        prop_assert_eq!(encoded.to_json().unwrap(), text.clone());
        let read = EncodedValue::from_json(text.as_bytes()).unwrap();
        let built = Value::from_json_value(value.to_json_value()).unwrap();
        prop_assert_eq!(&read, &EncodedValue::from(&built));
        prop_assert_eq!(serde_json::to_string(&value).unwrap(), text.clone());
        let deserialized: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, EncodedValue::from(&deserialized));
    }

    #[test]
    fn json_text_round_trips(value in json_value()) {
        let text = value.to_json();
        let read = Value::from_json(text.as_bytes()).unwrap();
        prop_assert_eq!(read.to_json(), text);
    }

    #[test]
    fn commands_round_trip(command in command()) {
        prop_assert_eq!(Command::decode(bytes_of(&command)).unwrap(), command);
    }

    #[test]
    fn a_cut_command_is_no_command(command in command(), cut in any::<prop::sample::Index>()) {
        let bytes = bytes_of(&command);
        let end = cut.index(bytes.len());
        prop_assert!(Command::decode(bytes.slice(..end)).is_err());
    }

    #[test]
    fn replies_round_trip(reply in reply()) {
        let mut bytes = Vec::new();
        encode_reply(&reply, &mut bytes);
        prop_assert_eq!(decode_reply(bytes.into()).unwrap(), reply);
    }

    #[test]
    fn frames_round_trip(id: u64, request in request()) {
        let body = RequestBody::Command(request.clone());
        let mut wire = BytesMut::new();
        let frame = RequestFrame { id, body: body.clone() };
        ClientCodec::default().encode(frame, &mut wire).unwrap();
        let limits = Limits::default();
        let mut server = ServerCodec::new(WireLimits::default(), limits.clone());
        let incoming = server.decode(&mut wire).unwrap().unwrap();
        let expected = limits.check(&request.command).map(|()| body);
        prop_assert_eq!((incoming.id, incoming.body), (id, expected));
    }
}

/// A request that asks only for what suits its command.
fn request() -> impl Strategy<Value = Request> {
    let fault = prop::option::of(0.0..1.0);
    let identity = prop::option::of((1u64.., 1u64..));
    let stale = prop::option::of(prop::option::of(any::<u64>()));
    (command(), fault, identity, stale, any::<bool>()).prop_map(
        |(command, fault, identity, stale, asks_position)| {
            let is_write = command.is_write();
            let stale = stale.filter(|_| !is_write);
            Request {
                fault: fault.filter(|_| is_write),
                identity: identity
                    .filter(|_| is_write)
                    .map(|(client, sequence)| Identity { client, sequence }),
                read: stale.map_or(ReadLevel::Linearizable, |after| ReadLevel::Stale { after }),
                asks_position,
                ..command.into()
            }
        },
    )
}
