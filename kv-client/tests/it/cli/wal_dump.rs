//! `kv wal-dump` on logs of a real server.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Ran, Server, dead_addr, run};

/// A stopped server with three writes.
fn stopped() -> Server {
    let mut server = Server::start();
    for args in [
        ["set", "first", "1"],
        ["set", "second", "2"],
        ["incr", "third", "3"],
    ] {
        server.run(&args).answer();
    }
    server.stop();
    server
}

fn dump(server: &Server, args: &[&str]) -> Ran {
    let dir = server.data_dir().to_str().unwrap();
    run(&dead_addr(), &[&["wal-dump", dir], args].concat())
}

fn json_lines(text: &str) -> Vec<Json> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn records_are_shown_with_their_commands_and_keys() {
    let server = stopped();
    let text = dump(&server, &[]).answer();
    assert!(text.starts_with("segment wal/"), "{text}");
    let shown = |text: &str, words: &str| text.lines().any(|line| line.contains(words));
    assert!(shown(&text, "  Set  first  ("), "{text}");
    assert!(shown(&text, "  IncrBy  third  ("), "{text}");
    let lines = json_lines(&dump(&server, &["--json"]).answer());
    let second = lines
        .iter()
        .find(|line| line["keys"][0] == "second")
        .unwrap();
    assert_eq!(
        (&second["lsn"], &second["command"]),
        (&Json::from(2), &Json::from("Set"))
    );
    assert!(second["at_ms"].as_u64().unwrap() > 1_600_000_000_000);
}

#[test]
fn as_many_records_as_were_asked_for_are_shown() {
    let server = stopped();
    let lines = json_lines(&dump(&server, &["--json", "--limit", "2"]).answer());
    assert_eq!(
        lines.iter().filter(|line| !line["lsn"].is_null()).count(),
        2
    );
}

/// The segment that holds the records, and where the first of them starts.
fn place_of_first(server: &Server) -> (PathBuf, u64) {
    let lines = json_lines(&dump(server, &["--json"]).answer());
    let first = lines.iter().position(|line| line["lsn"] == 1).unwrap();
    let segment = lines[..first]
        .iter()
        .rev()
        .find_map(|line| line["segment"].as_str())
        .unwrap();
    (
        server.data_dir().join(segment),
        lines[first]["offset"].as_u64().unwrap(),
    )
}

#[test]
fn damage_before_the_end_is_named_by_file_and_offset() {
    let server = stopped();
    let (path, offset) = place_of_first(&server);
    let mut bytes = std::fs::read(&path).unwrap();
    let broken = usize::try_from(offset).unwrap() + 50;
    bytes[broken] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let ran = dump(&server, &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout
            .contains(&format!("  damage at byte {offset}: payload crc")),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("Set  second"),
        "what is whole is shown: {ran:?}"
    );
    let name = path.file_name().unwrap().to_str().unwrap();
    let cause = format!("  cause: wal/{name} at byte {offset}: payload crc");
    assert!(
        ran.stderr.starts_with("error: the log is damaged\n"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains(&cause), "{ran:?}");
}

#[test]
fn a_directory_without_a_log_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(&dead_addr(), &["wal-dump", dir.path().to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("cause: there is no segment file"),
        "{ran:?}"
    );
    assert_eq!(run(&dead_addr(), &["wal-dump", "/no/such/dir"]).code, 1);
}
