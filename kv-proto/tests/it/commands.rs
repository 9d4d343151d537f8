//! The command table and its parsers; errors are those a redis-server 7.0 answered.

use bytes::{Bytes, BytesMut};
use kv_proto::command::{ExpireCondition, Expiry, Set, SetCondition, SetReply, TtlForm, When};
use kv_proto::resp::{
    ClientCommand, ClientKind, ClientReplyMode, ConfigCommand, ConnectionCommand, Flags, Hello,
    Parsed, Protocol, PubSubQuery, RequestDecoder, commands, encode_reply, parse,
};
use kv_proto::{Command, Credentials, EncodedValue, ErrorReply, Limits, Reply, Value, WireLimits};

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
        PSUBSCRIBE PUNSUBSCRIBE PUBLISH PUBSUB FUNCTION KV.SET KV.CAS KV.RANGE KV.META KV.FAULT";
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
    let cases = include_str!("../../testdata/request_errors.txt").lines();
    for case in cases {
        let (line, message) = case.split_once(" => ").unwrap();
        assert_eq!(error(&line.replace("\\t", "\t")), message, "{line}");
    }
}

#[test]
fn commands_on_the_connection_are_parsed() {
    use ConnectionCommand as C;
    let cases = [
        ("PING", C::Ping(None)),
        ("PING x", C::Ping(Some(key("x")))),
        ("ECHO x", C::Answered(Reply::Bytes(key("x")))),
        ("SELECT 0", C::Answered(Reply::Ok)),
        ("FUNCTION FLUSH sync", C::Answered(Reply::Ok)),
        ("QUIT", C::Quit),
        ("RESET", C::Reset),
        ("TIME", C::Time),
        ("MULTI", C::Multi),
        ("EXEC", C::Exec),
        ("DISCARD", C::Discard),
        ("WATCH a b", C::Watch(vec![key("a"), key("b")])),
        ("UNWATCH", C::Unwatch),
        ("SUBSCRIBE a", C::Subscribe(vec![key("a")])),
        ("UNSUBSCRIBE", C::Unsubscribe(Vec::new())),
        ("PSUBSCRIBE a*", C::PSubscribe(vec![key("a*")])),
        ("PUNSUBSCRIBE a*", C::PUnsubscribe(vec![key("a*")])),
        (
            "PUBLISH a m",
            C::Publish {
                channel: key("a"),
                message: key("m"),
            },
        ),
        (
            "PUBSUB CHANNELS",
            C::PubSub(PubSubQuery::Channels { pattern: None }),
        ),
        (
            "PUBSUB NUMSUB a",
            C::PubSub(PubSubQuery::NumSub(vec![key("a")])),
        ),
        ("PUBSUB NUMPAT", C::PubSub(PubSubQuery::NumPat)),
        (
            "INFO Server all",
            C::Info {
                sections: vec!["server".into(), "all".into()],
            },
        ),
        (
            "CONFIG GET Save",
            C::Config(ConfigCommand::Get(vec![key("save")])),
        ),
        (
            "CONFIG SET A 1",
            C::Config(ConfigCommand::Set(vec![(key("a"), key("1"))])),
        ),
        ("CONFIG RESETSTAT", C::Config(ConfigCommand::ResetStat)),
        ("CONFIG REWRITE", C::Config(ConfigCommand::Rewrite)),
    ];
    for (line, command) in cases {
        assert_eq!(connection(line), command, "{line}");
    }
}

