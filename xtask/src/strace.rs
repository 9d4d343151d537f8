//! `cargo xtask strace`: what the real binary asks of the kernel.
//!
//! 1. Order: clients write values that nobody else writes, one at a time each. For every
//!    acknowledgement the trace must hold the write of that value to a log file, then a sync of
//!    that file that began after that write had ended, then, after the sync had ended, the reply.
//! 2. A failed sync: one `fdatasync` of the log is made to fail with EIO. From then on no write may
//!    be acknowledged, the node must say why, reads must go on, and what was acknowledged must
//!    survive a restart.

mod failed_sync;
mod order;
mod trace;

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::scratch;
use crate::step;
use crate::workspace::{Profile, Workspace};

/// Arguments of `cargo xtask strace`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Connections that write at the same time.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Writes of each.
    #[arg(long, default_value_t = 200)]
    writes: usize,
    /// Trace the optimised build.
    #[arg(long)]
    release: bool,
}

/// Runs both parts.
///
/// # Errors
///
/// When one of them finds something.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let home = scratch::empty_dir(&workspace, "strace")?;
    if !can_trace(&home) {
        println!("strace: SKIPPED: strace is not installed, or may not trace here");
        return Ok(());
    }
    let profile = Profile::release_if(args.release);
    let program = workspace.build(&["kv-node"], profile)?.join("kv-node");
    order::run(&program, &home, args.clients, args.writes)?;
    failed_sync::run(&program, &home)
}

fn can_trace(home: &Path) -> bool {
    let mut command = Command::new("strace");
    command.arg("-o").arg(home.join("probe")).arg("true");
    step::is_installed("strace") && step::output(&mut command).is_ok()
}
