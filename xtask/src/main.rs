//! Project automation: `cargo xtask …`.
//!
//! It builds, starts, watches and breaks the binaries of this workspace. It holds no logic of the
//! store and depends on none of its crates but `kv-sim`, which checks what clients saw: what it says
//! to a server, it says over a socket.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool"
)]

mod bench;
mod chaos;
mod check;
mod clock;
mod cluster;
mod compat;
mod crash;
mod differential;
mod fix;
mod full_disk;
mod fuzz;
mod http;
mod members;
mod node;
mod port;
mod random;
mod resp;
mod scratch;
mod search;
mod sim;
mod step;
mod strace;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Project automation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that CI holds the tree against; writes nothing outside `target/`.
    Check,
    /// Mends what a tool can mend: formatting and machine-applicable lints.
    Fix,
    /// The test suite of the whole workspace.
    Test(test::Args),
    /// Builds servers, starts them, and shows how they do until Ctrl-C.
    Cluster(cluster::Args),
    /// Published Redis clients, and a comparison with redis-server, against the real binary.
    Compat(compat::Args),
    /// Kills a node under load again and again; nothing acknowledged may be lost.
    Crash(crash::Args),
    /// Kills, pauses and cuts off nodes of a cluster under load; clients may notice nothing wrong.
    Chaos(chaos::Args),
    /// Looks at once for all that is acknowledged, and once more after a kill.
    Search(search::Args),
    /// Fills a node's disk and frees it again.
    #[command(name = "fulldisk")]
    FullDisk(full_disk::Args),
    /// Watches the system calls of a node: replies come after their sync, and a failed sync.
    Strace(strace::Args),
    /// Whole clusters on simulated disks, clocks and a simulated network, seed by seed.
    Sim(sim::Args),
    /// Random input for every decoder of bytes from outside.
    Fuzz(fuzz::Args),
    /// The load generator; the arguments are those of `kv-bench`.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Check => check::run(),
        Task::Fix => fix::run(),
        Task::Test(args) => test::run(&args),
        Task::Cluster(args) => cluster::run(&args),
        Task::Compat(args) => compat::run(&args),
        Task::Crash(args) => crash::run(&args),
        Task::Chaos(args) => chaos::run(&args),
        Task::Search(args) => search::run(&args),
        Task::FullDisk(args) => full_disk::run(&args),
        Task::Strace(args) => strace::run(&args),
        Task::Sim(args) => sim::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Bench(args) => bench::run(&args),
    }
}

fn report(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  cause: {cause}");
    }
}
