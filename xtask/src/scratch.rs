//! Directories below `target/` that a task may empty.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// `target/<name>`, empty.
///
/// # Errors
///
/// When it cannot be emptied or made.
pub(crate) fn empty_dir(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let dir = workspace.target.join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}
