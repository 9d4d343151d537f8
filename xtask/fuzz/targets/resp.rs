//! Any bytes as a RESP stream, from a client and from a server.
//!
//!   | flags u8 | longest piece u8 | stream … |
//!
//! Flag 1: the client has yet to authenticate.
//!
//! 1. The same requests, and the same breach of protocol, in whatever pieces the stream arrives.
//! 2. A request that parses has bytes for the log, and those mean the same command.
//! 3. The same replies in whatever pieces; a reply that is written and read is written the same.
//! 4. Nothing is reserved for what a length announces.

#![no_main]

use bytes::{Bytes, BytesMut};
use kv_proto::resp::{Parsed, Protocol, ReplyDecoder, RequestDecoder, encode_reply, parse};
use kv_proto::{Command, Limits, Reply, WireLimits};
use libfuzzer_sys::fuzz_target;

const BEFORE_AUTH: u8 = 1;

/// Requests, and why there are no more.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<String>);

fuzz_target!(init: fuzz::offer_seeds(seeds()), |data: &[u8]| {
    let [flags, piece, stream @ ..] = data else { return };
    let wire = match flags & BEFORE_AUTH {
        0 => WireLimits::default(),
        _ => WireLimits::before_auth(),
    };
    let whole = fuzz::assert_modest(stream.len(), || requests(&wire, [stream].into_iter()));
    let pieces = requests(&wire, fuzz::pieces(stream, usize::from(*piece)));
    assert_eq!(whole, pieces);
    let whole = fuzz::assert_modest(stream.len(), || replies([stream].into_iter()));
    let pieces = replies(fuzz::pieces(stream, usize::from(*piece)));
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    whole.0.iter().for_each(round_trip);
});

fn requests<'a>(wire: &WireLimits, pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = RequestDecoder::new(wire.clone());
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let requests = decoder.decode(&mut buffer);
            for args in requests.iter() {
                if let Ok(Parsed::Data(request)) = parse(args, &Limits::default()) {
                    check_log_bytes(&request.command);
                }
                found.push(args.iter().map(<[u8]>::to_vec).collect());
            }
            if let Some(error) = requests.error() {
                return (found, Some(error.to_string()));
            }
            if requests.is_empty() {
                break;
            }
        }
    }
    (found, None)
}

fn check_log_bytes(command: &Command) {
    let mut bytes = Vec::new();
    command.encode(&mut bytes);
    let again = Command::decode(Bytes::from(bytes.clone())).expect("what we log can be read");
    let mut bytes_again = Vec::new();
    again.encode(&mut bytes_again);
    assert!(bytes == bytes_again, "{command:?} is logged as {again:?}");
}

fn replies<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Reply>, Option<String>) {
    let mut decoder = ReplyDecoder::new();
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(reply)) => found.push(reply),
                Ok(None) => break,
                Err(error) => return (found, Some(error.to_string())),
            }
        }
    }
    (found, None)
}

/// A null array and a null are one in RESP3, so what is compared is what is written.
fn round_trip(reply: &Reply) {
    let mut bytes = BytesMut::new();
    encode_reply(reply, Protocol::Resp3, &mut bytes);
    let again = ReplyDecoder::new()
        .decode(&mut bytes.clone())
        .expect("we follow what we write");
    let mut bytes_again = BytesMut::new();
    encode_reply(
        &again.expect("it is all there"),
        Protocol::Resp3,
        &mut bytes_again,
    );
    assert!(
        bytes == bytes_again,
        "{reply:?} is written as {bytes:?}, then as {bytes_again:?}"
    );
}

/// Requests and replies of every shape.
fn seeds() -> Vec<Vec<u8>> {
    let streams: [&[u8]; 15] = [
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        b"*6\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nNX\r\n$2\r\nEX\r\n$2\r\n10\r\n",
        b"*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n",
        b"*3\r\n$6\r\nKV.SET\r\n$1\r\nk\r\n$13\r\n{\"a\":[1,null]}\r\n",
        b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n",
        b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$1\r\np\r\n",
        b"*4\r\n$4\r\nSCAN\r\n$1\r\n0\r\n$5\r\nMATCH\r\n$1\r\n*\r\n",
        b"PING\r\nSET k \"a b\\x00\" EX 10\r\nGET 'k'\n",
        b"*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$13\r\n4102444800000\r\n",
        b"+OK\r\n-ERR no\r\n:42\r\n$5\r\nhello\r\n$-1\r\n*2\r\n:1\r\n*-1\r\n",
        b"_\r\n#t\r\n,1.5\r\n(123456789012345678901234567890\r\n=7\r\ntxt:abc\r\n",
        b"%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n:1\r\n:2\r\n>2\r\n+message\r\n+x\r\n",
        b"|1\r\n+ttl\r\n:3600\r\n*0\r\n!9\r\nERR wrong\r\n",
        b"KV.FIND 1 AT a.b LIMIT 3\r\nKV.SEARCH \"a -b\" LIMIT 3 PREFIX p HYBRID WEIGHTS 1 0.5 SNIPPETS EXPLAIN\r\nKV.SIMILAR a K 3 PREFIX p EXPLAIN\r\nKV.SIMILAR \"\" KEY k\r\n",
        b"*1000000\r\n$16777216\r\n",
    ];
    let with = |head: [u8; 2]| streams.map(|stream| [&head, stream].concat());
    [with([0, 1]), with([BEFORE_AUTH, 40])].concat()
}