#[test]
fn client_commands_are_parsed() {
    use ClientCommand as C;
    let list = |ids, kind| C::List { ids, kind };
    let kill = |id, addr, kind, skip_me| C::Kill {
        id,
        addr,
        kind,
        skip_me,
    };
    let cases = [
        ("ID", C::Id),
        ("GETNAME", C::GetName),
        ("SETNAME me", C::SetName("me".into())),
        (
            "SETINFO LIB-NAME redis-py",
            C::SetInfo {
                attribute: "lib-name",
                value: "redis-py".into(),
            },
        ),
        ("INFO", C::Info),
        ("LIST", list(None, None)),
        ("LIST TYPE pubsub", list(None, Some(ClientKind::PubSub))),
        ("LIST ID 1 2", list(Some(vec![1, 2]), None)),
        ("KILL 127.0.0.1:1", C::KillAddr("127.0.0.1:1".into())),
        ("KILL ID 3 SKIPME no", kill(Some(3), None, None, false)),
        (
            "KILL ADDR a TYPE normal",
            kill(None, Some("a".into()), Some(ClientKind::Normal), true),
        ),
        ("NO-EVICT on", C::Accepted),
        ("NO-TOUCH off", C::Accepted),
        ("REPLY skip", C::Reply(ClientReplyMode::Skip)),
    ];
    for (rest, command) in cases {
        let line = format!("CLIENT {rest}");
        assert_eq!(
            connection(&line),
            ConnectionCommand::Client(command),
            "{line}"
        );
    }
}

#[test]
fn hello_and_auth_are_parsed() {
    let credentials = |user, password| Credentials {
        user,
        password: key(password),
    };
    assert_eq!(
        connection("HELLO"),
        ConnectionCommand::Hello(Hello::default())
    );
    let hello = Hello {
        protocol: Some(Protocol::Resp3),
        credentials: Some(credentials(Some(key("u")), "p")),
        name: Some("me".into()),
    };
    let line = "HELLO 3 AUTH u p SETNAME me";
    assert_eq!(connection(line), ConnectionCommand::Hello(hello));
    assert_eq!(
        connection("AUTH p"),
        ConnectionCommand::Auth(credentials(None, "p"))
    );
    let both = credentials(Some(key("u")), "p");
    assert_eq!(connection("AUTH u p"), ConnectionCommand::Auth(both));
}

#[test]
fn only_harmless_commands_come_before_auth() {
    let open = commands()
        .iter()
        .filter(|spec| spec.flags.contains(Flags::NO_AUTH));
    let names: Vec<_> = open.map(|spec| spec.name).collect();
    assert_eq!(names, ["hello", "auth", "quit", "reset"]);
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

fn answer(line: &str) -> Reply {
    match connection(line) {
        ConnectionCommand::Answered(reply) => reply,
        other => panic!("{line}: {other:?}"),
    }
}

fn shown(line: &str) -> String {
    let mut out = BytesMut::new();
    encode_reply(&answer(line), Protocol::Resp2, &mut out);
    String::from_utf8(out.to_vec())
        .unwrap()
        .replace("\r\n", " ")
}

#[test]
fn command_tells_programs_what_commands_take() {
    assert_eq!(
        shown("COMMAND INFO get nope"),
        "*2 *10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@fast +@string *0 *0 *0 *-1 "
    );
    assert_eq!(answer("COMMAND COUNT"), Reply::count(commands().len()));
    assert_eq!(answer("COMMAND"), answer("COMMAND INFO"));
    assert_eq!(shown("COMMAND GETKEYS MSET a 1 b 2"), "*2 $1 a $1 b ");
    assert_eq!(shown("COMMAND GETKEYS RENAME a b"), "*2 $1 a $1 b ");
    assert_eq!(shown("COMMAND LIST FILTERBY PATTERN GET?X"), "*1 $5 getex ");
    assert_eq!(
        shown("COMMAND LIST FILTERBY ACLCAT transaction"),
        shown_names("transactions")
    );
}

fn shown_names(group: &str) -> String {
    let names = commands()
        .iter()
        .filter(|spec| spec.group.name() == group)
        .map(|spec| spec.name);
    let names: Vec<_> = names
        .map(|name| format!("${} {name} ", name.len()))
        .collect();
    format!("*{} {}", names.len(), names.concat())
}

#[test]
fn command_tells_people_what_commands_do() {
    assert_eq!(
        shown("COMMAND DOCS mget"),
        "*2 $4 mget *8 $7 summary $23 Returns several values. $5 since $5 1.0.0 $5 group \
         $6 string $9 arguments *1 *6 $4 name $3 key $4 type $6 string $5 flags *1 +multiple "
    );
    assert_eq!(shown("COMMAND DOCS nope"), "*0 ");
    let help = shown("CONFIG HELP");
    assert!(
        help.contains("+GET pattern ... +    Returns settings. "),
        "{help}"
    );
}
