//! What COMMAND tells of the table.

use bytes::BytesMut;
use kv_proto::Reply;
use kv_proto::resp::{ConnectionCommand, Protocol, commands, encode_reply};

use super::connection;

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
