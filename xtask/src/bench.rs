//! `cargo xtask bench …`: the load generator, always optimised.

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Passed on to `kv-bench`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds and runs `kv-bench`.
///
/// # Errors
///
/// When it does not compile or fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--release", "--package", "kv-bench", "--"]);
    command.args(&args.args);
    step::run(&mut command)
}
