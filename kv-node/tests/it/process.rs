//! The program `kv-node` as a person starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const FREE_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv-node"));
    command.args(args).env_clear();
    command
}

/// A node on free ports over a directory.
fn node(data_dir: &Path, args: &[&str]) -> Command {
    let mut command = command(&FREE_PORTS);
    command.arg("--data-dir").arg(data_dir).args(args);
    command
}

/// Runs to the end, which must come by itself.
fn failure(mut command: Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// A node that serves; killed when dropped.
struct Node {
    child: Child,
    ready: serde_json::Value,
}

impl Node {
    fn start(mut command: Command) -> Node {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let json = line.strip_prefix("READY ").expect(&line);
        let ready = serde_json::from_str(json).unwrap();
        Node { child, ready }
    }

    fn address(&self, name: &str) -> SocketAddr {
        self.ready[name].as_str().unwrap().parse().unwrap()
    }

    fn wait_for_indexes(&self) {
        while self.ask("KV.SEARCH any\r\nQUIT\r\n").contains("LOADING") {
            std::thread::yield_now();
        }
    }

    /// What the node answers to a request, until it closes.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address("listen")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    fn stop(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_node_says_where_it_serves_and_keeps_its_data_over_a_restart() {
    let dir = TempDir::new().unwrap();
    let node = Node::start(node(dir.path(), &[]));
    assert_eq!(node.ready["mode"], "standalone");
    assert_eq!(node.ready["pid"], node.child.id());
    assert_ne!(node.address("listen").port(), 0);
    assert_ne!(node.address("admin").port(), 0);
    let answer = node.ask("SET k v\r\nGET k\r\nKV.SET j '{\"a\":[1]}'\r\nQUIT\r\n");
    assert_eq!(answer, "+OK\r\n$1\r\nv\r\n+OK\r\n+OK\r\n");
    assert_eq!(node.stop(Signal::TERM), Some(0));

    let node = Node::start(self::node(dir.path(), &["--io-threads", "2"]));
    let answer = node.ask("GET k\r\nGET j\r\nDBSIZE\r\nQUIT\r\n");
    assert_eq!(answer, "$1\r\nv\r\n$9\r\n{\"a\":[1]}\r\n:2\r\n+OK\r\n");
    assert_eq!(node.stop(Signal::INT), Some(0));
}

#[test]
fn a_second_node_on_the_same_data_is_told_who_holds_it() {
    let dir = TempDir::new().unwrap();
    let first = Node::start(node(dir.path(), &[]));
    let (code, stderr) = failure(node(dir.path(), &["--log", "off"]));
    assert_eq!(code, 5);
    let pid = first.child.id();
    assert_eq!(
        stderr,
        format!(
            "error: cannot open data dir {}\n  cause: locked by kv-node pid {pid}\n  \
             hint:  stop that process, or use --data-dir\n",
            dir.path().display()
        )
    );
}

#[test]
fn what_texts_are_made_of_is_chosen_at_the_start() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("words.vec");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "2 3\nauto 0.9 0.1 0\nwagen 0.8 0.2 0\n").unwrap();
    let args = ["--embedder", path, "--language", "german"];
    let words = Node::start(node(dir.path(), &args));
    words.ask("SET k 'die automatischen wagen'\r\nQUIT\r\n");
    words.wait_for_indexes();
    let answer = words.ask("KV.SEARCH automat\r\nKV.SIMILAR auto\r\nKV.META\r\nQUIT\r\n");
    assert_eq!(answer.matches("$1\r\nk\r\n").count(), 2, "{answer}");
    for expected in ["word vectors (2 words of 3 dimensions)", "german"] {
        assert!(answer.contains(expected), "{answer}");
    }
    assert_eq!(words.stop(Signal::INT), Some(0));
    let hashing = Node::start(node(dir.path(), &["--language", "none"]));
    hashing.wait_for_indexes();
    let answer = hashing.ask("KV.SEARCH automat\r\nKV.META\r\nQUIT\r\n");
    assert!(answer.starts_with("*0\r\n"), "{answer}");
    assert!(
        answer.contains("hashing") && answer.contains("none"),
        "{answer}"
    );
    assert_eq!(hashing.stop(Signal::INT), Some(0));

    std::fs::write(&file, "2 3\nauto 0.9 0.1\n").unwrap();
    let (code, stderr) = failure(node(dir.path(), &["--embedder", path]));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("words.vec") && stderr.contains("word 1 (from 1)"),
        "{stderr}"
    );
    let (code, stderr) = failure(node(dir.path(), &["--language", "klingon"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("german"), "{stderr}");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let dir = TempDir::new().unwrap();
    for flag in ["--listen", "--admin"] {
        let mut command = command(&[flag, &address.to_string(), "--data-dir"]);
        let other = if flag == "--listen" {
            "--admin"
        } else {
            "--listen"
        };
        command.arg(dir.path()).args([other, "127.0.0.1:0"]);
        let (code, stderr) = failure(command);
        assert_eq!(code, 3, "{stderr}");
        assert!(
            stderr.contains(&format!("error: cannot listen on {address}\n")),
            "{stderr}"
        );
        assert!(
            stderr.contains(&format!("use another address with {flag}\n")),
            "{stderr}"
        );
    }
}

#[test]
fn a_password_file_that_others_can_read_is_refused_with_a_hint() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "secret\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let flags = ["--password-file", file.to_str().unwrap()];
    let (code, stderr) = failure(node(&dir.path().join("data"), &flags));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("has mode 0644: others than its owner can read it"),
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!(
            "hint:  make it readable by its owner only: chmod 600 {}",
            file.display()
        )),
        "{stderr}"
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let locked = Node::start(node(&dir.path().join("data"), &flags));
    let answer = locked.ask("GET a\r\nAUTH secret\r\nGET a\r\nQUIT\r\n");
    assert_eq!(
        answer,
        "-NOAUTH Authentication required.\r\n+OK\r\n$-1\r\n+OK\r\n"
    );
}

