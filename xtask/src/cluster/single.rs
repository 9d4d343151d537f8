//! One standalone node in the foreground.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::keys::{Event, Keys};
use super::live::Live;
use super::{Args, POLL};
use crate::node::{Node, Options, describe, tail};
use crate::port;
use crate::workspace::{Profile, Workspace};

/// Starts the node and stays until it ends or is told to stop.
///
/// # Errors
///
/// When it does not start, or ends by itself.
pub(super) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(!args.dev);
    let binaries = workspace.build(&["kv-node", "kv-client"], profile)?;
    let keys = Keys::listen()?;
    let home = workspace.target.join("cluster/single");
    let options = Options {
        data_dir: data_dir(args, home.join("data"))?,
        listen: format!(
            "127.0.0.1:{}",
            port::free_from("client", args.port.unwrap_or(5000))?
        ),
        admin: format!(
            "127.0.0.1:{}",
            port::free_from("admin", args.admin_port.unwrap_or(5200))?
        ),
        args: args.server_args.iter().map(Into::into).collect(),
        log: Some(home.join("node.log")),
        ..Options::on_free_ports(binaries.join("kv-node"), PathBuf::new())
    };
    fs::create_dir_all(&home)?;
    let node = options.start()?;
    announce(&node, &options, &binaries.join("kv"));
    watch(node, &options, keys.events())
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
fn looks_like_data(dir: &Path) -> bool {
    let known = |name: &std::ffi::OsStr| {
        ["LOCK", "MANIFEST", "wal", "snapshot"]
            .iter()
            .any(|known| name == *known)
    };
    fs::read_dir(dir)
        .is_ok_and(|mut entries| entries.all(|e| e.is_ok_and(|e| known(&e.file_name()))))
}

fn announce(node: &Node, options: &Options, kv: &Path) {
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

fn watch(mut node: Node, options: &Options, events: &Receiver<Event>) -> Result<()> {
    let mut live = Live::new(node.admin_addr());
    loop {
        match events.recv_timeout(POLL) {
            Err(RecvTimeoutError::Timeout) => live.refresh(),
            Ok(Event::Key(_)) => {}
            Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return stop(node, events),
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

fn stop(mut node: Node, events: &Receiver<Event>) -> Result<()> {
    println!("\nstopping kv-node {} …", node.pid());
    node.terminate()?;
    while node.ended()?.is_none() {
        if let Ok(Event::Stop) = events.recv_timeout(Duration::from_millis(20)) {
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
