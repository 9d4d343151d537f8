//! Our server and redis-server side by side: same machine, same filesystem, same generator, same
//! durability, runs next to each other.
//!
//! 1. What both sides promise for an acknowledged write is read from the running servers; unlike
//!    promises are refused, not compared.
//! 2. Runs alternate A B A B; a result is the median of the pairs' ratios.
//! 3. Servers listen on loopback, keep their data below one scratch directory, and are ended and
//!    removed whatever happens.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::progress::Progress;
use crate::workload::KeySpace;

mod arena;
mod client;
pub mod contender;
pub mod durability;
pub mod machine;
mod memory;
pub mod redis_benchmark;
mod restart;
pub mod results;
pub mod server;
mod snapshot;
pub mod table;
mod throughput;
pub mod workloads;

use arena::Arena;
use machine::Machine;
use results::{Results, Row};
use workloads::Workload;

/// What makes the requests of a throughput comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// `redis-benchmark`.
    RedisBenchmark,
    /// Ours.
    Own,
}

/// What is compared, and how thoroughly.
#[derive(Debug, Clone)]
pub struct Options {
    /// kv-node's executable.
    pub kv_node: PathBuf,
    /// redis-server's executable.
    pub redis: PathBuf,
    /// Where data directories are made.
    pub scratch_dir: PathBuf,
    /// What makes the requests.
    pub generator: Generator,
    /// Runs of each contender for a row.
    pub pair_count: usize,
    /// Length of one run.
    pub run_time: Duration,
    /// Which keys and values.
    pub space: KeySpace,
    /// What is measured, in this order.
    pub workloads: Vec<Workload>,
    /// More arguments for kv-node.
    pub kv_node_arguments: Vec<String>,
    /// More arguments for redis-server.
    pub redis_arguments: Vec<String>,
    /// The command line, for the record.
    pub command_line: String,
    /// The workspace, whose commit is noted.
    pub workspace_dir: PathBuf,
}

impl Options {
    /// Load before something is measured.
    fn warm_up(&self) -> Duration {
        self.run_time / 10
    }
}

/// What came of a comparison.
#[derive(Debug)]
pub struct Outcome {
    /// What was found.
    pub results: Results,
    /// Workloads that could not be measured, and why.
    pub failures: Vec<(Workload, anyhow::Error)>,
}

/// Measures all workloads. One that fails does not keep the others from being measured.
///
/// # Errors
///
/// If the options make no sense, there is no room for data, or the comparison is interrupted.
pub fn run(options: &Options, progress: &Progress) -> Result<Outcome> {
    ensure!(
        options.pair_count > 0,
        "there must be at least one pair of runs"
    );
    ensure!(!options.run_time.is_zero(), "a run must take some time");
    let arena = Arena::new(options, progress)?;
    let mut machine = Machine::here(
        &options.kv_node,
        &options.redis,
        arena.scratch_dir(),
        &options.workspace_dir,
    );
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for (index, workload) in options.workloads.iter().enumerate() {
        arena.begin(*workload, index);
        match measure(*workload, &arena) {
            Ok(found) => rows.extend(found),
            Err(error) => {
                crate::interrupt::check()?;
                progress.note(&format!("{workload} failed: {error:#}"));
                failures.push((*workload, error));
            }
        }
    }
    machine.commands = arena.into_commands();
    Ok(Outcome {
        results: Results { machine, rows },
        failures,
    })
}

fn measure(workload: Workload, arena: &Arena<'_>) -> Result<Vec<Row>> {
    let rows = match workload {
        Workload::SetDurable | Workload::Get | Workload::SetEverysec => {
            throughput::run(arena, workload)
        }
        Workload::Memory => memory::run(arena),
        Workload::Restart => restart::run(arena),
        Workload::SnapshotP99 => snapshot::run(arena),
    };
    rows.with_context(|| format!("cannot measure {workload}"))
}
