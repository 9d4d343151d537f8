//! `cargo xtask test`: the whole suite by plain `cargo test`.
//!
//! Crates with planted bugs are tested with those compiled in first: their suites must catch each
//! one. The workspace as it ships comes last, so that the last lines are those of `cargo test`.

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// The feature that compiles planted bugs in; a test switches one on and expects to catch it.
const PLANTED_BUGS: &str = "planted-bugs";

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Test the optimised build.
    #[arg(long)]
    release: bool,
    /// Passed on to `cargo test`: package selection, a name, or `-- --nocapture`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs the suites.
///
/// # Errors
///
/// When a test fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    if args.args.is_empty() {
        planted_bugs(&workspace, args.release)?;
    }
    let mut command = cargo_test(&workspace, args.release);
    command.arg("--workspace").args(&args.args);
    step::run(&mut command)
}

fn planted_bugs(workspace: &Workspace, release: bool) -> Result<()> {
    let planted = |name: &&String| name.as_str() == PLANTED_BUGS;
    let crates = workspace
        .packages
        .iter()
        .filter(|p| p.features.iter().any(|f| planted(&f)));
    for package in crates {
        let mut command = cargo_test(workspace, release);
        command.args(["--package", &package.name, "--features", PLANTED_BUGS]);
        step::run(&mut command)?;
    }
    Ok(())
}

fn cargo_test(workspace: &Workspace, release: bool) -> std::process::Command {
    let mut command = workspace.cargo();
    command.arg("test");
    if release {
        command.arg("--release");
    }
    command
}
