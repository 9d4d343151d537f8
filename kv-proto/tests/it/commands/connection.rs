//! Commands that the connection answers.

use kv_proto::resp::{
    ClientCommand, ClientKind, ClientReplyMode, ConfigCommand, ConnectionCommand, Flags, Hello,
    Protocol, PubSubQuery, commands,
};
use kv_proto::{Credentials, Reply};

use super::{connection, key};

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
        ("BGSAVE", C::BgSave),
        ("BGSAVE schedule", C::BgSave),
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
