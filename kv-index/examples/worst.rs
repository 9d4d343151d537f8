//! The slowest that a query can be: `cargo run --release -p kv-index --example worst -- [DOCUMENTS [TEXTS]]`.
//!
//! Every document has a word that no other has, words that every other document has, some that a
//! tenth has, and one of a hundred that begin alike; so prefixes and misspellings meet as many
//! words as there are documents, and common words meet every document. That is `short`; TEXTS may
//! also be `alike`, `wide` or `long`. Time is the CPU's.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::error::Error;

use kv_index::DocId;
use kv_index::text::{
    Analyzer, Budget, DEPTH_MAX, Query, Snippets, Stemming, TermStats, TextIndex, TooBroad,
    WORDS_MAX,
};
use rustix::time::{ClockId, clock_gettime};

const LIMIT: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments
        .next()
        .map_or(Ok(1_000_000), |argument| argument.parse())?;
    let only = arguments.next();
    let mut slowest = (0.0, String::new());
    let corpora: [(&str, u32, Corpus); 4] = [
        ("short", count, short),
        ("alike", count, alike),
        ("wide", count, wide),
        ("long", count / 1000, long),
    ];
    for (name, count, text) in corpora {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let texts: Vec<String> = (0..count).map(text).collect();
        let index = build(&texts);
        println!("{name}: {count} documents, {} words", index.term_count());
        for query in queries() {
            let seconds = measure(&index, &texts, &query)?;
            if seconds > slowest.0 {
                slowest = (seconds, format!("{name}: {}", shown(&query)));
            }
        }
    }
    println!("slowest: {:.1} ms, {}", slowest.0 * 1e3, slowest.1);
    Ok(())
}

type Corpus = fn(u32) -> String;

fn build(texts: &[String]) -> TextIndex {
    let mut index = TextIndex::new(Analyzer::new(Stemming::default()));
    for (doc, text) in (0..).map(DocId).zip(texts) {
        index.insert(doc, [("", text.as_str())]);
    }
    index
}

fn mixed(doc: u32) -> u32 {
    let mixed = doc.wrapping_mul(0x9e37_79b1);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b)
}

fn short(doc: u32) -> String {
    let own = doc.wrapping_mul(0x9e37_79b1);
    format!("the word of document w{own:x} common{}", doc % 100)
}

/// Every document's own word begins with the same forty letters.
fn alike(doc: u32) -> String {
    let own = mixed(doc);
    format!("the word {}{own:x}", "w".repeat(40))
}

/// Forty words of a few hundred.
fn wide(doc: u32) -> String {
    let mut text = "the word of document ".to_owned();
    let mut state = mixed(doc);
    for _ in 0..40 {
        state = mixed(state.wrapping_add(doc));
        let word = (state >> 8) % 400;
        text.push_str(&format!("w{word:x} "));
    }
    text
}

/// A hundred kilobytes of words.
fn long(doc: u32) -> String {
    let mut text = String::new();
    let mut state = mixed(doc);
    while text.len() < 100_000 {
        state = mixed(state.wrapping_add(doc));
        text.push_str("the word of document ");
        text.push_str(&format!("w{:x} ", (state >> 8) % 5000));
    }
    text
}

fn shown(query: &str) -> String {
    query.chars().take(48).collect()
}

/// As many of a part as a query may have words, with the number of each for `#`.
fn repeated(part: &str) -> String {
    let is_word = |word: &&str| !matches!(*word, "" | "OR");
    let words = part.split(' ').filter(is_word).count();
    let parts = (0..WORDS_MAX / words).map(|number| {
        let letters = "w".repeat(number.min(40));
        part.replace('#', &format!("{number:x}"))
            .replace('@', &letters)
    });
    let query = parts.collect::<String>();
    query.trim_end_matches("OR ").to_owned()
}

/// Queries of the longest kind there is.
fn queries() -> Vec<String> {
    let alone = [
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
        "\"document of word the\" -common1",
        "(w* OR the) (common* OR word) -\"word the\"",
        "the -(word -(of -(document -w*)))",
        "word -common1 -common2",
        "the -w*",
        "field:the",
        "zzzzzz",
    ];
    let parts = [
        "w# OR ",
        "w#* OR ",
        "w#* ",
        "@w* OR ",
        "@w~2 OR ",
        "wa#~2 OR ",
        "wab#~2 ",
        "\"word the\" OR ",
        "\"word w#\" OR ",
        "\"document of word the w#\" OR ",
        "-w#* the ",
        "w* OR the ",
        "(w* -w#) OR ",
        "(w#* -the) OR ",
        "(w* OR w#*) ",
        "((w* OR #) -w#*) OR ",
        "(\"the word\" -w#) OR ",
        "(the w* -\"word the\" -w#) OR ",
        "(the OR w#) ",
    ];
    let deep = |open: &str, close: &str| {
        let levels = open
            .bytes()
            .filter(|sign| matches!(sign, b'(' | b'-'))
            .count();
        let times = DEPTH_MAX / levels;
        format!("{}w*{}", open.repeat(times), close.repeat(times))
    };
    let nested = [
        deep("the -(word OR ", ")"),
        deep("(the OR word ", ")"),
        deep("\"word the\" OR (the ", ")"),
    ];
    let alone = alone.into_iter().map(str::to_owned);
    alone.chain(parts.map(repeated)).chain(nested).collect()
}

/// The slowest of three runs, which is printed.
fn measure(index: &TextIndex, texts: &[String], query: &str) -> Result<f64, Box<dyn Error>> {
    let parsed = Query::parse(query)?;
    let mut slowest: f64 = 0.0;
    let mut told = String::new();
    for _ in 0..3 {
        let (start, budget) = (cpu_seconds(), Budget::default());
        let found = search(index, texts, &parsed, &budget);
        slowest = slowest.max(cpu_seconds() - start);
        let steps = budget.steps() as f64 / 1e6;
        told = match found {
            Ok(count) => format!("{steps:6.1} million steps, {count} found"),
            Err(error) => format!("{steps:6.1} million steps, {error}"),
        };
    }
    println!("{:8.1} ms  {:48}  {told}", slowest * 1e3, shown(query));
    Ok(slowest)
}

/// How many are found, each with an explanation and a snippet.
fn search(
    index: &TextIndex,
    texts: &[String],
    query: &Query,
    budget: &Budget,
) -> Result<usize, TooBroad> {
    let read = |doc: DocId, visit: &mut dyn FnMut(&str, &str)| {
        let text = &texts[doc.index()];
        visit("", text);
        text.len()
    };
    let stats = TermStats::gather(query, [index], budget)?;
    let hits = index.search(query, &stats, LIMIT, &|_| true, &read, budget)?;
    let docs: Vec<_> = hits.iter().map(|(doc, _)| *doc).collect();
    let _ = index.explain(&docs, query, &stats, budget);
    let snippets = Snippets::new(index.analyzer(), query, &stats);
    for doc in &docs {
        let _ = snippets.of([("", texts[doc.index()].as_str())], 160, budget);
        budget.check(query, &stats)?;
    }
    Ok(hits.len())
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
