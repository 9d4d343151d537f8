//! The files of the tree, as rules see them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Directories that are not ours.
const FOREIGN: &[&str] = &["target", ".git", "node_modules", ".venv"];

/// A text file of the tree.
pub(crate) struct SourceFile {
    /// Relative to the root.
    pub path: PathBuf,
    pub text: String,
}

impl SourceFile {
    pub(crate) fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }

    /// Whether it lies in a directory called `name`.
    pub(crate) fn is_below(&self, name: &str) -> bool {
        self.path
            .parent()
            .is_some_and(|dir| dir.iter().any(|part| part == name))
    }

    /// Its name without the extension.
    pub(crate) fn stem(&self) -> &str {
        self.path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }

    /// Numbered lines, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Numbered lines that are not comments.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The line from which on everything is test code, if there is one.
    pub(crate) fn first_test_line(&self) -> Option<usize> {
        if self.is_below("tests") || self.stem() == "tests" {
            return Some(1);
        }
        self.lines()
            .find(|(_, line)| line.trim() == "#[cfg(test)]")
            .map(|(number, _)| number)
    }
}

/// Every text file below `root`, sorted by path.
///
/// # Errors
///
/// When a directory or file cannot be read.
pub(crate) fn source_files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    let read = |path: PathBuf| read(root, path).transpose();
    paths.into_iter().filter_map(read).collect()
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        if FOREIGN.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), paths)?;
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// `None` for a file that is not text.
fn read(root: &Path, path: PathBuf) -> Result<Option<SourceFile>> {
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let path = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
    Ok(String::from_utf8(bytes)
        .ok()
        .map(|text| SourceFile { path, text }))
}
