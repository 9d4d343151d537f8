//! `kv-bench compare`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use kv_bench::compare::workloads::Workload;
use kv_bench::compare::{self, Generator, Options, Outcome, table};
use kv_bench::progress::Progress;
use kv_bench::workload::KeySpace;

const NOT_INSTALLED: &str = "\
skipped: there is no redis-server to compare with
  hint:  install it (Debian, Ubuntu: apt install redis-server; Fedora: dnf install redis;
         macOS: brew install redis), or name one with --redis PATH
";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to measure; all of it by default.
    #[arg(value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// List the workloads and end.
    #[arg(long)]
    list: bool,
    /// kv-node's executable; built from this workspace by default.
    #[arg(long, value_name = "PATH")]
    node: Option<PathBuf>,
    /// redis-server's executable.
    #[arg(long, value_name = "PATH", default_value = "redis-server")]
    redis: PathBuf,
    /// What makes the requests of the throughput workloads.
    #[arg(long, value_enum, default_value_t = GeneratorName::RedisBenchmark)]
    generator: GeneratorName,
    /// Pairs of runs for each row.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pairs: u16,
    /// Length of one run, in seconds.
    #[arg(short, long, default_value_t = 5.0, value_parser = super::load::seconds)]
    seconds: f64,
    /// Number of keys.
    #[arg(short, long, default_value_t = 1_000_000)]
    keys: u64,
    /// Size of a key.
    #[arg(long, default_value_t = 20)]
    key_bytes: usize,
    /// Size of a value.
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// A first impression: 2 pairs of runs of 1 second on 100,000 keys.
    #[arg(long, conflicts_with_all = ["pairs", "seconds", "keys"])]
    quick: bool,
    /// Where data directories are made; they are removed afterwards.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// One more argument for kv-node, as --node-arg=--flag=value; may be repeated.
    #[arg(long = "node-arg", value_name = "ARG", allow_hyphen_values = true)]
    node_arguments: Vec<String>,
    /// One more argument for redis-server; may be repeated.
    #[arg(long = "redis-arg", value_name = "ARG", allow_hyphen_values = true)]
    redis_arguments: Vec<String>,
    /// Write the results as JSON to FILE, or with - to stdout instead of the table.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write machine, command lines and rows as Markdown to FILE.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Exit with 1 if a goal is missed.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum GeneratorName {
    /// What Redis itself is measured with.
    RedisBenchmark,
    /// The one of kv-bench load.
    Own,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.list {
        return list();
    }
    if !is_installed(&arguments.redis) {
        super::print(NOT_INSTALLED)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = arguments.options()?;
    let outcome = compare::run(&options, &Progress::new())?;
    arguments.show(&outcome)?;
    let is_missed = outcome
        .results
        .rows
        .iter()
        .any(|row| row.is_met() == Some(false));
    let has_failed = !outcome.failures.is_empty() || (arguments.check && is_missed);
    Ok(if has_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn list() -> Result<ExitCode> {
    let line = |workload: Workload| format!("{workload:<14}{}\n", workload.description());
    super::print(&Workload::ALL.map(line).concat())?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn options(&self) -> Result<Options> {
        let workspace_dir = workspace_dir();
        let (pairs, seconds, keys) = if self.quick {
            (2, 1.0, 100_000)
        } else {
            (self.pairs, self.seconds, self.keys)
        };
        let generator = match self.generator {
            GeneratorName::RedisBenchmark if is_installed(Path::new("redis-benchmark")) => {
                Generator::RedisBenchmark
            }
            _ => Generator::Own,
        };
        Ok(Options {
            kv_node: match &self.node {
                Some(path) => path.clone(),
                None => build(&workspace_dir)?,
            },
            redis: self.redis.clone(),
            scratch_dir: self
                .dir
                .clone()
                .unwrap_or(workspace_dir.join("target/bench")),
            generator,
            pair_count: usize::from(pairs),
            run_time: Duration::from_secs_f64(seconds),
            space: KeySpace::new(keys, self.key_bytes, self.value_bytes)?,
            workloads: if self.workloads.is_empty() {
                Workload::ALL.to_vec()
            } else {
                self.workloads.clone()
            },
            kv_node_arguments: self.node_arguments.clone(),
            redis_arguments: self.redis_arguments.clone(),
            command_line: command_line(),
            workspace_dir,
        })
    }

    fn show(&self, outcome: &Outcome) -> Result<()> {
        let results = &outcome.results;
        if let Some(path) = &self.save {
            super::write_json(path, results)?;
        }
        if let Some(path) = &self.markdown {
            std::fs::write(path, table::markdown(results))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.save.as_deref() != Some(Path::new("-")) {
            super::print(&table::text(results))?;
        }
        Ok(())
    }
}

fn is_installed(program: &Path) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The workspace this program was built in.
fn workspace_dir() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

fn build(workspace_dir: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--package",
            "kv-node",
            "--bin",
            "kv-node",
        ])
        .current_dir(workspace_dir)
        .status()
        .context("cannot build kv-node; name one with --node PATH")?;
    ensure!(status.success(), "kv-node does not compile");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into());
    Ok(workspace_dir.join(target).join("release/kv-node"))
}

fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    std::iter::once("kv-bench".to_owned())
        .chain(arguments)
        .collect::<Vec<String>>()
        .join(" ")
}
