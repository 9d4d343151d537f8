//! Searches, against a server that a test plays by hand.

use kv_client::command::{SimilarTo, Weights};
use kv_client::{Command, EncodedValue, Hit, Reply, SearchOptions, Value};
use kv_proto::hits_reply;
use tokio::net::TcpListener;

use super::{Ran, kv};
use crate::fake::Peer;

/// Runs `kv`, answers what it asks with `reply`, and returns that, too.
async fn asked(args: &[&str], input: &'static [u8], reply: Reply) -> (Command, Ran) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = tokio::task::spawn_blocking(move || {
        let mut stdin = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut stdin, input).unwrap();
        std::io::Seek::rewind(&mut stdin).unwrap();
        Ran::of(kv(&addr).args(args).stdin(stdin).output().unwrap())
    });
    let (stream, _) = listener.accept().await.unwrap();
    let mut peer = Peer::greet(Box::new(stream), false).await;
    let (id, command) = peer.command().await;
    peer.reply(id, &reply).await;
    (command, run.await.unwrap())
}

fn hits(detailed: bool) -> Reply {
    let best = Hit {
        snippet: detailed.then(|| "a <b>fast</b>\nstore".to_owned()),
        explanation: detailed.then(|| Value::Map([("rank".to_owned(), Value::Int(1))].into())),
        ..Hit::new("doc:1".into(), 2.0625)
    };
    hits_reply(vec![best, Hit::new("doc:2".into(), 1.0)], detailed)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_by_json_or_text() {
    let keys = Reply::Array(vec![Reply::text("a"), Reply::text("b\n")]);
    let args = ["find", "30", "--at", "user.age", "--limit", "2"];
    let (command, ran) = asked(&args, b"", keys).await;
    let expected = Command::Find {
        value: EncodedValue::from(&Value::Int(30)),
        path: Some("user.age".to_owned()),
        limit: 2,
    };
    assert_eq!(command, expected);
    assert_eq!(ran.answer(), "a\n\"b\\n\"\n");
    let (command, ran) = asked(
        &["--json", "find", "30", "--text"],
        b"",
        Reply::Array(vec![Reply::text("a")]),
    )
    .await;
    let Command::Find { value, .. } = command else {
        panic!("{command:?}");
    };
    assert_eq!(value.decode().unwrap(), Value::Str("30".to_owned()));
    assert_eq!(ran.answer(), "{\"key\":\"a\"}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_are_lines_in_a_pipe_and_objects_for_programs() {
    let (command, ran) = asked(&["search", "fast", "store"], b"", hits(false)).await;
    let expected = Command::Search {
        query: "fast store".to_owned(),
        options: SearchOptions::new(),
    };
    assert_eq!(command, expected);
    assert_eq!(ran.answer(), "doc:1\t2.0625\ndoc:2\t1.0000\n");
    let args = "--json search fast --prefix doc: --hybrid --weights 1,0.5 --snippets --explain";
    let args: Vec<&str> = args.split(' ').collect();
    let (command, ran) = asked(&args, b"", hits(true)).await;
    let Command::Search { options, .. } = command else {
        panic!("{command:?}");
    };
    let (words, meaning) = (1.0, 0.5);
    assert_eq!(options.hybrid, Some(Weights { words, meaning }));
    assert_eq!(options.prefix.as_deref(), Some(&b"doc:"[..]));
    assert_eq!(
        ran.answer(),
        "{\"key\":\"doc:1\",\"score\":2.0625,\"snippet\":\"a <b>fast</b>\\nstore\",\
         \"explain\":{\"rank\":1}}\n{\"key\":\"doc:2\",\"score\":1.0}\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_similar_is_ranked_too() {
    let (command, ran) = asked(&["similar", "neural nets", "-k", "2"], b"", hits(false)).await;
    let expected = Command::Similar {
        query: "neural nets".into(),
        k: 2,
        prefix: None,
        explain: false,
    };
    assert_eq!(command, expected);
    assert_eq!(ran.answer(), "doc:1\t2.0625\ndoc:2\t1.0000\n");
    let args = ["similar", "--key", "doc:3", "--explain"];
    let (command, ran) = asked(&args, b"", hits(true)).await;
    let Command::Similar { query, .. } = command else {
        panic!("{command:?}");
    };
    assert_eq!(query, SimilarTo::Key("doc:3".into()));
    assert!(ran.answer().ends_with("{\"rank\":1}\ndoc:2\t1.0000\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_searches_like_the_command_line() {
    let (command, ran) = asked(&["repl"], b"find {\"a\": [1]}\n", Reply::Array(vec![])).await;
    let Command::Find { value, .. } = command else {
        panic!("{command:?}");
    };
    assert_eq!(value.decode().unwrap().to_json(), r#"{"a":[1]}"#);
    assert_eq!(ran.answer(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_refused_fails() {
    let refusal = Reply::err("a quote is not closed at byte 0");
    let (_, ran) = asked(&["search", "\"open"], b"", refusal).await;
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, "error: a quote is not closed at byte 0\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_no_failure() {
    let (_, ran) = asked(&["search", "nothing"], b"", Reply::Array(vec![])).await;
    assert_eq!(ran.answer(), "");
}
