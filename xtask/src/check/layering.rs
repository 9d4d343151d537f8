//! Who may use whom: the table of `ARCHITECTURE.md` held against the manifests.
//!
//! 1. An edge between two of our crates that is not in [`TABLE`] fails the check.
//! 2. A crate that is not in the table fails it too: a new crate earns its row first.
//! 3. `anyhow` is for programs: below a library crate's `src/` only `main.rs`, `src/bin/` and the
//!    crates of [`ANYHOW_CRATES`] name it.

use std::path::Path;

use anyhow::{Result, bail};

use super::tidy::source::{SourceFile, source_files};
use crate::workspace::{Dependency, Package, Workspace};

/// A crate of ours and what it may use of ours.
struct Row {
    name: &'static str,
    /// In the code that ships.
    uses: &'static [&'static str],
    /// Besides those, in its programs, and so optionally: who uses the library gets it without.
    programs_use: &'static [&'static str],
    /// Besides those, in tests and examples.
    tests_use: &'static [&'static str],
}

const TABLE: &[Row] = &[
    row("kv-proto", &[]),
    row("kv-wal", &[]),
    row("kv-embed", &[]),
    row("kv-index", &["kv-proto", "kv-embed"]),
    row("kv-node", &["kv-proto", "kv-wal", "kv-index"]).tests(&["kv-client"]),
    // Both kinds of cluster and the test of real processes need the same network, faults, history
    // and checker, and neither kind may see the other.
    row("kv-sim", &[]),
    row("kv-cluster", &["kv-node", "kv-proto", "kv-wal"])
        .programs(&["kv-sim"])
        .tests(&["kv-client"]),
    row("kv-p2p", &["kv-node", "kv-proto", "kv-wal"])
        .programs(&["kv-sim"])
        .tests(&["kv-client"]),
    // `kv wal-dump` reads a log without a server.
    row("kv-client", &["kv-proto"]).programs(&["kv-wal"]),
    // The client, and whatever a micro-benchmark measures.
    row(
        "kv-bench",
        &[
            "kv-client",
            "kv-proto",
            "kv-wal",
            "kv-embed",
            "kv-index",
            "kv-node",
        ],
    ),
    // The checkers of what clients saw.
    row("xtask", &["kv-sim"]),
];

/// Programs through and through.
const ANYHOW_CRATES: &[&str] = &["kv-bench", "xtask"];

const fn row(name: &'static str, uses: &'static [&'static str]) -> Row {
    Row {
        name,
        uses,
        programs_use: &[],
        tests_use: &[],
    }
}

/// Prints every edge that the table does not have.
///
/// # Errors
///
/// When there is one.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let mut wrong = forbidden_edges(&workspace.packages);
    wrong.extend(
        source_files(&workspace.root)?
            .iter()
            .filter_map(misplaced_anyhow),
    );
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

/// Every edge between our crates that the table does not have, one line each.
fn forbidden_edges(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| forbidden_edges_of(package, packages))
        .collect()
}

fn forbidden_edges_of(package: &Package, all: &[Package]) -> Vec<String> {
    let Some(row) = TABLE.iter().find(|row| row.name == package.name) else {
        return vec![format!("{}: not in the layering table", package.name)];
    };
    let ours = |name: &str| all.iter().any(|other| other.name == name);
    let edges = package.dependencies.iter().filter(|edge| ours(&edge.name));
    edges
        .filter(|edge| !row.allows(edge))
        .map(|edge| {
            format!(
                "{} -> {} ({})",
                row.name,
                edge.name,
                kind_name(edge.kind.as_deref())
            )
        })
        .collect()
}

impl Row {
    const fn programs(self, programs_use: &'static [&'static str]) -> Row {
        Row {
            programs_use,
            ..self
        }
    }

    const fn tests(self, tests_use: &'static [&'static str]) -> Row {
        Row { tests_use, ..self }
    }

    fn allows(&self, edge: &Dependency) -> bool {
        let name = edge.name.as_str();
        let is_test = edge.kind.as_deref() == Some("dev");
        self.uses.contains(&name)
            || edge.is_optional && self.programs_use.contains(&name)
            || is_test && (self.tests_use.contains(&name) || name == self.name)
    }
}

fn kind_name(kind: Option<&str>) -> &str {
    kind.unwrap_or("normal")
}

fn misplaced_anyhow(file: &SourceFile) -> Option<String> {
    if !file.is_rust() || !bars_anyhow(&file.path) {
        return None;
    }
    let (line, _) = file
        .code_lines()
        .find(|(_, text)| text.contains("anyhow::"))?;
    Some(format!(
        "{}:{line}: anyhow outside a program's main.rs",
        file.path.display()
    ))
}

fn bars_anyhow(path: &Path) -> bool {
    let mut parts = path.iter().map(|part| part.to_string_lossy());
    let owner = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let is_program = rest.iter().any(|part| part == "main.rs" || part == "bin");
    !ANYHOW_CRATES.contains(&owner.as_ref())
        && rest.first().is_some_and(|dir| dir == "src")
        && !is_program
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            is_optional: false,
        };
        Package {
            name: name.to_owned(),
            dir: name.into(),
            features: Vec::new(),
            dependencies: uses.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn an_edge_outside_the_table_is_named() {
        let packages = [
            package("kv-client", &[("kv-node", None), ("kv-proto", None)]),
            package("kv-node", &[]),
            package("kv-proto", &[]),
        ];
        assert_eq!(
            forbidden_edges(&packages),
            ["kv-client -> kv-node (normal)"]
        );
    }

    #[test]
    fn a_server_may_use_the_client_in_tests_only() {
        let client = package("kv-client", &[]);
        let tests = package("kv-node", &[("kv-client", Some("dev"))]);
        assert!(forbidden_edges(&[tests, client]).is_empty());
        let client = package("kv-client", &[]);
        let ships = package("kv-node", &[("kv-client", None)]);
        assert_eq!(
            forbidden_edges(&[ships, client]),
            ["kv-node -> kv-client (normal)"]
        );
    }

    #[test]
    fn a_program_may_use_what_its_library_does_not_need() {
        let wal = || package("kv-wal", &[]);
        let mut client = package("kv-client", &[("kv-wal", None)]);
        client.dependencies[0].is_optional = true;
        assert!(forbidden_edges(&[client, wal()]).is_empty());
        let always = package("kv-client", &[("kv-wal", None)]);
        assert_eq!(
            forbidden_edges(&[always, wal()]),
            ["kv-client -> kv-wal (normal)"]
        );
    }

    #[test]
    fn crates_of_others_are_free() {
        assert!(forbidden_edges(&[package("kv-wal", &[("crc32c", None)])]).is_empty());
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        let packages = [package("kv-utils", &[])];
        assert_eq!(
            forbidden_edges(&packages),
            ["kv-utils: not in the layering table"]
        );
    }

    #[test]
    fn anyhow_is_barred_from_libraries_only() {
        assert!(bars_anyhow(Path::new("kv-node/src/server/listener.rs")));
        assert!(!bars_anyhow(Path::new("kv-node/src/main.rs")));
        assert!(!bars_anyhow(Path::new("kv-client/src/bin/kv/main.rs")));
        assert!(!bars_anyhow(Path::new("kv-node/tests/it/main.rs")));
        assert!(!bars_anyhow(Path::new("xtask/src/step.rs")));
    }
}
