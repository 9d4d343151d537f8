//! What is answered to requests that cannot be executed, as a redis-server 7.0 answers it.

use kv_proto::Limits;

use super::{error, parse_words};

#[test]
fn shapes_are_checked_as_redis_does() {
    let arity = |name: &str| format!("ERR wrong number of arguments for '{name}' command");
    for line in [
        "get",
        "get a b",
        "mset a",
        "mset a 1 b",
        "ping a b",
        "echo",
        "client",
        "time x",
    ] {
        assert_eq!(
            error(line),
            arity(line.split(' ').next().unwrap()),
            "{line}"
        );
    }
    let nested = [
        ("CLIENT SETNAME", "client|setname"),
        ("CONFIG GET", "config|get"),
        ("COMMAND COUNT a", "command|count"),
        ("PUBSUB NUMPAT a", "pubsub|numpat"),
    ];
    for (line, name) in nested {
        assert_eq!(error(line), arity(name), "{line}");
    }
    for name in ["CLIENT", "CONFIG", "COMMAND", "PUBSUB", "FUNCTION"] {
        let expected = format!("ERR unknown subcommand 'FOO'. Try {name} HELP.");
        assert_eq!(error(&format!("{name} FOO")), expected);
    }
}

#[test]
fn unknown_commands_are_answered_as_redis_does_or_with_a_guess() {
    let foo = "ERR unknown command 'foo', with args beginning with: 'a' 'b' ";
    assert_eq!(error("foo a b"), foo);
    assert_eq!(
        error("GTE k"),
        "ERR unknown command 'GTE', did you mean 'GET'?"
    );
    let long = "x".repeat(200);
    let shown = "x".repeat(128);
    let expected = format!("ERR unknown command '{shown}', with args beginning with: '{shown}' ");
    assert_eq!(error(&format!("{long} {long} y")), expected);
}

#[test]
fn arguments_are_checked_as_redis_does() {
    let cases = include_str!("../../../testdata/request_errors.txt").lines();
    for case in cases {
        let (line, message) = case.split_once(" => ").unwrap();
        assert_eq!(error(&line.replace("\\t", "\t")), message, "{line}");
    }
}

#[test]
fn what_exceeds_the_limits_is_refused() {
    let limits = Limits {
        key_bytes_max: 3,
        value_bytes_max: 4,
        batch_ops_max: 2,
    };
    let refused = |line: &str| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        parse_words(&words, &limits).unwrap_err().to_string()
    };
    let long_key = "ERR key has 4 bytes, the limit is 3";
    for line in [
        "GET long",
        "SET long v",
        "DEL a long",
        "MSET long v",
        "RENAME a long",
        "COPY long a",
        "KV.RANGE a long",
        "WATCH long",
        "SUBSCRIBE long",
        "PUBLISH long m",
        "TTL long",
    ] {
        assert_eq!(refused(line), long_key, "{line}");
    }
    let long_value = "ERR value has 5 bytes, the limit is 4";
    for line in [
        "SET k large",
        "SET k v IFEQ large",
        "MSET k large",
        "APPEND k large",
        "PUBLISH c large",
        "KV.SET k 12345",
        "KV.CAS k large x",
    ] {
        assert_eq!(refused(line), long_value, "{line}");
    }
    let many = "ERR request has 3 operations, the limit is 2";
    for line in [
        "MGET a b c",
        "DEL a b c",
        "MSET a 1 b 2 c 3",
        "WATCH a b c",
        "EXISTS a b c",
    ] {
        assert_eq!(refused(line), many, "{line}");
    }
    assert_eq!(
        refused("KEYS long"),
        "ERR pattern has 4 bytes, the limit is 3"
    );
    let too_far = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(refused("SETRANGE k 3 xx"), too_far);
}

#[test]
fn a_bad_json_value_is_refused() {
    assert!(error("KV.SET k {").starts_with("ERR not JSON: "));
}
