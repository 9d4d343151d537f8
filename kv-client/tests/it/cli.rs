//! The `kv` binary against a real server.

mod data;
mod export;
mod import;
mod node;
mod search;
mod server;
mod session;
mod transcripts;
mod wal_dump;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use server::Server;

/// `kv`, without what the user's environment would say.
fn kv(addr: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kv"));
    for name in ["KV_PASSWORD_FILE", "KV_TIMEOUT", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("KV_CONNECT", addr).stdin(Stdio::null());
    command
}

/// What became of a run.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("it exits by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Stdout of a run that succeeded and said nothing else.
    #[track_caller]
    fn answer(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    #[track_caller]
    fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.answer()).unwrap()
    }
}

impl Server {
    fn run(&self, args: &[&str]) -> Ran {
        run(&self.addr, args)
    }

    fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = kv(&self.addr);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    fn client(&self) -> kv_client::Client {
        kv_client::Client::lazy(self.addr.as_str()).unwrap()
    }
}

fn run(addr: &str, args: &[&str]) -> Ran {
    Ran::of(kv(addr).args(args).output().unwrap())
}

/// An address at which nobody listens.
fn dead_addr() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