#[test]
fn wrong_usage_is_told_with_exit_code_2() {
    let dir = TempDir::new().unwrap();
    let path = dir.path();
    for (command, expected) in [
        (command(&[]), "error: no data dir is given\n"),
        (
            node(path, &["--nonsense"]),
            "unexpected argument '--nonsense'",
        ),
        (
            node(path, &["--io-threads", "0"]),
            "must be between 1 and 64",
        ),
        (
            node(path, &["--idle-timeout", "5 years"]),
            "unknown unit `years`",
        ),
        (
            node(path, &["--sync", "sometimes"]),
            "possible values: always, interval, never",
        ),
        (
            node(path, &["--log", "kv_node=loud"]),
            "error: cannot log `kv_node=loud`\n",
        ),
        (
            node(path, &["--config", "/nonexistent"]),
            "cannot read the settings in /nonexistent\n",
        ),
        (
            node(path, &["--frame-bytes-max", "1MiB"]),
            "hint:  lower --value-bytes-max, or raise --frame-bytes-max\n",
        ),
        (
            command(&[
                "--data-dir",
                "x",
                "--listen",
                "0.0.0.0:0",
                "--admin",
                "127.0.0.1:0",
            ]),
            "error: will not listen on 0.0.0.0:0\n  cause: it can be reached from other machines",
        ),
    ] {
        let (code, stderr) = failure(command);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(expected), "{expected} in {stderr}");
    }
}

#[test]
fn settings_come_from_flag_then_environment_then_file_then_default() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("kv.toml");
    let text = "idle-timeout = '1m'\nconnections-max = 7\nsync = 'never'\ndebug-faults = true\n";
    std::fs::write(&file, text).unwrap();
    let mut command = command(&["--print-config", "--sync", "interval", "--config"]);
    let output = command
        .arg(&file)
        .env("KV_SYNC", "always")
        .env("KV_CONNECTIONS_MAX", "8")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    for line in [
        "sync = \"interval\"  # flag",
        "connections-max = \"8\"  # environment",
        "idle-timeout = \"1m\"  # file",
        "debug-faults = \"true\"  # file",
        "partial-frame-timeout = \"10s\"  # default",
        "# data-dir is not set",
    ] {
        assert!(
            printed.lines().any(|found| found == line),
            "{line} in\n{printed}"
        );
    }
}

#[test]
fn an_unknown_key_in_the_file_is_told_with_the_name_it_might_be() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("kv.toml");
    std::fs::write(&file, "max_memory = '1GiB'\n").unwrap();
    let (code, stderr) = failure(node(dir.path(), &["--config", file.to_str().unwrap()]));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("cause: there is no setting `max_memory`"),
        "{stderr}"
    );
    assert!(stderr.contains("hint:  is it `max-memory`?"), "{stderr}");
}

#[test]
fn a_node_out_of_descriptors_serves_those_it_has_and_others_when_they_leave() {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 48 && exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_kv-node"),
        ])
        .args(FREE_PORTS)
        .arg("--data-dir")
        .arg(dir.path());
    let node = Node::start(command);
    let ask = |stream: &mut TcpStream| {
        stream.write_all(b"PING\r\n").unwrap();
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+PONG\r\n");
    };
    // More than it has descriptors for: some wait in the system's queue.
    let connect = || TcpStream::connect(node.address("listen")).unwrap();
    let mut streams: Vec<TcpStream> = (0..64).map(|_| connect()).collect();
    ask(&mut streams[0]);
    let mut last = streams.pop().unwrap();
    drop(streams);
    ask(&mut last);
    assert_eq!(node.stop(Signal::TERM), Some(0));
}

#[test]
fn help_and_version_are_no_failures() {
    for flag in ["--help", "--version"] {
        let output = command(&[flag]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(
            String::from_utf8(output.stdout)
                .unwrap()
                .contains("kv-node")
                || flag == "--help"
        );
    }
}
