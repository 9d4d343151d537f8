//! A real `kv-node`, built when first needed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A running server; it ends with the value.
pub(crate) struct Server {
    pub(crate) addr: String,
    child: Child,
    data: TempDir,
    args: Vec<String>,
}

impl Server {
    pub(crate) fn start() -> Server {
        Server::with_args(&[])
    }

    pub(crate) fn with_args(args: &[&str]) -> Server {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let data = TempDir::new().unwrap();
        let (child, addr) = spawn(data.path(), &args);
        Server {
            addr,
            child,
            data,
            args,
        }
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Ends it as a power cut would, as far as it can tell.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, after it ended, on the same data, maybe at another address.
    pub(crate) fn start_again(&mut self) {
        let (child, addr) = spawn(self.data.path(), &self.args);
        self.child = child;
        self.addr = addr;
    }

    /// Ends it and starts it again on the same data, maybe at another address.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_again();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(data: &Path, args: &[String]) -> (Child, String) {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KV_")) {
        command.env_remove(name);
    }
    let mut child = command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--data-dir",
        ])
        .arg(data)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let json = ready
        .strip_prefix("READY ")
        .expect("the server says when it is ready");
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let addr = json["listen"].as_str().unwrap().to_owned();
    (child, addr)
}

/// The server beside the `kv` under test.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let kv = Path::new(env!("CARGO_BIN_EXE_kv"));
        let profile_dir = kv.parent().unwrap();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        build.args([
            "build",
            "--quiet",
            "--package",
            "kv-node",
            "--bin",
            "kv-node",
            "--target-dir",
        ]);
        build.arg(profile_dir.parent().unwrap());
        if profile_dir.ends_with("release") {
            build.arg("--release");
        }
        let status = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "kv-node does not build");
        profile_dir.join("kv-node")
    })
}
