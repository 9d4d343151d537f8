//! What the full-text index costs: `cargo run --release -p kv-index --example text -- FILE [SECONDS]`.
//!
//! FILE has a document a line: `id \t words \t text`; the text is indexed. Queries are words drawn
//! from the texts, so that they are as frequent as there; one thread, time by the CPU's clock.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use kv_index::text::{Budget, Query, Stemming, TermStats, TextIndex, for_each_word};
use kv_index::{DocId, Renumbering};
use rustix::time::{ClockId, clock_gettime};

const QUERIES: usize = 2000;
const LIMIT: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: text FILE [SECONDS]")?;
    let seconds: f64 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let file = fs::read_to_string(path)?;
    let texts: Vec<&str> = file
        .lines()
        .filter_map(|line| line.split('\t').nth(2))
        .collect();

    let index = build(&texts)?;
    let words = words(&texts);
    let mut random = Random(42);
    let one: Vec<_> = (0..QUERIES)
        .map(|_| random.pick(&words).to_owned())
        .collect();
    let two: Vec<_> = (0..QUERIES)
        .map(|_| (random.pick(&words), random.pick(&words)))
        .collect();
    let and: Vec<_> = two.iter().map(|(a, b)| format!("{a} {b}")).collect();
    let or: Vec<_> = two.iter().map(|(a, b)| format!("{a} OR {b}")).collect();
    for (name, queries) in [("1 term", one), ("2 terms, AND", and), ("2 terms, OR", or)] {
        measure(name, &index, &texts, &queries, seconds)?;
    }
    other_shapes(&index, &texts, seconds)?;
    Ok(())
}

fn build(texts: &[&str]) -> Result<TextIndex, Box<dyn Error>> {
    let count = texts.len() as f64;
    let mut index = TextIndex::new(kv_index::text::Analyzer::new(Stemming::default()));
    let (seconds, ()) = timed(|| {
        for (doc, text) in (0..).zip(texts) {
            index.insert(DocId(doc), [("", *text)]);
        }
    });
    println!(
        "{count} documents, {} terms: {:.2} µs to index and {:.1} bytes a document",
        index.term_count(),
        seconds * 1e6 / count,
        index.memory_bytes() as f64 / count,
    );
    let (seconds, ()) = timed(|| {
        index.renumber(&Renumbering::new(texts.iter().map(|_| true)));
    });
    println!(
        "renumbering: {:.2} µs a document, {:.1} bytes a document after it",
        seconds * 1e6 / count,
        index.memory_bytes() as f64 / count,
    );
    Ok(index)
}

/// All words, as often as they occur, but for those that every tenth text has.
fn words(texts: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    let mut counts = BTreeMap::new();
    for text in texts {
        for_each_word(text, |_, word| all.push(word.to_owned()));
    }
    all.iter()
        .for_each(|word| *counts.entry(word.clone()).or_insert(0) += 1);
    all.retain(|word| counts[word] <= texts.len() / 10 && word.len() > 1);
    all
}

fn other_shapes(index: &TextIndex, texts: &[&str], seconds: f64) -> Result<(), Box<dyn Error>> {
    let shapes = [
        "\"a small amount\"",
        "auto*",
        "s*",
        "helicoptr~2",
        "huose",
        "(car OR truck) wheel -small",
        "of the in a",
        "of OR the OR in OR a",
    ];
    for shape in shapes {
        measure(shape, index, texts, &[shape.to_owned()], seconds / 4.0)?;
    }
    Ok(())
}

fn measure(
    name: &str,
    index: &TextIndex,
    texts: &[&str],
    queries: &[String],
    seconds: f64,
) -> Result<(), Box<dyn Error>> {
    let read = |doc: DocId, visit: &mut dyn FnMut(&str, &str)| {
        let text = texts[doc.index()];
        visit("", text);
        text.len()
    };
    let (mut spent, mut count, mut found) = (0.0, 0, 0);
    while spent < seconds {
        let (seconds, result) = timed(|| -> Result<usize, Box<dyn Error>> {
            let mut found = 0;
            for query in queries {
                let query = Query::parse(query)?.without_fallback();
                let budget = Budget::default();
                let stats = TermStats::gather(&query, [index], &budget)?;
                let hits = index.search(&query, &stats, LIMIT, &|_| true, &read, &budget)?;
                found += hits.len();
            }
            Ok(found)
        });
        found += result?;
        spent += seconds;
        count += queries.len();
    }
    println!(
        "{name}: {:.0} queries a CPU second, {:.1} found",
        count as f64 / spent,
        found as f64 / count as f64,
    );
    Ok(())
}

fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let before = cpu_seconds();
    let result = run();
    (cpu_seconds() - before, result)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A linear congruential generator: the same queries each time.
struct Random(u64);

impl Random {
    fn pick<'a>(&mut self, words: &'a [String]) -> &'a str {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = (self.0 >> 33) % words.len() as u64;
        &words[usize::try_from(index).unwrap_or(0)]
    }
}
