//! Servers: reachable or not, guarded, several.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::json;

use super::{Server, dead_addr, kv, run};

#[test]
fn without_a_server_the_error_says_what_to_do() {
    let addr = dead_addr();
    let ran = run(&addr, &["get", "a"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines[0], format!("error: cannot connect to {addr}"));
    assert!(
        lines[1].starts_with("  cause: Connection refused"),
        "{ran:?}"
    );
    assert!(
        lines[2].starts_with("  hint:  is the server running?"),
        "{ran:?}"
    );
    let ran = run(&addr, &["--json", "get", "a"]);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((ran.code, &error["kind"]), (3, &json!("connection")));
}

#[test]
fn another_server_is_asked_if_the_first_is_down() {
    let server = Server::start();
    let addrs = format!("{},{}", dead_addr(), server.addr);
    assert_eq!(run(&addrs, &["set", "a", "1"]).answer(), "OK\n");
}

#[test]
fn a_guarded_server_wants_the_password() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "open sesame\n").unwrap();
    let path = password.path().to_str().unwrap();
    let server = Server::with_args(&["--password-file", path]);
    let ran = server.run(&["get", "a"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("--password-file"), "{ran:?}");
    assert_eq!(
        server
            .run(&["--password-file", path, "set", "a", "1"])
            .answer(),
        "OK\n"
    );
    let output = kv(&server.addr)
        .env("KV_PASSWORD_FILE", path)
        .args(["get", "a"])
        .output();
    assert_eq!(output.unwrap().stdout, b"1\n");
}

#[test]
fn a_password_that_others_can_read_is_not_used() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(password.path(), PermissionsExt::from_mode(0o644)).unwrap();
    let path = password.path().to_str().unwrap();
    let ran = run(&dead_addr(), &["--password-file", path, "ping"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("can be read by others\n  cause: its mode is 644\n"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains(&format!("hint:  chmod 600 {path}")),
        "{ran:?}"
    );
}

#[test]
fn the_status_of_one_server_is_all_of_it() {
    let server = Server::start();
    server.run(&["set", "a", "1"]).answer();
    let json = server.run(&["--json", "status"]).json();
    assert_eq!(
        (&json["addr"], &json["key_count"]),
        (&json!(server.addr), &json!(1))
    );
    assert_eq!(
        (&json["mode"], &json["health"]),
        (&json!("standalone"), &json!("ok"))
    );
    let text = server.run(&["status"]).answer();
    let line = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(line("key_count ").ends_with(" 1"), "{text}");
    assert!(line("wal.sync ").ends_with(" always"), "{text}");
    assert_eq!(server.run(&["--json", "meta"]).json()["mode"], "standalone");
}

#[test]
fn the_status_of_several_servers_is_a_line_each() {
    let (server, dead) = (Server::start(), dead_addr());
    let addrs = format!("{},{dead}", server.addr);
    let text = run(&addrs, &["status"]).answer();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("ADDR "), "{text}");
    assert!(
        lines[1].starts_with(&server.addr) && lines[1].ends_with("ok"),
        "{text}"
    );
    assert!(
        lines[2].starts_with(&dead) && lines[2].contains("cannot connect"),
        "{text}"
    );
    assert_eq!(run(&dead, &["status"]).code, 3);
}

#[test]
fn ping_names_the_server_and_a_time() {
    let server = Server::start();
    let json = server.run(&["--json", "ping"]).json();
    assert_eq!(json["addr"], json!(server.addr));
    assert!(json["round_trip_us"].is_u64(), "{json}");
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&dead_addr(), &["completions", shell]).answer();
        for word in ["wal-dump", "if-absent", "import"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_lone_server_has_no_members_to_change() {
    let server = Server::start();
    let ran = server.run(&["cluster", "add", "3=127.0.0.1:1@127.0.0.1:2"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("this node stands alone"), "{ran:?}");
    let ran = server.run(&["cluster", "add", "3"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let text = server.run(&["cluster", "status"]).answer();
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_stale_read_says_how_old_it_is() {
    let server = Server::start();
    server.run(&["set", "a", "1"]).answer();
    let ran = server.run(&["--stale", "get", "a"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "1\n"));
    assert!(ran.stderr.starts_with("stale: as of write "), "{ran:?}");
    let ran = server.run(&["--stale", "--quiet", "get", "a"]);
    assert_eq!(ran.stderr, "");
}

#[test]
fn watching_without_a_terminal_prints_a_block_a_change() {
    let mut server = Server::start();
    let mut watching = kv(&server.addr)
        .args(["status", "--watch", "100ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().starts_with("ADDR "));
    assert!(next().ends_with(" ok"));
    server.kill();
    assert_eq!(next(), "");
    assert!(next().starts_with("ADDR "));
    assert!(next().contains("cannot connect"));
    watching.kill().unwrap();
    watching.wait().unwrap();
}
