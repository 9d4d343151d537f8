//! Writes the table of word weights, `src/idf.txt`, from a file with a document a line.
//!
//!     cargo run --release --example idf_table -- wordnet.tsv >kv-embed/src/idf.txt
//!
//! The committed table comes from the 117,659 synsets of WordNet 3.0, a line each: an id, a tab, the
//! words, a tab, the gloss. What is before the first tab does not count.

#![expect(clippy::print_stdout, reason = "an example")]

use std::collections::{BTreeMap, HashMap, HashSet};

use kv_embed::word::Words;

/// How many words the table has: what fits into 50 KB.
const WORDS_KEPT: usize = 5_500;

const NOTICE: &str = "\
# Weight and words: sixteenths of ln(documents / documents with the word).
# Counted in the synsets of WordNet 3.0, Copyright 2006 by Princeton University.";

fn main() -> std::io::Result<()> {
    let path = std::env::args()
        .nth(1)
        .expect("a file with a document a line");
    let text = std::fs::read_to_string(path)?;
    let document_count = text.lines().count();
    let mut kept: Vec<(usize, String)> = document_frequencies(&text)
        .into_iter()
        .map(|(word, count)| (count, word))
        .collect();
    kept.sort_unstable_by(|(count, word), (count2, word2)| {
        count2.cmp(count).then_with(|| word.cmp(word2))
    });
    kept.truncate(WORDS_KEPT);
    let mut lines: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    for (count, word) in kept {
        lines
            .entry(weight(document_count, count))
            .or_default()
            .push(word);
    }
    println!("{NOTICE}");
    for (weight, mut words) in lines {
        words.sort_unstable();
        println!("{weight} {}", words.join(" "));
    }
    Ok(())
}

fn document_frequencies(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in text.lines() {
        let document = line.split_once('\t').map_or(line, |(_, rest)| rest);
        let mut words = Words::new(document);
        let mut seen = HashSet::new();
        while let Some(word) = words.next() {
            seen.insert(word.letters().iter().collect::<String>());
        }
        for word in seen {
            *counts.entry(word).or_default() += 1;
        }
    }
    counts
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "16 ln(117,659) is below 187"
)]
fn weight(document_count: usize, count: usize) -> u8 {
    (16.0 * (document_count as f64 / count as f64).ln()).round() as u8
}
