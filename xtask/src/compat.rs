//! `cargo xtask compat`: published Redis clients against the real binary, and the differential
//! run against a real `redis-server`.
//!
//! 1. Every suite has a node of its own, freshly started on free ports and an empty directory.
//! 2. Clients are installed into `target/compat`, at the versions that are written here.
//! 3. What a suite needs and this machine lacks fails that suite and says what to install.

mod differential;
mod node_js;
mod redis_benchmark;
mod redis_cli;
mod redis_py;
mod redis_server;

use anyhow::{Result, bail};

use crate::node::{Node, Options};
use crate::scratch;
use crate::step;
use crate::workspace::{Profile, Workspace};

/// Arguments of `cargo xtask compat`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One suite only.
    #[arg(long, value_parser = names())]
    only: Option<String>,
    /// Try the optimised build.
    #[arg(long)]
    release: bool,
    /// Try a server that already runs at this address instead, such as a redis-server.
    #[arg(long, value_name = "ADDR")]
    server: Option<String>,
    /// Seed of the differential run [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Commands of the differential run.
    #[arg(long, default_value_t = 200_000)]
    commands: usize,
}

/// What a suite gets.
struct Bench<'a> {
    workspace: &'a Workspace,
    args: &'a Args,
    /// `address:port` of the server to try.
    addr: String,
}

/// A client, or another way to try the server.
struct Suite {
    name: &'static str,
    /// Programs that must be on the path.
    needs: &'static [&'static str],
    run: fn(&Bench<'_>) -> Result<()>,
}

const SUITES: &[Suite] = &[
    Suite {
        name: "redis-cli",
        needs: &["redis-cli"],
        run: redis_cli::run,
    },
    Suite {
        name: "redis-benchmark",
        needs: &["redis-benchmark"],
        run: redis_benchmark::run,
    },
    Suite {
        name: "redis-py",
        needs: &["python3"],
        run: redis_py::run,
    },
    Suite {
        name: "ioredis",
        needs: &["node", "npm"],
        run: node_js::ioredis,
    },
    Suite {
        name: "node-redis",
        needs: &["node", "npm"],
        run: node_js::node_redis,
    },
    Suite {
        name: "differential",
        needs: &["redis-server"],
        run: differential::run,
    },
];

/// Runs the suites.
///
/// # Errors
///
/// When one of them failed; the others are run all the same.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let program = match &args.server {
        Some(_) => None,
        None => {
            let profile = Profile::release_if(args.release);
            Some(workspace.build(&["kv-node"], profile)?.join("kv-node"))
        }
    };
    let chosen = |suite: &&Suite| args.only.as_deref().is_none_or(|only| only == suite.name);
    let mut failed = Vec::new();
    for suite in SUITES.iter().filter(chosen) {
        eprintln!("compat: {}", suite.name);
        if let Err(error) = try_suite(suite, &workspace, args, program.as_deref()) {
            eprintln!("compat: {}: FAILED\n{error:#}", suite.name);
            failed.push(suite.name);
        }
    }
    if !failed.is_empty() {
        bail!("compat failed: {}", failed.join(", "));
    }
    println!("compat: all suites passed");
    Ok(())
}

fn try_suite(
    suite: &Suite,
    workspace: &Workspace,
    args: &Args,
    program: Option<&std::path::Path>,
) -> Result<()> {
    let missing: Vec<_> = suite
        .needs
        .iter()
        .filter(|need| !step::is_installed(need))
        .collect();
    if !missing.is_empty() {
        bail!("not installed: {missing:?}; install it, or choose other suites with --only");
    }
    let node = program
        .map(|program| start(suite, workspace, program))
        .transpose()?;
    let addr = match (&node, &args.server) {
        (Some(node), _) => node.client_addr().to_owned(),
        (None, addr) => addr.clone().unwrap_or_default(),
    };
    (suite.run)(&Bench {
        workspace,
        args,
        addr,
    })?;
    node.map_or(Ok(()), Node::stop)
}

fn start(suite: &Suite, workspace: &Workspace, program: &std::path::Path) -> Result<Node> {
    let dir = scratch::empty_dir(workspace, &format!("compat/data/{}", suite.name))?;
    let mut options = Options::on_free_ports(program.to_path_buf(), dir.join("data"));
    options.log = Some(dir.join("node.log"));
    options.start()
}

impl Bench<'_> {
    /// Host and port of the server.
    fn host_port(&self) -> (&str, &str) {
        self.addr.rsplit_once(':').unwrap_or((&self.addr, "6379"))
    }
}

fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}
