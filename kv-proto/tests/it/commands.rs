//! The command table and its parsers.

mod connection;
mod docs;
mod refusals;
mod searches;

use bytes::{Bytes, BytesMut};
use kv_proto::command::{ExpireCondition, Expiry, Set, SetCondition, SetReply, TtlForm, When};
use kv_proto::resp::{ConnectionCommand, Parsed, RequestDecoder, commands, parse};
use kv_proto::{Command, EncodedValue, ErrorReply, Limits, Value, WireLimits};

fn parse_words(words: &[&[u8]], limits: &Limits) -> Result<Parsed, ErrorReply> {
    let mut buffer = BytesMut::new();
    buffer.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        buffer.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        buffer.extend_from_slice(word);
        buffer.extend_from_slice(b"\r\n");
    }
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let requests = decoder.decode(&mut buffer);
    parse(requests.iter().next().unwrap(), limits)
}

fn parsed(line: &str) -> Result<Parsed, ErrorReply> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    parse_words(&words, &Limits::default())
}

fn data(line: &str) -> Command {
    match parsed(line) {
        Ok(Parsed::Data(request)) => request.command,
        other => panic!("{line}: {other:?}"),
    }
}

fn connection(line: &str) -> ConnectionCommand {
    match parsed(line) {
        Ok(Parsed::Connection(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str) -> String {
    match parsed(line) {
        Err(error) => error.to_string(),
        Ok(parsed) => panic!("{line}: {parsed:?}"),
    }
}

fn key(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn set() -> Set {
    Set::new(key("k"), EncodedValue::from_bytes(key("v")))
}

fn after(ms: i64) -> Expiry {
    Expiry::At(When::InMs(ms))
}

fn at(ms: i64) -> Expiry {
    Expiry::At(When::UnixMs(ms))
}

#[test]
fn names_are_found_in_any_case_and_every_one_is_found() {
    for spec in commands() {
        let upper = spec.name.to_ascii_uppercase();
        let words = vec!["x"; usize::from(spec.arity.unsigned_abs()) - 1].join(" ");
        for name in [spec.name, &upper] {
            let line = format!("{name} {words}").trim_end().to_owned();
            if let Err(error) = parsed(&line) {
                assert!(
                    !error.message.contains("unknown command"),
                    "{line}: {error}"
                );
                assert!(
                    !error.message.contains("number of arguments"),
                    "{line}: {error}"
                );
            }
        }
    }
}

#[test]
fn all_commands_that_clients_need_are_there() {
    let needed = "PING ECHO HELLO AUTH QUIT SELECT CLIENT COMMAND INFO CONFIG DBSIZE FLUSHDB \
        FLUSHALL RESET TIME GET SET SETNX SETEX PSETEX GETSET GETDEL GETEX MGET MSET MSETNX APPEND \
        STRLEN GETRANGE SETRANGE INCR DECR INCRBY DECRBY INCRBYFLOAT DEL UNLINK EXISTS TYPE TOUCH \
        RENAME RENAMENX COPY RANDOMKEY KEYS SCAN EXPIRE PEXPIRE EXPIREAT PEXPIREAT EXPIRETIME \
        PEXPIRETIME TTL PTTL PERSIST MULTI EXEC DISCARD WATCH UNWATCH SUBSCRIBE UNSUBSCRIBE \
        PSUBSCRIBE PUNSUBSCRIBE PUBLISH PUBSUB FUNCTION BGSAVE KV.SET KV.CAS KV.RANGE KV.TRAIN KV.META \
        KV.FAULT KV.FIND KV.SEARCH KV.SIMILAR";
    let names: Vec<_> = commands()
        .iter()
        .map(|spec| spec.name.to_ascii_uppercase())
        .collect();
    for name in needed.split_whitespace() {
        assert!(names.iter().any(|known| known == name), "{name} is missing");
    }
}

#[test]
fn reads_are_parsed() {
    assert_eq!(data("GET k"), Command::Get(key("k")));
    assert_eq!(data("mget a b"), Command::MGet(vec![key("a"), key("b")]));
    assert_eq!(
        data("EXISTS a a"),
        Command::Exists(vec![key("a"), key("a")])
    );
    assert_eq!(data("TYPE k"), Command::Type(key("k")));
    assert_eq!(data("STRLEN k"), Command::StrLen(key("k")));
    assert_eq!(data("TOUCH k"), Command::Touch(vec![key("k")]));
    assert_eq!(data("DBSIZE"), Command::DbSize);
    assert_eq!(data("RANDOMKEY"), Command::RandomKey);
    assert_eq!(data("KEYS a*"), Command::Keys { pattern: key("a*") });
    let (start, end) = (0, -1);
    assert_eq!(
        data("GETRANGE k 0 -1"),
        Command::GetRange {
            key: key("k"),
            start,
            end
        }
    );
    let forms = [
        ("TTL", TtlForm::Seconds),
        ("PTTL", TtlForm::Millis),
        ("EXPIRETIME", TtlForm::UnixSeconds),
        ("PEXPIRETIME", TtlForm::UnixMillis),
    ];
    for (name, form) in forms {
        assert_eq!(
            data(&format!("{name} k")),
            Command::Ttl {
                key: key("k"),
                form
            }
        );
    }
}

#[test]
fn scans_are_parsed() {
    let plain = Command::Scan {
        cursor: 0,
        pattern: None,
        count: 10,
        kind: None,
    };
    assert_eq!(data("SCAN 0"), plain);
    let full = Command::Scan {
        cursor: u64::MAX,
        pattern: Some(key("a*")),
        count: 5,
        kind: Some(key("string")),
    };
    assert_eq!(
        data("SCAN 18446744073709551615 count 5 MATCH a* type string"),
        full
    );
}

#[test]
fn options_of_set_are_parsed() {
    let with = |change: fn(&mut Set)| {
        let mut set = set();
        change(&mut set);
        Command::Set(set)
    };
    let cases = [
        ("SET k v", with(|_| {})),
        (
            "SET k v NX",
            with(|set| set.condition = SetCondition::IfAbsent),
        ),
        (
            "SET k v xx",
            with(|set| set.condition = SetCondition::IfPresent),
        ),
        (
            "SET k v IFEQ o",
            with(|set| set.condition = SetCondition::IfEqual(key("o"))),
        ),
        ("SET k v GET", with(|set| set.reply = SetReply::Old)),
        ("SET k v KEEPTTL", with(|set| set.expiry = Expiry::Keep)),
        (
            "SET k v EX 10 EX 20",
            with(|set| set.expiry = after(20_000)),
        ),
        ("SET k v px 10", with(|set| set.expiry = after(10))),
        ("SET k v EXAT 10", with(|set| set.expiry = at(10_000))),
        ("SET k v PXAT 10", with(|set| set.expiry = at(10))),
        ("SETEX k 10 v", with(|set| set.expiry = after(10_000))),
        ("PSETEX k 10 v", with(|set| set.expiry = after(10))),
        ("GETSET k v", with(|set| set.reply = SetReply::Old)),
    ];
    for (line, command) in cases {
        assert_eq!(data(line), command, "{line}");
    }
    let setnx = with(|set| {
        set.condition = SetCondition::IfAbsent;
        set.reply = SetReply::Count;
    });
    assert_eq!(data("SETNX k v"), setnx);
}

#[test]
fn edits_are_parsed() {
    let k = || key("k");
    assert_eq!(data("DEL a b"), Command::Del(vec![key("a"), key("b")]));
    assert_eq!(data("UNLINK a"), Command::Del(vec![key("a")]));
    assert_eq!(data("GETDEL k"), Command::GetDel(k()));
    assert_eq!(data("GETEX k"), Command::Get(k()));
    let getex = |expiry| Command::GetEx { key: k(), expiry };
    assert_eq!(data("GETEX k PERSIST"), getex(Expiry::Clear));
    assert_eq!(data("GETEX k EX 1"), getex(after(1000)));
    for impossible in [
        "EX 0",
        "PX -1",
        "EXAT 0",
        "PXAT -1",
        "EX 9223372036854775807",
    ] {
        let line = format!("GETEX k {impossible}");
        assert_eq!(data(&line), getex(Expiry::At(When::IMPOSSIBLE)), "{line}");
    }
    assert_eq!(
        data("APPEND k x"),
        Command::Append {
            key: k(),
            suffix: key("x")
        }
    );
    let setrange = Command::SetRange {
        key: k(),
        offset: 3,
        patch: key("x"),
    };
    assert_eq!(data("SETRANGE k 3 x"), setrange);
    for (line, delta) in [
        ("INCR k", 1),
        ("DECR k", -1),
        ("INCRBY k 5", 5),
        ("DECRBY k 5", -5),
    ] {
        assert_eq!(data(line), Command::IncrBy { key: k(), delta });
    }
    assert_eq!(
        data("INCRBYFLOAT k 1e2"),
        Command::IncrByFloat {
            key: k(),
            delta: 100.0
        }
    );
    assert_eq!(data("PERSIST k"), Command::Persist(k()));
    assert_eq!(data("FLUSHALL"), Command::Flush);
    assert_eq!(data("FLUSHDB async"), Command::Flush);
}

#[test]
fn commands_on_two_keys_are_parsed() {
    let (from, to) = (key("a"), key("b"));
    let rename = |only_if_absent| Command::Rename {
        from: from.clone(),
        to: to.clone(),
        only_if_absent,
    };
    assert_eq!(data("RENAME a b"), rename(false));
    assert_eq!(data("RENAMENX a b"), rename(true));
    let copy = |replace| Command::Copy {
        from: from.clone(),
        to: to.clone(),
        replace,
    };
    assert_eq!(data("COPY a b"), copy(false));
    assert_eq!(data("COPY a b DB 0 REPLACE"), copy(true));
    let mset = |only_if_none_exists| Command::MSet {
        pairs: vec![(key("k"), EncodedValue::from_bytes(key("v")))],
        only_if_none_exists,
    };
    assert_eq!(data("MSET k v"), mset(false));
    assert_eq!(data("MSETNX k v"), mset(true));
}

#[test]
fn expiries_are_parsed() {
    let expire = |when, condition| Command::ExpireAt {
        key: key("k"),
        when,
        condition,
    };
    let always = ExpireCondition::Always;
    assert_eq!(data("EXPIRE k 10"), expire(When::InMs(10_000), always));
    assert_eq!(data("PEXPIRE k -1"), expire(When::InMs(-1), always));
    assert_eq!(data("EXPIREAT k 10"), expire(When::UnixMs(10_000), always));
    assert_eq!(
        data("PEXPIREAT k 9223372036854775807"),
        expire(When::UnixMs(i64::MAX), always)
    );
    let conditions = [
        ("NX", ExpireCondition::IfNone),
        ("xx", ExpireCondition::IfSome),
        ("GT", ExpireCondition::IfLater),
        ("XX GT", ExpireCondition::IfLater),
        ("LT", ExpireCondition::IfEarlier),
        ("LT XX", ExpireCondition::IfSomeAndEarlier),
    ];
    for (options, condition) in conditions {
        assert_eq!(
            data(&format!("PEXPIRE k 1 {options}")),
            expire(When::InMs(1), condition)
        );
    }
}

#[test]
fn our_own_commands_are_parsed() {
    let typed = Set::new(key("k"), EncodedValue::from(&Value::Int(5)));
    assert_eq!(data("KV.SET k 5"), Command::Set(typed.clone()));
    let condition = SetCondition::IfAbsent;
    assert_eq!(
        data("kv.set k 5 NX"),
        Command::Set(Set { condition, ..typed })
    );
    let cas = Set {
        condition: SetCondition::IfEqual(key("o")),
        reply: SetReply::Count,
        ..set()
    };
    assert_eq!(data("KV.CAS k o v"), Command::Set(cas));
    assert_eq!(data("KV.META k"), Command::Meta(key("k")));
    assert_eq!(connection("KV.META"), ConnectionCommand::NodeMeta);
    let range = |start, end, limit, reverse| Command::Range {
        start,
        end,
        limit,
        reverse,
    };
    assert_eq!(
        data("KV.RANGE a b"),
        range(key("a"), Some(key("b")), 1024, false)
    );
    assert_eq!(
        data("KV.RANGE - + LIMIT 5 REV"),
        range(key(""), None, 5, true)
    );
}

#[test]
fn a_fault_is_asked_of_a_write_only() {
    let Parsed::Data(request) = parsed("KV.FAULT 0.5 SET k v").unwrap() else {
        panic!("not a data command");
    };
    assert_eq!(
        (request.command, request.fault),
        (Command::Set(set()), Some(0.5))
    );
    assert_eq!(
        error("KV.FAULT 2 SET k v"),
        "ERR chance is not a number from 0 to 1"
    );
    assert_eq!(
        error("KV.FAULT 1 GET k"),
        "ERR only a write can be made to fail"
    );
    assert_eq!(
        error("KV.FAULT 1 PING"),
        "ERR only a write can be made to fail"
    );
    assert_eq!(
        error("KV.FAULT 1 KV.FAULT 1 SET k v"),
        "ERR faults do not nest"
    );
    assert_eq!(
        error("KV.FAULT 1 SET k"),
        "ERR wrong number of arguments for 'set' command"
    );
}
