//! Import of files by others, and of damaged ones.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;

use super::{Ran, Server, dead_addr, kv, run};

struct File {
    dir: TempDir,
}

impl File {
    fn new(text: &str) -> File {
        let file = File {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("data.json")
    }

    fn arg(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }
}

#[test]
fn the_data_file_of_the_python_store_is_imported() {
    let server = Server::start();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/node_0_data.json");
    assert_eq!(
        server.run(&["import", fixture]).answer(),
        "6 keys imported\n"
    );
    let get = |key| server.run(&["get", key]).answer();
    assert_eq!(
        get("user:1"),
        "{\"active\": true, \"name\": \"Ada\", \"tags\": [\"a\", \"b\"]}\n"
    );
    assert_eq!(get("count"), "42\n");
    assert_eq!(get("ratio"), "0.25\n");
    assert_eq!(get("grüße"), "\"höflich\"\n");
    assert_eq!(get("nothing"), "null\n");
    assert_eq!(get("key"), "\"a key named key\"\n");
}

#[test]
fn lines_come_from_stdin_too() {
    let server = Server::start();
    let lines = "{\"key\":\"a\",\"value\":1}\n{\"key\":\"b\",\"value\":2,\"ttl_ms\":100000}\n";
    let json = server
        .run_with_input(&["--json", "import", "-"], lines.as_bytes())
        .json();
    assert_eq!(json, serde_json::json!({ "imported": 2, "failed": 0 }));
    assert_eq!(server.run(&["get", "b"]).answer(), "2\n");
    let ttl = server.run(&["--json", "ttl", "b"]).json();
    assert!(
        (1..=100_000).contains(&ttl["ttl_ms"].as_u64().unwrap()),
        "{ttl}"
    );
}

#[test]
fn of_two_records_with_one_key_the_later_wins() {
    let server = Server::start();
    let lines: String = (0..2000)
        .map(|index| format!("{{\"key\":\"k\",\"value\":{index}}}\n"))
        .collect();
    server
        .run_with_input(&["import", "-"], lines.as_bytes())
        .answer();
    assert_eq!(server.run(&["get", "k"]).answer(), "1999\n");
}

#[test]
fn import_stops_at_a_bad_line_and_goes_on_from_there() {
    let server = Server::start();
    let file =
        File::new("{\"key\":\"a\",\"value\":1}\n{\"key\":\"b\"}\n{\"key\":\"c\",\"value\":3}\n");
    let ran = server.run(&["import", &file.arg()]);
    assert_eq!(ran.code, 1);
    let path = file.arg();
    assert_eq!(
        ran.stderr,
        format!(
            "error: import of {path} stopped at line 2, 1 stored\n  \
             cause: missing field `value`\n  \
             hint:  kv import --from-line 2 {path} goes on from there\n"
        )
    );
    assert_eq!(server.run(&["get", "a"]).answer(), "1\n");
    assert_eq!(server.run(&["get", "c"]).code, 4);
    server.run(&["import", "--from-line", "3", &path]).answer();
    assert_eq!(server.run(&["get", "c"]).answer(), "3\n");
}

#[test]
fn with_keep_going_every_bad_line_is_named_and_the_rest_stored() {
    let server = Server::start();
    let long_key = "k".repeat(5000); // more than a server takes
    let file = File::new(&format!(
        "{{\"key\":\"a\",\"value\":1}}\nnonsense\n{{\"key\":\"{long_key}\",\"value\":1}}\n\
         {{\"key\":\"c\",\"value\":3}}\n"
    ));
    let ran = server.run(&["import", "--keep-going", &file.arg()]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout, "2 keys imported\n");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines[0].starts_with("line 2: expected"), "{ran:?}");
    assert!(
        lines[1].starts_with("line 3: ERR key has 5000 bytes"),
        "{ran:?}"
    );
    assert_eq!(lines[2], "error: 2 records were not imported");
    assert_eq!(server.run(&["get", "c"]).answer(), "3\n");
}

#[test]
fn a_record_the_server_refuses_is_named_by_its_line() {
    let server = Server::start();
    let long_key = "k".repeat(5000);
    let lines =
        format!("{{\"key\":\"a\",\"value\":1}}\n\n{{\"key\":\"{long_key}\",\"value\":1}}\n");
    let ran = server.run_with_input(&["import", "-"], lines.as_bytes());
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .starts_with("error: import of - stopped at line 3, 1 stored\n"),
        "{ran:?}"
    );
}

#[test]
fn a_broken_object_is_an_error_after_what_was_read() {
    let server = Server::start();
    let file = File::new("{\"a\": 1,\n \"b\": 2,\n \"c\": }");
    let ran = server.run(&["import", &file.arg()]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("at line 3 column 7"), "{ran:?}");
    assert_eq!(server.run(&["get", "b"]).answer(), "2\n");
}

#[test]
fn import_without_a_server_or_a_file_says_so() {
    let file = File::new("{\"key\":\"a\",\"value\":1}\n");
    let ran = run(&dead_addr(), &["import", &file.arg()]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.stderr.contains("stopped at line 1, 0 stored"),
        "{ran:?}"
    );
    let ran = run(&dead_addr(), &["import", "/no/such/file"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .starts_with("error: cannot open /no/such/file\n  cause: No such file")
    );
}

fn numbered_lines(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let line = |number| format!("{{\"key\":\"line{number}\",\"value\":{number}}}\n");
    numbers.map(line).collect::<String>().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_dies_every_line_before_the_named_one_is_stored() {
    let mut server = Server::start();
    let mut child = kv(&server.addr)
        .args(["import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&numbered_lines(1..10_000)).unwrap();
    let client = server.client();
    while client.count().await.unwrap() < 600 {
        tokio::task::yield_now().await;
    }
    server.kill();
    // The import may have ended already.
    let _ = input.write_all(&numbered_lines(10_000..20_000));
    drop(input);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 3, "{ran:?}");
    let (_, rest) = ran.stderr.split_once("stopped at line ").unwrap();
    let (line, rest) = rest.split_once(", ").unwrap();
    let line: u64 = line.parse().unwrap();
    assert!(line > 512, "a batch was stored before: {ran:?}");
    assert!(
        rest.starts_with(&format!("{} stored\n", line - 1)),
        "{ran:?}"
    );
    server.start_again();
    let keys = (1..line).map(|number| format!("line{number}"));
    let mut pipeline = server.client().pipeline();
    for key in keys {
        pipeline = pipeline.get(key);
    }
    for (answer, number) in pipeline.run().await.unwrap().into_iter().zip(1..) {
        assert_eq!(
            answer.unwrap().value().unwrap(),
            Some(number),
            "line {number}"
        );
    }
}
