//! The pools that arguments are drawn from.
//!
//! Times are chosen so that nothing expires while a run lasts, not even if a number of seconds is
//! taken for milliseconds: a server that is slow must not look like one that is wrong.
//!
//! Left out, because the difference is meant:
//!
//! 1. `INCRBYFLOAT` beyond what a double adds exactly, and numbers in hexadecimal: Redis computes
//!    with the processor's 80 bits. So it has keys of its own, with multiples of a power of two.
//!    By infinity: ours refuses it before it looks at the key.
//! 2. The empty channel, and `**` for a key: to Redis no pattern but a lone `*` matches an empty name.
//! 3. `SELECT` of another database: there is one.
//! 4. A zero byte where an error repeats it: Redis ends the error there.

use crate::random::Random;

const KEYS: &[&[u8]] = &[
    b"a",
    b"b",
    b"counter",
    b"counter:2",
    b"hello",
    b"hallo",
    b"hxllo",
    b"{tag}one",
    b"key with spaces",
    b"",
    b"\x00\xff\r\nbinary",
    b"na\xc3\xafve",
    b"[a]*?",
];

const VALUES: &[&[u8]] = &[
    b"",
    b"x",
    b"hello world",
    b"0",
    b"1",
    b"-1",
    b"10",
    b"3.25",
    b"-0.5",
    b"1e3",
    b"inf",
    b" 1",
    b"1 ",
    b"+1",
    b"01",
    b"-0",
    b"0x10",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"\x00\x01\x02\xfe\xff",
    b"line\r\nbreak",
    b"{\"a\":[1,2.5,null,true],\"b\":\"\xc3\xa9\"}",
    b"[1,2,3]",
    b"\"quoted\"",
    b"null",
    b"true",
];

const INTS: &[&[u8]] = &[
    b"1",
    b"0",
    b"-1",
    b"7",
    b"1000000",
    b"-99",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775800",
];

const FLOAT_KEYS: &[&[u8]] = &[b"float", b"float:2"];

const FLOATS: &[&[u8]] = &[
    b"0.5",
    b"-0.25",
    b"1.125",
    b"3",
    b"1e2",
    b"-2.5e1",
    b"0",
    b"1024.0625",
    b"-1",
    b"+1",
    b"-0",
    b"01",
    b".5",
    b"5.",
    b"abc",
    b"",
    b" 1",
    b"1 ",
    b"1e",
    b"--1",
];

const INDEXES: &[&[u8]] = &[
    b"0",
    b"1",
    b"2",
    b"5",
    b"-1",
    b"-2",
    b"-5",
    b"100",
    b"-100",
    b"2000",
    b"9223372036854775807",
    b"-9223372036854775808",
];

const OFFSETS: &[&[u8]] = &[
    b"0",
    b"1",
    b"5",
    b"64",
    b"300",
    b"-1",
    b"9223372036854775807",
];

const SECONDS: &[&[u8]] = &[
    b"1000000",
    b"2000000",
    b"3000000",
    b"0",
    b"-1",
    b"9223372036854775807",
    b"9223372036854776",
    b"-9223372036854775808",
];

const MILLISECONDS: &[&[u8]] = &[
    b"1000000000",
    b"2000000000",
    b"3000000000",
    b"0",
    b"-1",
    b"9223372036854775807",
    b"-9223372036854775808",
];

const UNIX_SECONDS: &[&[u8]] = &[
    b"4102444800",
    b"4102444801",
    b"5000000000",
    b"6000000000",
    b"1",
    b"0",
    b"-1",
    b"9223372036854775807",
];

const UNIX_MILLISECONDS: &[&[u8]] = &[
    b"4102444800000",
    b"4102444800001",
    b"5000000000123",
    b"6000000000999",
    b"1",
    b"0",
    b"-1",
    b"9223372036854775807",
];

const PATTERNS: &[&[u8]] = &[
    b"*",
    b"a",
    b"h?llo",
    b"h*llo",
    b"h[ae]llo",
    b"h[^a]llo",
    b"h[a-e]llo",
    b"h[e-a]llo",
    b"*o*",
    b"counter*",
    b"\\[a\\]*",
    b"[",
    b"[a",
    b"\\",
    b"",
    b"?",
    b"h**o",
    b"*[*",
    b"[^",
    b"h[\\a]llo",
    b"\xc3*",
    b"*\xff*",
];

const CHANNELS: &[&[u8]] = &[b"news", b"news:2", b"sport", b"\x00\xff"];

const CHANNEL_PATTERNS: &[&[u8]] = &[b"news*", b"*", b"s[op]ort", b"nothing"];

const NAMES: &[&[u8]] = &[b"worker-1", b"", b"two words", b"line\nbreak"];

const OPTIONS: &[&[u8]] = &[
    b"NX", b"XX", b"GT", b"LT", b"GET", b"KEEPTTL", b"PERSIST", b"EX", b"PX", b"REPLACE",
];

const GARBAGE: &[&[u8]] = &[
    b"",
    b"abc",
    b"-1",
    b"0",
    b"1.5",
    b" 1000000",
    b"1000000 ",
    b"+1000000",
    b"01000000",
    b"nan",
    b"-inf",
    b"1e400",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"99999999999999999999999999",
    b"'quote\"",
    b"new\r\nline",
    b"NX",
    b"count",
    b"match",
];

/// How often a value is random bytes instead of one of the pool.
const RANDOM_VALUE_PERCENT: usize = 15;

/// Longest random value, bytes.
const RANDOM_VALUE_LEN_MAX: usize = 2000;

/// An argument of the kind that a template calls `<name>`.
pub(super) fn argument(random: &mut Random, name: &str) -> Vec<u8> {
    if name == "value" && random.chance(RANDOM_VALUE_PERCENT) {
        let len = random.below(RANDOM_VALUE_LEN_MAX);
        return random.bytes(len);
    }
    random.pick(pool(name)).to_vec()
}

/// Every key that commands use; garbage is one, where it took the place of a key.
pub(super) fn keys() -> impl Iterator<Item = &'static [u8]> {
    KEYS.iter().chain(FLOAT_KEYS).chain(GARBAGE).copied()
}

fn pool(name: &str) -> &'static [&'static [u8]] {
    match name {
        "key" => KEYS,
        "value" => VALUES,
        "int" => INTS,
        "float_key" => FLOAT_KEYS,
        "float" => FLOATS,
        "index" => INDEXES,
        "offset" => OFFSETS,
        "s" => SECONDS,
        "ms" => MILLISECONDS,
        "at_s" => UNIX_SECONDS,
        "at_ms" => UNIX_MILLISECONDS,
        "pattern" => PATTERNS,
        "channel" => CHANNELS,
        "channel_pattern" => CHANNEL_PATTERNS,
        "name" => NAMES,
        "option" => OPTIONS,
        "garbage" => GARBAGE,
        _ => panic!("no pool is called {name}"),
    }
}
