//! `cargo xtask fix`: what a tool can mend.

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// Applies clippy's own suggestions, then formats.
///
/// # Errors
///
/// When the tree does not compile.
pub(crate) fn run() -> Result<()> {
    let workspace = Workspace::load()?;
    let mut clippy = workspace.cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--all-features"]);
    clippy.args(["--fix", "--allow-dirty", "--allow-staged"]);
    step::run(&mut clippy)?;
    step::run(workspace.cargo().args(["fmt", "--all"]))?;
    step::run(
        workspace
            .cargo()
            .args(["fmt", "--manifest-path", "xtask/fuzz/Cargo.toml"]),
    )
}
