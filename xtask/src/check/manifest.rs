//! Rules for the member manifests.
//!
//! 1. Every member has a licence and takes the workspace's lints.
//! 2. Versions are in the root manifest only: a member's dependency is `workspace = true`.

use std::fs;

use anyhow::{Context, Result};

use crate::workspace::{Package, Workspace};

/// What is wrong with the members' manifests, one line each.
///
/// # Errors
///
/// When a manifest cannot be read.
pub(super) fn findings(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        findings.extend(findings_of(package)?);
    }
    Ok(findings)
}

fn findings_of(package: &Package) -> Result<Vec<String>> {
    let path = package.dir.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let name = |finding| format!("{}/Cargo.toml: {finding}", package.name);
    Ok(complaints(&text).into_iter().map(name).collect())
}

fn complaints(manifest: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if !manifest.lines().any(|line| line.starts_with("license")) {
        complaints.push("no licence".to_owned());
    }
    if !manifest.contains("[lints]\nworkspace = true") {
        complaints.push("does not take the workspace's lints".to_owned());
    }
    complaints.extend(own_versions(manifest));
    complaints
}

/// Dependencies that do not come from `[workspace.dependencies]`.
fn own_versions(manifest: &str) -> Vec<String> {
    let mut section = "";
    let mut own = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]") && is_own_version(line) {
            own.push(format!("not from the workspace: {line}"));
        }
    }
    own
}

fn is_own_version(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#') && !line.contains("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "license.workspace = true\n[dependencies]\nbytes.workspace = true\n\
        tokio = { workspace = true, features = [\"net\"] }\n[lints]\nworkspace = true\n";

    #[test]
    fn a_member_that_inherits_everything_is_fine() {
        assert!(complaints(GOOD).is_empty());
    }

    #[test]
    fn a_version_of_its_own_is_named() {
        let manifest = GOOD.replace("bytes.workspace = true", "bytes = \"1\"");
        assert_eq!(
            complaints(&manifest),
            ["not from the workspace: bytes = \"1\""]
        );
    }

    #[test]
    fn a_missing_licence_and_missing_lints_are_named() {
        let found = complaints("[dependencies]\n");
        assert_eq!(found, ["no licence", "does not take the workspace's lints"]);
    }
}
