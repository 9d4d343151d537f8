use std::process::{Command, Output};

use crate::server::{self, Manner};

fn kv_bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kv-bench"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn load_prints_a_table_and_succeeds() {
    let (addr, _) = server::start(Manner::Honest);
    let addr = addr.to_string();
    let arguments = [
        "load",
        "--addr",
        &addr,
        "--keys",
        "100",
        "--requests",
        "1000",
        "--preload",
        "--verify",
    ];
    let output = kv_bench(&arguments);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("ops/s") && text.contains("all as expected"),
        "{text}"
    );
}

#[test]
fn load_prints_json_alone_when_asked() {
    let (addr, _) = server::start(Manner::Honest);
    let addr = addr.to_string();
    let output = kv_bench(&["load", "-a", &addr, "-k", "100", "-n", "500", "--json", "-"]);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["requests"], 500);
    assert_eq!(report["load"]["protocol"], "resp");
    assert!(report["latency"]["p99_us"].as_f64().unwrap() > 0.0);
}

#[test]
fn load_fails_when_answers_are_wrong() {
    let (addr, _) = server::start(Manner::Busy);
    let output = kv_bench(&["load", "-a", &addr.to_string(), "-k", "100", "-n", "500"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("BUSY"));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // A port that was free a moment ago.
    let addr = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let output = kv_bench(&["load", "-a", &addr, "-n", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&format!("cannot connect to {addr}")),
        "{text}"
    );
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let output = kv_bench(&["load", "--distribution", "normal"]);
    assert_eq!(output.status.code(), Some(2));
}
