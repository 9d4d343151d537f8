//! A server process: started, watched, stopped or killed.
//!
//! A node that is dropped is killed and waited for, so that no task leaves one behind.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal};
use serde_json::Value;

/// What the server says when it serves: this word, then JSON with its addresses.
const READY: &str = "READY ";

/// How long a node may take from start to READY; it may have a long log to read.
const START_MAX: Duration = Duration::from_secs(120);

/// How a node is started.
pub(crate) struct Options {
    /// The server's program.
    pub program: PathBuf,
    pub data_dir: PathBuf,
    /// `address:port`; port 0 lets the system choose. Empty: other flags say it.
    pub listen: String,
    /// Likewise, for HTTP.
    pub admin: String,
    /// Further flags.
    pub args: Vec<OsString>,
    /// A program to run the node under, with its flags.
    pub wrapper: Vec<OsString>,
    /// Where its log goes; inherited if `None`.
    pub log: Option<PathBuf>,
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    ready: Value,
}

impl Options {
    /// A node on free loopback ports.
    pub(crate) fn on_free_ports(program: PathBuf, data_dir: PathBuf) -> Options {
        Options {
            program,
            data_dir,
            listen: "127.0.0.1:0".to_owned(),
            admin: "127.0.0.1:0".to_owned(),
            args: Vec::new(),
            wrapper: Vec::new(),
            log: None,
        }
    }

    /// Starts the node and waits until it serves.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends or stays silent instead of serving.
    pub(crate) fn start(&self) -> Result<Node> {
        let mut child = self
            .command()?
            .spawn()
            .with_context(|| self.cannot_start())?;
        let stdout = child.stdout.take().expect("it was piped");
        let lines = read_lines(stdout);
        let mut node = Node {
            child,
            ready: Value::Null,
        };
        node.ready = node.wait_ready(&lines).with_context(|| self.log_tail())?;
        Ok(node)
    }

    fn command(&self) -> Result<Command> {
        let mut words = self.wrapper.clone();
        words.push(self.program.clone().into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.arg("--data-dir").arg(&self.data_dir);
        if !self.listen.is_empty() {
            command.args(["--listen", &self.listen]);
        }
        command.args(["--admin", &self.admin]);
        command.args(&self.args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.stderr()?);
        // Its own group: a Ctrl-C reaches it through us, once, and in order.
        command.process_group(0);
        Ok(command)
    }

    fn stderr(&self) -> Result<Stdio> {
        let Some(path) = &self.log else {
            return Ok(Stdio::inherit());
        };
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        Ok(file
            .with_context(|| format!("cannot open {}", path.display()))?
            .into())
    }

    fn cannot_start(&self) -> String {
        format!("cannot start {}", self.program.display())
    }

    fn log_tail(&self) -> String {
        match &self.log {
            Some(path) => format!("the node did not start; its log ends with\n{}", tail(path)),
            None => "the node did not start".to_owned(),
        }
    }
}

impl Node {
    /// `address:port` for clients.
    pub(crate) fn client_addr(&self) -> &str {
        self.ready["listen"].as_str().unwrap_or_default()
    }

    /// `address:port` for HTTP.
    pub(crate) fn admin_addr(&self) -> &str {
        self.ready["admin"].as_str().unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to stop; does not wait.
    ///
    /// # Errors
    ///
    /// When it is already gone.
    pub(crate) fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    ///
    /// When it does not exit with 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.terminate()?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the node did not stop cleanly: {}", describe(status));
        }
        Ok(())
    }

    /// Ends it without warning, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the system does not let us.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Lets it do nothing until [`Node::resume`].
    ///
    /// # Errors
    ///
    /// When it is already gone.
    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on, if it is paused.
    ///
    /// # Errors
    ///
    /// When it is already gone.
    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| anyhow!("no such process id"))?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    fn wait_ready(&mut self, lines: &Receiver<String>) -> Result<Value> {
        loop {
            match lines.recv_timeout(START_MAX) {
                Ok(line) if line.starts_with(READY) => return parse_ready(&line[READY.len()..]),
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Timeout) => bail!("not ready after {START_MAX:?}"),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    bail!("it ended: {}", describe(self.child.wait()?))
                }
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A node that has ended already is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An exit status in words.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "unknown end".to_owned(),
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn parse_ready(json: &str) -> Result<Value> {
    serde_json::from_str(json).with_context(|| format!("READY is not followed by JSON: {json}"))
}

/// Sends each line on, for as long as the process writes and even if nobody listens, so that it
/// never waits for us.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody listens after READY.
            let _ = sender.send(line);
        }
    });
    receiver
}
