//! One of everything that has bytes, each by its name in the golden files.

use bytes::Bytes;
use kv_proto::command::{
    ExpireCondition, Expiry, SearchOptions, Set, SetCondition, SetReply, SimilarTo, TtlForm, Watch,
    When,
};
use kv_proto::control::{AdminRequest, ClientHello, ServerHello, ServerLimits};
use kv_proto::native::{ReplyBody, ReplyFrame, RequestBody, RequestFrame};
use kv_proto::{
    Command, Credentials, EncodedValue, ErrorCode, ErrorReply, Identity, Position, ReadLevel,
    Reply, Request, Value,
};

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn keys() -> Vec<Bytes> {
    vec![bytes("a"), bytes(""), bytes("\u{fe}")]
}

fn text(text: &str) -> EncodedValue {
    EncodedValue::from_bytes(bytes(text))
}

pub(crate) fn values() -> Vec<(&'static str, Value)> {
    let map = [
        ("b", Value::Null),
        ("a", Value::List(vec![Value::Bool(true)])),
    ];
    let map = map.map(|(name, value)| (name.to_owned(), value));
    vec![
        ("null", Value::Null),
        ("false", Value::Bool(false)),
        ("true", Value::Bool(true)),
        ("int", Value::Int(-2)),
        ("float", Value::Float(0.5)),
        ("float_nan", Value::Float(f64::NAN)),
        ("str", Value::Str("h\u{e9}".to_owned())),
        ("bytes", Value::Bytes(vec![0, 0xff])),
        (
            "list",
            Value::List(vec![Value::Int(1), Value::Str("x".to_owned())]),
        ),
        (
            "list_of_bytes",
            Value::List(vec![Value::Bytes(vec![7]), Value::Float(-0.0)]),
        ),
        ("map", Value::Map(map.into())),
    ]
}

fn reads() -> Vec<(&'static str, Command)> {
    let ttl = |form| Command::Ttl {
        key: bytes("k"),
        form,
    };
    vec![
        ("get", Command::Get(bytes("key"))),
        ("mget", Command::MGet(keys())),
        ("exists", Command::Exists(keys())),
        ("type", Command::Type(bytes("k"))),
        ("strlen", Command::StrLen(bytes("k"))),
        (
            "getrange",
            Command::GetRange {
                key: bytes("k"),
                start: 1,
                end: -1,
            },
        ),
        ("ttl", ttl(TtlForm::Seconds)),
        ("pttl", ttl(TtlForm::Millis)),
        ("expiretime", ttl(TtlForm::UnixSeconds)),
        ("pexpiretime", ttl(TtlForm::UnixMillis)),
        ("dbsize", Command::DbSize),
        ("randomkey", Command::RandomKey),
        (
            "keys",
            Command::Keys {
                pattern: bytes("a*"),
            },
        ),
        (
            "scan",
            Command::Scan {
                cursor: 7,
                pattern: Some(bytes("a*")),
                count: 10,
                kind: Some(bytes("string")),
            },
        ),
        (
            "scan_all",
            Command::Scan {
                cursor: 0,
                pattern: None,
                count: 1,
                kind: None,
            },
        ),
        (
            "range",
            Command::Range {
                start: bytes("a"),
                end: Some(bytes("b")),
                limit: 9,
                reverse: true,
            },
        ),
        (
            "range_open",
            Command::Range {
                start: Bytes::new(),
                end: None,
                limit: 1,
                reverse: false,
            },
        ),
        ("meta", Command::Meta(bytes("k"))),
        ("touch", Command::Touch(keys())),
        ("versions", Command::Versions(keys())),
    ]
}

fn searches() -> Vec<(&'static str, Command)> {
    let find = |path: Option<&str>| Command::Find {
        value: EncodedValue::from(&Value::Int(5)),
        path: path.map(str::to_owned),
        limit: 10,
    };
    let search = |options| Command::Search {
        query: "h\u{e9} -x".to_owned(),
        options,
    };
    let similar = |query, prefix, explain| Command::Similar {
        query,
        k: 5,
        prefix,
        explain,
    };
    let full = SearchOptions::new()
        .limit(3)
        .prefix("p:")
        .weights(0.5, 2.0)
        .explain()
        .snippets();
    vec![
        ("find", find(None)),
        ("find_at", find(Some("a.b"))),
        ("search", search(SearchOptions::new())),
        ("search_full", search(full)),
        ("similar", similar("text".into(), None, false)),
        (
            "similar_vector",
            similar(vec![0.5, -1.0].into(), Some(bytes("p:")), false),
        ),
        (
            "similar_key",
            similar(SimilarTo::Key(bytes("k")), None, true),
        ),
    ]
}

