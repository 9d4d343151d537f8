//! `cargo xtask sim …`: whole clusters in a simulation, seed by seed, always optimised.

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// Which kind of cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// One primary, linearizable.
    Raft,
}

/// Arguments of `cargo xtask sim`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which kind of cluster.
    #[arg(long, default_value = "raft")]
    mode: Mode,
    /// One seed, with all that can be said of it.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds [default: 100]
    #[arg(long, conflicts_with = "seed")]
    seeds: Option<u64>,
    /// The first of them [default: 0]
    #[arg(long, conflicts_with = "seed")]
    start: Option<u64>,
    /// Begin with a seed that nobody has run; it is printed.
    #[arg(long, conflicts_with_all = ["seed", "start"])]
    fresh: bool,
    /// Threads [default: one a processor]
    #[arg(long)]
    jobs: Option<usize>,
    /// Arms a deliberate fault in every node; then a seed must fail.
    #[arg(long, value_name = "BUG")]
    planted: Option<String>,
    /// Passed on to the simulator: `--log debug`, `--twice 20`, `--keep-going`, …
    #[arg(last = true, value_name = "SIMULATOR FLAGS")]
    args: Vec<String>,
}

/// Builds and runs the simulator.
///
/// # Errors
///
/// When it does not compile, a seed fails, or too little happened to show anything.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let (package, program) = match args.mode {
        Mode::Raft => ("kv-cluster", "kv-cluster-sim"),
    };
    let features = match args.planted {
        Some(_) => "planted-bugs",
        None => "sim",
    };
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--release", "--package", package]);
    command.args(["--features", features, "--bin", program, "--"]);
    command.args(args.flags());
    step::run(&mut command)
}

impl Args {
    fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let numbers = [
            ("--seed", self.seed),
            ("--seeds", self.seeds),
            ("--start", self.start),
            ("--jobs", self.jobs.map(|jobs| jobs as u64)),
        ];
        for (flag, number) in numbers {
            if let Some(number) = number {
                flags.extend([flag.to_owned(), number.to_string()]);
            }
        }
        if self.fresh {
            flags.push("--fresh".to_owned());
        }
        if let Some(bug) = &self.planted {
            flags.extend(["--planted".to_owned(), bug.clone()]);
        }
        flags.extend_from_slice(&self.args);
        flags
    }
}
