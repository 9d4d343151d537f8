//! How much memory decoding takes, counted for each thread by the allocator.

#![expect(unsafe_code, reason = "an allocator is unsafe by its nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::{Bytes, BytesMut};
use kv_proto::native::{ServerCodec, decode_reply};
use kv_proto::resp::{Parsed, ReplyDecoder, RequestDecoder, parse};
use kv_proto::{Command, Limits, Tag, Value, WireLimits};
use tokio_util::codec::Decoder;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

/// How many allocations, and of how many bytes together, `work` makes.
fn allocations<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    let before = (COUNT.get(), BYTES.get());
    let result = work();
    let after = (COUNT.get(), BYTES.get());
    drop(result);
    (after.0 - before.0, after.1 - before.1)
}

/// Decodes and parses all of a pipeline; returns how many SETs there were.
fn parse_run(decoder: &mut RequestDecoder, buffer: &mut BytesMut, limits: &Limits) -> usize {
    let requests = decoder.decode(buffer);
    let parsed = requests.iter().map(|args| parse(args, limits));
    let is_set = |parsed: &Result<Parsed, _>| matches!(parsed, Ok(Parsed::Data(request)) if matches!(request.command, Command::Set(_)));
    parsed.filter(is_set).count()
}

#[test]
fn a_pipeline_of_sets_is_parsed_without_allocating() {
    let set = b"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$5\r\nvalue\r\n";
    let limits = Limits::default();
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut run = |count: usize| {
        let mut buffer = BytesMut::from(set.repeat(count).as_slice());
        allocations(|| assert_eq!(parse_run(&mut decoder, &mut buffer, &limits), count)).0
    };
    run(1000);
    let (few, many) = (run(10), run(1000));
    assert_eq!(few, many);
    assert!(
        many <= 1,
        "{many} allocations; splitting the buffer takes one"
    );
}

/// What may be reserved beyond what was received.
const SLACK_BYTES: usize = 64 << 10;

#[test]
fn announced_lengths_reserve_nothing() {
    let streams: [&[u8]; 4] = [
        b"*65536\r\n",
        b"*1\r\n$16777216\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\nxxx",
        b"*65536\r\n$1\r\nx\r\n$1\r\n",
    ];
    for stream in streams {
        let mut buffer = BytesMut::from(stream);
        let mut decoder = RequestDecoder::new(WireLimits::default());
        let (_, bytes) = allocations(|| drop(decoder.decode(&mut buffer)));
        assert!(bytes < 1024, "{bytes} bytes for {}", stream.escape_ascii());
    }
    let replies: [&[u8]; 3] = [b"*1000000000\r\n", b"$1000000000\r\n", b"%99\r\n"];
    for stream in replies {
        let mut buffer = BytesMut::from(stream);
        let (_, bytes) = allocations(|| ReplyDecoder::new().decode(&mut buffer).unwrap());
        assert!(bytes < 1024, "{bytes} bytes for {}", stream.escape_ascii());
    }
}

#[test]
fn announced_counts_reserve_little() {
    let lies: [&[u8]; 4] = [
        b"\x12\x01\xff\xff\xff\x7f\x00",
        b"\x02\xff\xff\xff\x7f\x00",
        b"\x42\x00\xff\xff\xff\x7f\x00\x00",
        b"\x50\xff\xff\xff\x7f\x00",
    ];
    for lie in lies {
        let (_, bytes) = allocations(|| Command::decode(Bytes::copy_from_slice(lie)));
        assert!(bytes < SLACK_BYTES, "{bytes} bytes for {lie:?}");
    }
    let (_, bytes) = allocations(|| Value::decode(Tag::List, b"\xff\xff\xff\xff"));
    assert!(bytes < SLACK_BYTES, "{bytes} bytes for a list");
    let lie = Bytes::from_static(b"\x0a\xff\xff\x0f\x00");
    let (_, bytes) = allocations(|| decode_reply(lie));
    assert!(bytes < SLACK_BYTES, "{bytes} bytes for a reply");
}

/// Decoding takes so many times what came, and little more.
const FACTOR: usize = 96;

fn assert_in_proportion(what: &str, len: usize, (_, bytes): (usize, usize)) {
    let max = SLACK_BYTES + FACTOR * len;
    assert!(bytes <= max, "{bytes} bytes for {len} bytes of {what}");
}

#[test]
fn nested_lies_reserve_little() {
    let lists = [6, 0, 4, 0, 0].repeat(400);
    let lists = [&[0, 4, 0, 0], lists.as_slice()].concat();
    let taken = allocations(|| Value::decode(Tag::List, &lists));
    assert_in_proportion("lists", lists.len(), taken);
    let arrays = Bytes::from([10, 0, 4, 0, 0].repeat(400));
    let taken = allocations(|| decode_reply(arrays.clone()));
    assert_in_proportion("arrays", arrays.len(), taken);
    let mgets = [0x02, 0, 4, 0, 0].repeat(800);
    let mgets = Bytes::from([b"\x50\0\0\0\0\0\x03\0\0", mgets.as_slice()].concat());
    let taken = allocations(|| Command::decode(mgets.clone()));
    assert_in_proportion("commands", mgets.len(), taken);
}

#[test]
fn json_takes_in_proportion_to_its_length() {
    let nested = [
        "[".repeat(60),
        "[],".repeat(2000),
        "[]".to_owned(),
        "]".repeat(60),
    ]
    .concat();
    let names = (0..2000).rev().map(|name| format!("\"{name:x}\":0"));
    let map = format!("{{{}}}", names.collect::<Vec<_>>().join(","));
    for text in [nested, map, format!("[{}0]", "0,".repeat(5000))] {
        let taken = allocations(|| kv_proto::EncodedValue::from_json(text.as_bytes()).unwrap());
        assert_in_proportion("JSON", text.len(), taken);
        let encoded = kv_proto::EncodedValue::from_json(text.as_bytes()).unwrap();
        let taken = allocations(|| encoded.to_json().unwrap());
        assert_in_proportion("an encoding", encoded.payload.len(), taken);
    }
}

#[test]
fn an_announced_frame_reserves_little() {
    let mut server = ServerCodec::new(WireLimits::default(), Limits::default());
    let mut buffer = BytesMut::from(&(16_u32 << 20).saturating_sub(4).to_le_bytes()[..]);
    let (_, bytes) = allocations(|| server.decode(&mut buffer).unwrap());
    assert!(bytes <= 2 * SLACK_BYTES, "{bytes} bytes for a header");
}

#[test]
fn a_large_argument_that_trickles_in_is_not_copied() {
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let mut buffer = BytesMut::with_capacity(2 << 20);
    buffer.extend_from_slice(b"*1\r\n$1048576\r\n");
    let (count, _) = allocations(|| {
        for _ in 0..1024 {
            buffer.extend_from_slice(&[b'x'; 1024]);
            assert!(decoder.decode(&mut buffer).is_empty());
        }
        buffer.extend_from_slice(b"\r\n");
        assert_eq!(decoder.decode(&mut buffer).len(), 1);
    });
    assert!(count < 8, "{count} allocations");
}
