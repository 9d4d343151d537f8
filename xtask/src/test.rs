//! `cargo xtask test`: the whole suite by plain `cargo test`.
//!
//! Crates with planted bugs come first, with those compiled in: the tests in modules called
//! `planted` arm them one by one and expect the suite's own checks to catch each. The workspace as
//! it ships comes last, so that the last lines are those of `cargo test`.

use anyhow::{Result, ensure};

use crate::step;
use crate::workspace::Workspace;

/// The feature that compiles planted bugs in; a test switches one on and expects to catch it.
const PLANTED_BUGS: &str = "planted-bugs";

/// Flags that choose packages; without one it is the whole workspace.
const SELECTIONS: &[&str] = &["-p", "--package"];

/// What those tests have in their names.
const PLANTED_TESTS: &str = "planted::";

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
    if !args
        .args
        .iter()
        .any(|arg| SELECTIONS.iter().any(|flag| arg.starts_with(flag)))
    {
        command.arg("--workspace");
    }
    step::run(command.args(&args.args))
}

fn planted_bugs(workspace: &Workspace, release: bool) -> Result<()> {
    let planted = |name: &&String| name.as_str() == PLANTED_BUGS;
    let crates = workspace
        .packages
        .iter()
        .filter(|p| p.features.iter().any(|f| planted(&f)));
    for package in crates {
        let mut command = cargo_test(workspace, release);
        command.args([
            "--package",
            &package.name,
            "--features",
            PLANTED_BUGS,
            PLANTED_TESTS,
        ]);
        eprintln!("$ {}", step::display(&command));
        let report = step::output(&mut command)?;
        println!("{report}");
        ensure!(
            report.contains(PLANTED_TESTS),
            "{} plants bugs for no test",
            package.name
        );
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
