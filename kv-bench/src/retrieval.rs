//! How well texts are found: seven tasks over WordNet, for embedders, words and both together.
//!
//! Every synset (its words and gloss) is a document. A task is a list of queries, each with the
//! documents that answer it:
//!
//! | task | query | answer |
//! | --- | --- | --- |
//! | misspelling | a real misspelling of a word | the word's synsets |
//! | duplicate | a document with noise in its letters | the document |
//! | example | a usage example, not in the document | its synset |
//! | hypernym | a gloss, its own synset left out | the more general synset |
//! | related | a word; documents that share its stem left out | synsets related to the word's |
//! | inflection | an inflected form of a word | the word's synsets |
//! | keywords | three words of a gloss | its synset |
//!
//! 1. Recall@10 is the share of queries with an answer among the first ten documents; MRR@10 is the
//!    mean of 1 / the rank of the first answer, 0 if it is beyond ten.
//! 2. Queries are drawn by a seed and split in two halves: what is tuned on one is reported on the
//!    other.
//! 3. Embedders are compared by exact cosine. Words, and words with meaning, are searched by the
//!    node's own engine, quantised vectors, sketches and all.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

pub mod cosine;
pub mod engine;
pub mod methods;
pub mod noise;
pub mod score;
pub mod task;
pub mod wordnet;

use methods::Row;
use task::{Source, Tasks};
use wordnet::WordNet;

/// Which queries count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    /// Those to tune on.
    Tuning,
    /// Those to report.
    Report,
}

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// A directory with WordNet's `data.noun`, `noun.exc`, ….
    pub wordnet_dir: PathBuf,
    /// Lines of `misspelling->word`, as codespell's `dictionary.txt`.
    pub misspellings: PathBuf,
    /// Decides the queries.
    pub seed: u64,
    /// Which half of them.
    pub half: Half,
    /// How many a task.
    pub queries_per_task: usize,
}

/// Measures every method on every task.
///
/// # Errors
/// If a file cannot be read or is not what it should be.
pub fn run(options: &Options) -> Result<Results> {
    let wordnet = WordNet::read(&options.wordnet_dir)?;
    let misspellings = std::fs::read_to_string(&options.misspellings)
        .with_context(|| format!("cannot read {}", options.misspellings.display()))?;
    let source = Source::new(&wordnet, &misspellings);
    let tasks = Tasks::draw(&source, options);
    Ok(Results {
        documents: tasks.documents.len(),
        queries_per_task: tasks.tasks.iter().map(|task| task.queries.len()).collect(),
        half: options.half,
        seed: options.seed,
        rows: methods::measure(&tasks),
    })
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// How many documents were searched.
    pub documents: usize,
    /// How many queries each task had.
    pub queries_per_task: Vec<usize>,
    /// Which half of the queries.
    pub half: Half,
    /// What decided them.
    pub seed: u64,
    /// A row a method.
    pub rows: Vec<Row>,
}

impl fmt::Display for Results {
    /// A Markdown table of recall@10, the last two columns the means of recall and MRR.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} documents, queries a task: {:?}, seed {}, half {:?}\n",
            self.documents, self.queries_per_task, self.seed, self.half
        )?;
        let names = task::NAMES.join(" | ");
        writeln!(
            f,
            "| method | {names} | recall@10 | MRR@10 | µs a document |"
        )?;
        writeln!(f, "|{}", " --- |".repeat(task::NAMES.len() + 4))?;
        for row in &self.rows {
            write!(f, "| {} |", row.method)?;
            for score in &row.tasks {
                write!(f, " {:.3} |", score.recall)?;
            }
            let micros = row
                .micros
                .map_or("–".to_owned(), |micros| format!("{micros:.2}"));
            writeln!(
                f,
                " {:.3} | {:.3} | {micros} |",
                row.mean.recall, row.mean.mrr
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