fn for_searches() -> Vec<(&'static str, Command)> {
    let set = Set {
        vector: Some([0.5, -1.0].into()),
        expiry: Expiry::Keep,
        ..Set::new(bytes("k"), text("v"))
    };
    vec![("set_vector", Command::Set(set)), ("train", Command::Train)]
}

fn sets() -> Vec<(&'static str, Command)> {
    let set = || Set::new(bytes("k"), text("v"));
    let typed = EncodedValue::from(&Value::Int(5));
    let with = |condition, expiry, reply| {
        Command::Set(Set {
            condition,
            expiry,
            reply,
            ..set()
        })
    };
    let (always, ok) = (SetCondition::Always, SetReply::OkOrNil);
    vec![
        ("set", Command::Set(set())),
        ("set_typed", Command::Set(Set::new(bytes("k"), typed))),
        ("set_keep", with(always.clone(), Expiry::Keep, ok)),
        (
            "set_in",
            with(always.clone(), Expiry::At(When::InMs(5)), ok),
        ),
        (
            "set_at",
            with(always.clone(), Expiry::At(When::UnixMs(-5)), ok),
        ),
        ("set_old", with(always, Expiry::Clear, SetReply::Old)),
        (
            "set_nx",
            with(SetCondition::IfAbsent, Expiry::Clear, SetReply::Count),
        ),
        ("set_xx", with(SetCondition::IfPresent, Expiry::Clear, ok)),
        (
            "set_ifeq",
            with(SetCondition::IfEqual(bytes("o")), Expiry::Clear, ok),
        ),
        (
            "mset",
            Command::MSet {
                pairs: vec![(bytes("a"), text("1")), (bytes("b"), text(""))],
                only_if_none_exists: false,
            },
        ),
        (
            "msetnx",
            Command::MSet {
                pairs: vec![(bytes("a"), text("1"))],
                only_if_none_exists: true,
            },
        ),
        (
            "cas",
            Command::Cas {
                key: bytes("k"),
                old: Some(text("1")),
                new: None,
            },
        ),
        (
            "cas_new",
            Command::Cas {
                key: bytes("k"),
                old: None,
                new: Some(text("2")),
            },
        ),
    ]
}

fn edits() -> Vec<(&'static str, Command)> {
    let key = || bytes("k");
    vec![
        ("del", Command::Del(keys())),
        ("getdel", Command::GetDel(key())),
        (
            "getex",
            Command::GetEx {
                key: key(),
                expiry: Expiry::At(When::UnixMs(1)),
            },
        ),
        (
            "append",
            Command::Append {
                key: key(),
                suffix: bytes("xyz"),
            },
        ),
        (
            "setrange",
            Command::SetRange {
                key: key(),
                offset: 3,
                patch: bytes("xyz"),
            },
        ),
        (
            "incrby",
            Command::IncrBy {
                key: key(),
                delta: -1,
            },
        ),
        (
            "incrbyfloat",
            Command::IncrByFloat {
                key: key(),
                delta: 0.5,
            },
        ),
        (
            "rename",
            Command::Rename {
                from: bytes("a"),
                to: bytes("b"),
                only_if_absent: false,
            },
        ),
        (
            "copy",
            Command::Copy {
                from: bytes("a"),
                to: bytes("b"),
                replace: true,
            },
        ),
        ("persist", Command::Persist(key())),
        ("flush", Command::Flush),
        ("sweep", Command::Sweep { limit: 100 }),
    ]
}

fn expiries() -> Vec<(&'static str, Command)> {
    let expire = |condition| Command::ExpireAt {
        key: bytes("k"),
        when: When::UnixMs(1),
        condition,
    };
    vec![
        ("expire", expire(ExpireCondition::Always)),
        ("expire_nx", expire(ExpireCondition::IfNone)),
        ("expire_xx", expire(ExpireCondition::IfSome)),
        ("expire_gt", expire(ExpireCondition::IfLater)),
        ("expire_lt", expire(ExpireCondition::IfEarlier)),
        ("expire_xx_lt", expire(ExpireCondition::IfSomeAndEarlier)),
    ]
}

pub(crate) fn commands() -> Vec<(&'static str, Command)> {
    let transaction = Command::Transaction {
        watches: vec![Watch {
            key: bytes("w"),
            version: 8,
        }],
        commands: vec![Command::Flush, Command::Get(bytes("k"))],
    };
    let mut commands = reads();
    commands.extend(searches());
    commands.extend(sets());
    commands.extend(for_searches());
    commands.extend(edits());
    commands.extend(expiries());
    commands.push(("transaction", transaction));
    commands
}

