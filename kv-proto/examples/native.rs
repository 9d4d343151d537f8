//! One request and its reply in the native protocol, byte for byte:
//!
//! ```text
//! cargo run -p kv-proto --example native
//! ```

use std::error::Error;
use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use kv_proto::command::Set;
use kv_proto::native::{
    ClientCodec, Preface, ReplyBody, ReplyFrame, RequestBody, RequestFrame, ServerCodec,
};
use kv_proto::{Command, EncodedValue, Limits, Reply, Value, WireLimits};
use tokio_util::codec::{Decoder, Encoder};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "preface  {}",
        Preface::client().encode().escape_ascii()
    )?;

    let value = Value::from_json(br#"{"name":"Ada","born":1815}"#)?;
    let set = Set::new(Bytes::from("ada"), EncodedValue::from(&value));
    let body = RequestBody::Command(Command::Set(set).into());
    let mut wire = BytesMut::new();
    ClientCodec::default().encode(RequestFrame { id: 1, body }, &mut wire)?;
    writeln!(out, "request  {}", wire.escape_ascii())?;

    let mut server = ServerCodec::new(WireLimits::default(), Limits::default());
    let incoming = server.decode(&mut wire)?.ok_or("the frame is complete")?;
    writeln!(out, "received {:?}", incoming.body)?;

    let body = ReplyBody::Reply(Reply::Ok);
    let id = incoming.id;
    server.encode(
        ReplyFrame {
            id,
            position: None,
            body,
        },
        &mut wire,
    )?;
    writeln!(out, "reply    {}", wire.escape_ascii())?;
    let reply = ClientCodec::default().decode(&mut wire)?;
    writeln!(out, "received {reply:?}")?;
    Ok(())
}
