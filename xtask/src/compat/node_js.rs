//! ioredis and node-redis, in a package below `target/compat`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::Bench;
use crate::step;

/// What is installed.
const PACKAGES: &[&str] = &["ioredis@6.0.0", "redis@6.3.1"];

/// Runs our script under ioredis.
///
/// # Errors
///
/// When it cannot be installed, or a check of the script fails.
pub(super) fn ioredis(bench: &Bench<'_>) -> Result<()> {
    run(bench, "ioredis.mjs")
}

/// Runs our script under node-redis.
///
/// # Errors
///
/// When it cannot be installed, or a check of the script fails.
pub(super) fn node_redis(bench: &Bench<'_>) -> Result<()> {
    run(bench, "node_redis.mjs")
}

fn run(bench: &Bench<'_>, script: &str) -> Result<()> {
    let dir = install(bench)?;
    // Node looks for packages from where the script lies.
    for name in [script, "checks.mjs"] {
        fs::copy(
            bench.workspace.root.join("xtask/compat").join(name),
            dir.join(name),
        )?;
    }
    let (host, port) = bench.host_port();
    step::run(
        Command::new("node")
            .arg(dir.join(script))
            .args([host, port]),
    )
}

/// The directory that the packages are in.
fn install(bench: &Bench<'_>) -> Result<PathBuf> {
    let dir = bench.workspace.target.join("compat/node");
    if PACKAGES.iter().any(|package| !is_installed(&dir, package)) {
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("package.json"), "{ \"private\": true }\n")?;
        let flags = [
            "install",
            "--no-audit",
            "--no-fund",
            "--save-exact",
            "--loglevel=error",
        ];
        step::run(
            Command::new("npm")
                .current_dir(&dir)
                .args(flags)
                .args(PACKAGES),
        )?;
    }
    Ok(dir)
}

fn is_installed(dir: &Path, package: &str) -> bool {
    let (name, version) = package.split_once('@').unwrap_or((package, ""));
    let manifest = fs::read_to_string(dir.join("node_modules").join(name).join("package.json"));
    manifest.is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
}
