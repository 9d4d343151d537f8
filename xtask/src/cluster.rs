//! `cargo xtask cluster`: servers to play with, in the foreground.
//!
//! 1. Everything it leaves behind lies in `target/cluster/`, unless `--data` says otherwise.
//! 2. A port that is taken is not an error: the next free one is used, and that is said.
//! 3. The last line of the start is `READY {json}`. Then it shows how the nodes do: a block that
//!    is redrawn on a terminal, a line a change without one.
//! 4. Ctrl-C and SIGTERM stop the nodes and wait for them; a second one kills them.

mod keys;
mod live;
mod raft;
mod screen;
mod single;
mod table;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

/// How often the nodes are asked how they do.
const POLL: Duration = Duration::from_secs(1);

/// Arguments of `cargo xtask cluster`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to start.
    #[arg(long, value_enum, default_value_t = Mode::Raft)]
    mode: Mode,
    /// How many nodes a cluster has.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// Forget what an earlier run stored.
    #[arg(long)]
    fresh: bool,
    /// Port for clients of the first node; the next free one if it is taken [default: 6000, or 5000
    /// of a single node]
    #[arg(long)]
    port: Option<u16>,
    /// Port for the first node's peers; the next free one if it is taken.
    #[arg(long, default_value_t = 6100)]
    peer_port: u16,
    /// Port for HTTP of the first node; the next free one if it is taken [default: 6200, or 5200 of
    /// a single node]
    #[arg(long)]
    admin_port: Option<u16>,
    /// Where the data lies [default: target/cluster/raft, or target/cluster/single/data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// No background writer.
    #[arg(long)]
    no_writer: bool,
    /// Build without optimisation: starts sooner, serves slower.
    #[arg(long)]
    dev: bool,
    /// Passed on to the servers.
    #[arg(last = true, value_name = "SERVER FLAGS")]
    server_args: Vec<String>,
}

/// What a cluster can be.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// One standalone node.
    Single,
    /// Several nodes, one primary.
    Raft,
    /// Several nodes, all of which write.
    P2p,
}

/// Starts the nodes and stays until told to stop.
///
/// # Errors
///
/// When one does not start, or a single one ends by itself.
pub(crate) fn run(args: &Args) -> Result<()> {
    match args.mode {
        Mode::Single => single::run(args),
        Mode::Raft => raft::run(args),
        Mode::P2p => bail!("this mode is not available yet; there are --mode raft and single"),
    }
}
