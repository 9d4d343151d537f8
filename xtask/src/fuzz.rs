//! `cargo xtask fuzz`: libFuzzer on every decoder of bytes from outside.
//!
//! The targets are in `xtask/fuzz`, a workspace of its own: they need a C++ compiler for libFuzzer
//! and are built with coverage instrumentation. Both work with a stable compiler; a sanitizer would
//! not, and safe code has little for it to find. Debug assertions and overflow checks are on.
//!
//! Everything found or built lies in `target/fuzz/`: `corpus/` grows from run to run, `artifacts/`
//! holds what failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::step;
use crate::workspace::Workspace;

/// The targets, which are the programs of `xtask/fuzz`.
const TARGETS: &[&str] = &["native", "peer", "query", "resp", "snapshot", "wal"];

/// What makes the compiler count which code an input reaches.
const INSTRUMENTATION: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Longest input, bytes.
const INPUT_LEN_MAX: usize = 64 * 1024;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target only.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run this input instead, such as one from `target/fuzz/artifacts`.
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Builds the targets and runs them one after the other.
///
/// # Errors
///
/// When one of them finds something; the input is kept.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        step::is_installed("c++"),
        "libFuzzer needs a C++ compiler: install g++ or clang"
    );
    let workspace = Workspace::load()?;
    let programs = build(&workspace)?;
    for target in TARGETS
        .iter()
        .filter(|name| args.target.as_deref().is_none_or(|t| t == **name))
    {
        let program = programs.join(target);
        match &args.input {
            Some(input) => step::run(Command::new(&program).arg(input))?,
            None => fuzz(&workspace, target, &program, args.seconds)?,
        }
    }
    Ok(())
}

/// Builds all targets; the directory that holds them.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let host = host()?;
    let target_dir = workspace.target.join("fuzz/build");
    let mut command = workspace.cargo();
    command.args([
        "build",
        "--quiet",
        "--release",
        "--manifest-path",
        "xtask/fuzz/Cargo.toml",
    ]);
    // With a target named, build scripts and macros are not instrumented.
    command
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(&target_dir);
    command.env("RUSTFLAGS", INSTRUMENTATION);
    step::run(&mut command)?;
    Ok(target_dir.join(host).join("release"))
}

/// The triple that this compiler builds for.
fn host() -> Result<String> {
    let version = step::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn fuzz(workspace: &Workspace, target: &str, program: &Path, seconds: u64) -> Result<()> {
    let dir = |name: &str| -> Result<PathBuf> {
        let dir = workspace.target.join("fuzz").join(name).join(target);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir)
    };
    let (corpus, seeds, artifacts) = (dir("corpus")?, dir("seeds")?, dir("artifacts")?);
    step::output(
        Command::new(program)
            .arg("-runs=0")
            .env("FUZZ_SEED_DIR", &seeds),
    )?;
    let mut command = Command::new(program);
    command.arg(&corpus).arg(&seeds);
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-max_len={INPUT_LEN_MAX}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args([
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-verbosity=0",
        "-print_final_stats=1",
    ]);
    eprintln!("$ {}", step::display(&command));
    let output = command.output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!(
            "{target}: {}\n{report}\nthe input is in {}",
            output.status,
            artifacts.display()
        );
    }
    println!(
        "fuzz: {target}: {seconds} s, {} inputs, no finding",
        statistic(&report)
    );
    Ok(())
}

/// How many inputs a run tried, as libFuzzer reports it.
fn statistic(report: &str) -> &str {
    let count = report
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    count.map_or("?", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_inputs_is_read_from_the_report() {
        let report = "x\nstat::number_of_executed_units: 366341\nstat::average_exec_per_sec: 1\n";
        assert_eq!(statistic(report), "366341");
    }

    #[test]
    fn every_target_is_a_program_of_the_fuzz_crate() {
        let manifest = include_str!("../fuzz/Cargo.toml");
        let programs: Vec<&str> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"targets/"))
            .collect();
        let targets: Vec<String> = TARGETS.iter().map(|name| format!("{name}.rs\"")).collect();
        assert_eq!(programs, targets);
    }
}
