//! The slowest that a query can be: `cargo run --release -p kv-index --example worst -- [DOCUMENTS]`.
//!
//! Every document has a word that no other has, four words that every other document has, and one
//! of a hundred that begin alike; so prefixes and misspellings meet as many words as there are
//! documents, and common words meet every document.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::error::Error;
use std::time::Instant;

use kv_index::DocId;
use kv_index::text::{Analyzer, Query, Stemming, TermStats, TextIndex, WORDS_MAX};

const LIMIT: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |arg| arg.parse())?;
    let mut index = TextIndex::new(Analyzer::new(Stemming::default()));
    for doc in 0..count {
        index.insert(DocId(doc), [("", text(doc).as_str())]);
    }
    println!("{count} documents, {} words", index.term_count());
    let mut slowest = (0.0, String::new());
    for query in queries() {
        let seconds = measure(&index, &query)?;
        let shown: String = query.chars().take(40).collect();
        println!("{:8.1} ms  {shown}", seconds * 1e3);
        if seconds > slowest.0 {
            slowest = (seconds, shown);
        }
    }
    println!("slowest: {:.1} ms, {}", slowest.0 * 1e3, slowest.1);
    Ok(())
}

fn text(doc: u32) -> String {
    let own = doc.wrapping_mul(0x9e37_79b1);
    format!("the word of document w{own:x} common{}", doc % 100)
}

/// Queries of the longest kind there is.
fn queries() -> Vec<String> {
    let repeated = |part: &str| {
        let words = part
            .split(' ')
            .filter(|word| !matches!(*word, "" | "OR"))
            .count();
        let parts = (0..WORDS_MAX / words).map(|number| part.replace('#', &number.to_string()));
        parts.collect::<String>()
    };
    [
        "w*",
        "w1*",
        "wabcde12~1",
        "wabcde12~2",
        "wxyz~2",
        "the",
        "the word of document",
        "the OR word OR document OR common1",
        "\"the word of document\"",
        "\"document of word the\"",
        "word -common1 -common2",
        "field:the",
        "zzzzzz",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(
        [
            "w# OR ",
            "w#* OR ",
            "w#* ",
            "wa#~2 OR ",
            "wab#~2 ",
            "\"word the\" OR ",
            "-w#* the ",
            "w* OR the ",
        ]
        .map(|part| {
            let query = repeated(part);
            query.trim_end_matches("OR ").to_owned()
        }),
    )
    .collect()
}

/// The slowest of three runs.
#[expect(clippy::disallowed_methods, reason = "an example measures")]
fn measure(index: &TextIndex, query: &str) -> Result<f64, Box<dyn Error>> {
    let read = |doc: DocId, visit: &mut dyn FnMut(&str, &str)| visit("", &text(doc.0));
    let mut slowest: f64 = 0.0;
    for _ in 0..3 {
        let start = Instant::now();
        match Query::parse(query) {
            Ok(query) => {
                let stats = TermStats::gather(&query, [index]);
                index.search(&query, &stats, LIMIT, &|_| true, &read);
            }
            Err(error) => println!("             refused: {error}"),
        }
        slowest = slowest.max(start.elapsed().as_secs_f64());
    }
    Ok(slowest)
}
