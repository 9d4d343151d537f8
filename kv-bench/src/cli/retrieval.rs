//! `kv-bench retrieval`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use kv_bench::retrieval::{self, Half, Options};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// WordNet's database: data.noun, noun.exc, … (Debian: wordnet-base).
    #[arg(long, value_name = "DIR", default_value = "/usr/share/wordnet")]
    wordnet: PathBuf,
    /// Lines of misspelling->word: dictionary.txt of the PyPI package codespell.
    #[arg(long, value_name = "FILE")]
    misspellings: PathBuf,
    /// Queries a task.
    #[arg(short = 'n', long, default_value_t = 400)]
    queries: usize,
    /// Decides the queries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Use the half of the queries that settings were tuned on, not the other one.
    #[arg(long)]
    tuning: bool,
    /// Write the results as JSON to FILE, or with - to stdout instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let options = Options {
        wordnet_dir: arguments.wordnet.clone(),
        misspellings: arguments.misspellings.clone(),
        seed: arguments.seed,
        half: if arguments.tuning {
            Half::Tuning
        } else {
            Half::Report
        },
        queries_per_task: arguments.queries,
    };
    let results = retrieval::run(&options)?;
    if let Some(path) = &arguments.json {
        super::write_json(path, &results)?;
    }
    if arguments.json.as_deref() != Some(Path::new("-")) {
        super::print(&results.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
