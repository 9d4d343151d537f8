//! redis-py, in a virtual environment below `target/compat`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Bench;
use crate::step;

/// What is installed.
const PACKAGE: &str = "redis==8.1.0";

/// Runs our script under redis-py.
///
/// # Errors
///
/// When it cannot be installed, or a check of the script fails.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let venv = bench.workspace.target.join("compat/python");
    let python = venv.join("bin/python");
    if !is_installed(&python) {
        step::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
        )?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PACKAGE,
        ];
        step::run(Command::new(&python).args(install))?;
    }
    let (host, port) = bench.host_port();
    let script = bench.workspace.root.join("xtask/compat/redis_py.py");
    step::run(Command::new(&python).arg(script).args([host, port]))
}

fn is_installed(python: &Path) -> bool {
    let version = PACKAGE.split("==").nth(1).unwrap_or_default();
    let program = format!("import redis, sys; sys.exit(redis.__version__ != '{version}')");
    step::output(Command::new(python).args(["-c", &program])).is_ok()
}
