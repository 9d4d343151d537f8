//! Reads RESP from standard input and shows what each request means and is answered here:
//!
//! ```text
//! printf 'SET k v EX 5\r\nGTE k\r\nKV.SET k \047{"a":1}\047\r\n' | cargo run -p kv-proto --example resp
//! ```

use std::io::{self, Read, Write};

use bytes::BytesMut;
use kv_proto::resp::{Parsed, RequestDecoder, parse};
use kv_proto::{Limits, WireLimits};

fn main() -> io::Result<()> {
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input)?;
    let mut buffer = BytesMut::from(input.as_slice());
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut out = io::stdout().lock();
    loop {
        let requests = decoder.decode(&mut buffer);
        for args in requests.iter() {
            match parse(args, &Limits::default()) {
                Ok(Parsed::Data(request)) => writeln!(out, "data: {:?}", request.command)?,
                Ok(Parsed::Connection(command)) => writeln!(out, "connection: {command:?}")?,
                Err(error) => writeln!(out, "error: {error}")?,
            }
        }
        if let Some(error) = requests.error() {
            return writeln!(out, "breach: {error}");
        }
        if requests.is_empty() {
            break;
        }
    }
    writeln!(out, "{} bytes of an incomplete request", buffer.len())
}
