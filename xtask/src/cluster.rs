//! `cargo xtask cluster`: a server to play with, in the foreground.
//!
//! 1. Everything it leaves behind lies in `target/cluster/`, unless `--data` says otherwise.
//! 2. A port that is taken is not an error: the next free one is used, and that is said.
//! 3. The last line of the start is `READY {json}`. Then it shows how the node does: a block that
//!    is redrawn on a terminal, a line a change without one.
//! 4. Ctrl-C and SIGTERM stop the node and wait for it; a second one kills it.

mod live;
mod port;

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::node::{Node, Options, describe, tail};
use crate::workspace::{Profile, Workspace};
use live::Live;

/// How often the node is asked how it does.
const POLL: Duration = Duration::from_secs(1);

/// Arguments of `cargo xtask cluster`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to start.
    #[arg(long, value_enum, default_value_t = Mode::Single)]
    mode: Mode,
    /// Forget what an earlier run stored.
    #[arg(long)]
    fresh: bool,
    /// Port for clients; the next free one if it is taken.
    #[arg(long, default_value_t = 5000)]
    port: u16,
    /// Port for HTTP; the next free one if it is taken.
    #[arg(long, default_value_t = 5200)]
    admin_port: u16,
    /// Where the data lies [default: target/cluster/single/data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Build without optimisation: starts sooner, serves slower.
    #[arg(long)]
    dev: bool,
    /// Passed on to the server.
    #[arg(last = true, value_name = "SERVER FLAGS")]
    server_args: Vec<String>,
}

/// What a cluster can be.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// One standalone node.
    Single,
    /// Three nodes, one primary.
    Raft,
    /// Three nodes, all of which write.
    P2p,
}

/// Starts the node and stays until it ends or is told to stop.
///
/// # Errors
///
/// When it does not start, or ends by itself.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.mode != Mode::Single {
        bail!("this mode is not available yet: today there is one standalone node, --mode single");
    }
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(!args.dev);
    let binaries = workspace.build(&["kv-node", "kv-client"], profile)?;
    let home = workspace.target.join("cluster/single");
    let options = Options {
        data_dir: data_dir(args, home.join("data"))?,
        listen: format!("127.0.0.1:{}", port::free_from("client", args.port)?),
        admin: format!("127.0.0.1:{}", port::free_from("admin", args.admin_port)?),
        args: args.server_args.iter().map(Into::into).collect(),
        log: Some(home.join("node.log")),
        ..Options::on_free_ports(binaries.join("kv-node"), PathBuf::new())
    };
    fs::create_dir_all(&home)?;
    let signals = signals()?;
    let node = options.start()?;
    announce(&node, &options, &binaries.join("kv"));
    watch(node, &options, &signals)
}

/// The data directory, emptied if asked for.
fn data_dir(args: &Args, default: PathBuf) -> Result<PathBuf> {
    let dir = args.data.clone().unwrap_or(default);
    if args.fresh && dir.exists() {
        if args.data.is_some() && !looks_like_data(&dir) {
            bail!(
                "--fresh: {} does not look like a data dir; remove it yourself",
                dir.display()
            );
        }
        fs::remove_dir_all(&dir).with_context(|| format!("cannot wipe {}", dir.display()))?;
    }
    Ok(dir)
}

/// Whether everything in `dir` is what a node puts there.
fn looks_like_data(dir: &std::path::Path) -> bool {
    let known = |name: &std::ffi::OsStr| {
        ["LOCK", "MANIFEST", "wal", "snapshot"]
            .iter()
            .any(|known| name == *known)
    };
    fs::read_dir(dir)
        .is_ok_and(|mut entries| entries.all(|e| e.is_ok_and(|e| known(&e.file_name()))))
}

fn announce(node: &Node, options: &Options, kv: &std::path::Path) {
    let (client, admin) = (node.client_addr(), node.admin_addr());
    let (host, port) = client.rsplit_once(':').unwrap_or((client, ""));
    println!("kv-node {} serves on {client}", node.pid());
    println!("  data       {}", options.data_dir.display());
    println!(
        "  log        {}",
        options
            .log
            .as_deref()
            .unwrap_or("stderr".as_ref())
            .display()
    );
    println!("connect with");
    println!("  kv         {} -c {client} repl", kv.display());
    println!("  redis-cli  redis-cli -h {host} -p {port}");
    println!("  curl       curl http://{admin}/status");
    println!("stop with Ctrl-C");
    let ready = json!({
        "mode": "single",
        "client": client,
        "admin": admin,
        "pid": node.pid(),
        "data_dir": options.data_dir,
    });
    println!("READY {ready}");
}

/// SIGINT and SIGTERM, one message each.
fn signals() -> Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            // The receiver lives as long as the process.
            let _ = sender.send(signal);
        }
    });
    Ok(receiver)
}

fn watch(mut node: Node, options: &Options, signals: &Receiver<i32>) -> Result<()> {
    let mut live = Live::new(node.admin_addr());
    loop {
        match signals.recv_timeout(POLL) {
            Err(RecvTimeoutError::Timeout) => live.refresh(),
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return stop(node, signals),
        }
        if let Some(status) = node.ended()? {
            let log = options.log.as_deref().map(tail).unwrap_or_default();
            bail!(
                "the node ended by itself: {}; its log ends with\n{log}",
                describe(status)
            );
        }
    }
}

fn stop(mut node: Node, signals: &Receiver<i32>) -> Result<()> {
    println!("\nstopping kv-node {} …", node.pid());
    node.terminate()?;
    while node.ended()?.is_none() {
        if signals.recv_timeout(Duration::from_millis(20)).is_ok() {
            println!("killing it");
            return node.kill();
        }
    }
    match node.ended()? {
        Some(status) if !status.success() => {
            bail!("the node did not stop cleanly: {}", describe(status))
        }
        _ => Ok(()),
    }
}
