//! Values from and to streams of bytes.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use kv_client::Value;

use super::{Server, kv};

#[test]
fn bytes_of_a_file_are_stored_as_they_are_and_come_back() {
    let server = Server::start();
    let bytes = [0u8, 1, 0xff, b'\n', b'"'];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let path = file.path().to_str().unwrap();
    server.run(&["set", "file", "--bytes-file", path]).answer();
    server
        .run_with_input(&["set", "stdin", "--bytes-file", "-"], &bytes)
        .answer();
    for key in ["file", "stdin"] {
        let output = kv(&server.addr)
            .args(["get", "--raw", key])
            .output()
            .unwrap();
        assert_eq!(output.stdout, bytes, "{key}");
    }
    let shown = server.run(&["get", "file"]).answer();
    assert_eq!(shown, "{\"$base64\": \"AAH/CiI=\"}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_from_stdin_is_json_text_or_bytes() {
    let server = Server::start();
    server
        .run_with_input(&["set", "json", "-"], b"{\"a\": [1]}\n")
        .answer();
    server
        .run_with_input(&["set", "text", "-", "--text"], b"{\"a\": [1]}")
        .answer();
    server
        .run_with_input(&["set", "bytes", "-"], b"\xff")
        .answer();
    let client = server.client();
    let value = async |key: &str| client.get::<Value>(key).await.unwrap().unwrap();
    assert_eq!(value("json").await.to_json(), r#"{"a":[1]}"#);
    assert_eq!(value("text").await, Value::Str("{\"a\": [1]}".to_owned()));
    assert_eq!(value("bytes").await, Value::Bytes(vec![0xff]));
}

#[test]
fn an_object_from_stdin_is_stored_in_one_step() {
    let server = Server::start();
    let object = br#"{"a": 1, "b": "1", "c": {"d": null}}"#;
    let said = server.run_with_input(&["mset"], object).answer();
    assert_eq!(said, "OK, 3 stored\n");
    let get = |key| server.run(&["get", key]).answer();
    assert_eq!((get("a"), get("b")), ("1\n".into(), "\"1\"\n".into()));
    let ran = server.run_with_input(&["mset"], b"[1]");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.starts_with("error: stdin is not a JSON object"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_early_is_no_error() {
    let server = Server::start();
    let client = server.client();
    for part in 0..4 {
        let pairs = (0..1000).map(|index| (format!("key:{part}:{index:0>200}"), "v".repeat(100)));
        client.bulk_set(pairs).await.unwrap();
    }
    for args in [["scan"], ["range"], ["export"]] {
        let mut child = kv(&server.addr)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.contains("key:"), "{line}");
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr.as_str()),
            (Some(0), ""),
            "{args:?}"
        );
    }
}

#[test]
fn a_write_told_to_fail_is_logged_and_shows_after_a_restart() {
    let mut server = Server::with_args(&["--debug-faults"]);
    server.run(&["set", "k", "1"]).answer();
    server
        .run(&["--debug-fault", "1", "set", "k", "2"])
        .answer();
    assert_eq!(server.run(&["get", "k"]).answer(), "1\n");
    server.restart();
    assert_eq!(server.run(&["get", "k"]).answer(), "2\n");
}

#[test]
fn a_fault_is_refused_where_it_is_not_allowed() {
    let server = Server::start();
    let ran = server.run(&["--debug-fault", "1", "set", "k", "2"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(server.run(&["get", "k"]).code, 4);
    assert_eq!(server.run(&["--debug-fault", "2", "set", "k", "2"]).code, 2);
}
