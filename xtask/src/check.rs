//! `cargo xtask check`: everything that CI holds the tree against.
//!
//! 1. It writes nothing outside `target/`: formatting is compared, `Cargo.lock` is held.
//! 2. It runs every part even if one fails, and names those that did at the end.

mod layering;
mod manifest;
mod tidy;

use anyhow::{Result, bail};

use crate::step;
use crate::workspace::Workspace;

/// A named part of the check.
type Part = (&'static str, fn(&Workspace) -> Result<()>);

/// Cheapest first, so that the first complaint comes early.
const PARTS: &[Part] = &[
    ("format", format),
    ("tidy", tidy::run),
    ("layering", layering::run),
    ("clippy", clippy),
    ("clippy, all features", clippy_all_features),
    ("docs", docs),
];

/// Runs every part.
///
/// # Errors
///
/// When at least one of them found something.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let failed: Vec<&str> = PARTS
        .iter()
        .filter(|part| !passes(part, &workspace))
        .map(|(name, _)| *name)
        .collect();
    if !failed.is_empty() {
        bail!("check failed: {}", failed.join("; "));
    }
    println!("check: {} parts passed", PARTS.len());
    Ok(())
}

fn passes((name, part): &Part, workspace: &Workspace) -> bool {
    match part(workspace) {
        Ok(()) => {
            eprintln!("check: {name}: ok");
            true
        }
        Err(error) => {
            eprintln!("check: {name}: FAILED\n{error:#}");
            false
        }
    }
}

fn format(workspace: &Workspace) -> Result<()> {
    step::run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    let fuzz = ["fmt", "--manifest-path", "xtask/fuzz/Cargo.toml", "--check"];
    step::run(workspace.cargo().args(fuzz))
}

fn clippy(workspace: &Workspace) -> Result<()> {
    clippy_with(workspace, &[])
}

fn clippy_all_features(workspace: &Workspace) -> Result<()> {
    clippy_with(workspace, &["--all-features"])
}

fn clippy_with(workspace: &Workspace, features: &[&str]) -> Result<()> {
    let mut command = workspace.cargo();
    command.args([
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
    ]);
    command.args(features).args(["--", "-D", "warnings"]);
    step::run(&mut command)
}

fn docs(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["doc", "--quiet", "--locked", "--no-deps", "--workspace"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    step::run(&mut command)
}