pub(crate) fn replies() -> Vec<(String, Reply)> {
    let named = [
        ("ok", Reply::Ok),
        ("nil", Reply::Nil),
        ("nil_array", Reply::NilArray),
        ("int", Reply::Int(-3)),
        ("double", Reply::Double(0.25)),
        ("bool", Reply::Bool(true)),
        ("status", Reply::Status("PONG".into())),
        ("bytes", Reply::text("bytes")),
        ("value", Reply::Value(EncodedValue::from(&Value::Int(5)))),
        (
            "array",
            Reply::Array(vec![Reply::Ok, Reply::Array(Vec::new())]),
        ),
        ("push", Reply::Push(vec![Reply::text("message")])),
        (
            "map",
            Reply::Map(vec![(Reply::text("name"), Reply::Int(1))]),
        ),
    ];
    let errors = ErrorCode::ALL.iter().map(|code| {
        let name = format!("error_{}", code.prefix().to_ascii_lowercase());
        (name, Reply::Error(ErrorReply::new(*code, "why")))
    });
    let named = named
        .into_iter()
        .map(|(name, reply)| (name.to_owned(), reply));
    named.chain(errors).collect()
}

pub(crate) fn client_hello() -> ClientHello {
    ClientHello {
        client_name: "kv".to_owned(),
        client_version: "0.1.0".to_owned(),
    }
}

pub(crate) fn server_hello() -> ServerHello {
    ServerHello {
        server_name: "kv-node".to_owned(),
        server_version: "0.1.0".to_owned(),
        mode: "standalone".to_owned(),
        connection_id: 3,
        limits: ServerLimits {
            key_bytes_max: 1,
            value_bytes_max: 2,
            batch_ops_max: 3,
            frame_bytes_max: 4,
        },
    }
}

fn identified() -> Request {
    Request {
        identity: Some(Identity {
            client: 7,
            sequence: 8,
        }),
        ..Command::Flush.into()
    }
}

fn stale(after: Option<u64>) -> Request {
    Request {
        read: ReadLevel::Stale { after },
        asks_position: true,
        ..Command::DbSize.into()
    }
}

fn all_of_a_write() -> Request {
    Request {
        fault: Some(0.5),
        asks_position: true,
        ..identified()
    }
}

fn add() -> AdminRequest {
    AdminRequest::Add {
        id: 3,
        client: "a:1".to_owned(),
        peer: "b:2".to_owned(),
    }
}

pub(crate) fn admin_requests() -> Vec<(&'static str, AdminRequest)> {
    vec![
        ("admin_add", add()),
        ("admin_promote", AdminRequest::Promote { id: 3 }),
        ("admin_remove", AdminRequest::Remove { id: 3 }),
        ("admin_transfer", AdminRequest::TransferLeader { to: None }),
        (
            "admin_transfer_to",
            AdminRequest::TransferLeader { to: Some(0) },
        ),
    ]
}

pub(crate) fn request_frames() -> Vec<(&'static str, RequestFrame)> {
    let faulty = Request {
        fault: Some(0.5),
        ..Command::Flush.into()
    };
    let credentials = |user| Credentials {
        user,
        password: bytes("secret"),
    };
    let bodies = [
        (
            "command",
            RequestBody::Command(Command::Get(bytes("k")).into()),
        ),
        ("command_fault", RequestBody::Command(faulty)),
        ("command_identity", RequestBody::Command(identified())),
        ("command_stale", RequestBody::Command(stale(None))),
        ("command_after", RequestBody::Command(stale(Some(6)))),
        (
            "command_all_of_a_write",
            RequestBody::Command(all_of_a_write()),
        ),
        ("auth", RequestBody::Auth(credentials(None))),
        (
            "auth_user",
            RequestBody::Auth(credentials(Some(bytes("me")))),
        ),
        ("ping", RequestBody::Ping),
        ("status", RequestBody::Status),
        ("hello", RequestBody::Hello(client_hello())),
        ("admin_add", RequestBody::Admin(add())),
    ];
    let framed = |(name, body)| (name, RequestFrame { id: 0x0102, body });
    bodies.into_iter().map(framed).collect()
}

pub(crate) fn reply_frames() -> Vec<(&'static str, ReplyFrame)> {
    let position = Position {
        applied: 5,
        age_ms: Position::AGE_UNKNOWN,
    };
    let int = ReplyBody::Reply(Reply::Int(1));
    let frames = [
        ("reply", None, int.clone()),
        ("reply_position", Some(position), int),
        ("hello", None, ReplyBody::Hello(server_hello())),
    ];
    let framed = |(name, position, body)| {
        let frame = ReplyFrame {
            id: 0x0102,
            position,
            body,
        };
        (name, frame)
    };
    frames.into_iter().map(framed).collect()
}
