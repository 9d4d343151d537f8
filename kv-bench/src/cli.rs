//! The command line of `kv-bench`.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;

mod compare;
mod load;
mod retrieval;

/// Generates load, and compares servers.
#[derive(Debug, Parser)]
#[command(name = "kv-bench", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Loads one server and says how it did.
    ///
    /// A closed loop: each client sends its next requests once the last ones are answered. Exits
    /// with 1 if an answer was an error, contradicted what was written, or did not come.
    Load(load::Arguments),
    /// Measures kv-node and redis-server side by side, both started for it.
    ///
    /// Runs alternate; a result is the median of the ratios of neighbouring runs. Both servers
    /// keep their data on the same filesystem and promise the same for an acknowledged write.
    Compare(compare::Arguments),
    /// Measures how well texts are found: recall and MRR on seven tasks over WordNet.
    Retrieval(retrieval::Arguments),
}

/// Does what was asked.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    kv_bench::interrupt::install().context("cannot watch for Ctrl-C")?;
    match arguments.command {
        Command::Load(arguments) => load::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Retrieval(arguments) => retrieval::run(&arguments),
    }
}

/// Writes to stdout.
fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .context("cannot write to stdout")
}

/// Writes JSON to a file, or to stdout if that is `-`.
fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    if path == Path::new("-") {
        return print(&text);
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
