//! Rules of ours that no linter knows.
//!
//! A rule looks at one file and returns findings; a finding names the line and what to do. The
//! rules are in [`rules`]; `CONTRIBUTING.md` says why each of them exists.

mod rules;
pub(super) mod source;

use anyhow::{Result, bail};

use super::manifest;
use crate::workspace::Workspace;
use source::{SourceFile, source_files};

/// Something that a rule does not like.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// Counted from 1; 0: the file as a whole.
    line: usize,
    message: String,
}

/// Prints every finding in every file.
///
/// # Errors
///
/// When there is one.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let mut findings = manifest::findings(workspace)?;
    for file in source_files(&workspace.root)? {
        findings.extend(findings_in(&file));
    }
    if !findings.is_empty() {
        bail!("{}", findings.join("\n"));
    }
    Ok(())
}

fn findings_in(file: &SourceFile) -> Vec<String> {
    let place = file.path.display();
    let found = rules::ALL.iter().flat_map(|rule| rule(file));
    found
        .map(|finding| format!("{place}:{}: {}", finding.line, finding.message))
        .collect()
}
