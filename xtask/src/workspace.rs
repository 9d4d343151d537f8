//! Where things are: the root, the target directory, the crates, the built binaries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::step;

/// The workspace as `cargo metadata` describes it.
pub(crate) struct Workspace {
    /// Directory of the root manifest.
    pub root: PathBuf,
    /// Where cargo builds, and the only place that tasks write to.
    pub target: PathBuf,
    /// The member crates.
    pub packages: Vec<Package>,
}

/// One member crate.
pub(crate) struct Package {
    pub name: String,
    /// Directory of its manifest.
    pub dir: PathBuf,
    pub features: Vec<String>,
    pub dependencies: Vec<Dependency>,
}

/// One declared dependency.
pub(crate) struct Dependency {
    pub name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
    /// Whether only a feature brings it in.
    pub is_optional: bool,
}

/// How a binary is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When a manifest is broken.
    pub(crate) fn load() -> Result<Workspace> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        command.current_dir(source_root());
        let metadata: Value = serde_json::from_str(&step::output(&mut command)?)
            .context("cargo metadata did not print JSON")?;
        Ok(Workspace {
            root: PathBuf::from(text(&metadata["workspace_root"])),
            target: PathBuf::from(text(&metadata["target_directory"])),
            packages: each(&metadata["packages"], package),
        })
    }

    /// `cargo`, to be run in the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// Builds the binaries of `packages` and returns the directory that holds them.
    ///
    /// # Errors
    ///
    /// When they do not compile.
    pub(crate) fn build(&self, packages: &[&str], profile: Profile) -> Result<PathBuf> {
        let mut command = self.cargo();
        command.args(["build", "--quiet"]);
        if profile == Profile::Release {
            command.arg("--release");
        }
        for package in packages {
            command.args(["--package", package]);
        }
        step::run(&mut command)?;
        Ok(self.target.join(profile.dir()))
    }
}

impl Profile {
    /// `release` if asked for, else `dev`.
    pub(crate) fn release_if(release: bool) -> Profile {
        if release {
            Profile::Release
        } else {
            Profile::Dev
        }
    }

    fn dir(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Release => "release",
        }
    }
}

/// The cargo that runs us, else the one on the path.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The root of the tree: cargo tells where the manifest of what it runs is; else the tree that this
/// binary was built from, which is another one where trees share a target directory.
fn source_root() -> PathBuf {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR");
    let manifest_dir = manifest_dir.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&manifest_dir).parent();
    root.expect("the crate lies in the workspace").to_path_buf()
}

fn package(value: &Value) -> Package {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    Package {
        name: text(&value["name"]),
        dir: manifest
            .parent()
            .expect("a manifest lies in a directory")
            .to_path_buf(),
        features: value["features"]
            .as_object()
            .into_iter()
            .flatten()
            .map(key)
            .collect(),
        dependencies: each(&value["dependencies"], dependency),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(&value["name"]),
        kind: value["kind"].as_str().map(str::to_owned),
        is_optional: value["optional"] == true,
    }
}

fn each<T>(array: &Value, convert: impl Fn(&Value) -> T) -> Vec<T> {
    array
        .as_array()
        .into_iter()
        .flatten()
        .map(convert)
        .collect()
}

fn key((key, _): (&String, &Value)) -> String {
    key.clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
