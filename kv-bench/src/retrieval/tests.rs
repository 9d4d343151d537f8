//! The whole evaluation over a few synsets.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::*;

/// Nouns, each with the first as its hypernym, and an example.
const NOUNS: [(&str, &str); 8] = [
    ("animal", "a living organism that can move and feel"),
    (
        "mountain",
        "land that rises very high above its surroundings",
    ),
    (
        "elephant",
        "huge mammal with a long flexible trunk and tusks",
    ),
    ("sparrow", "small brown bird found near houses and gardens"),
    ("kettle", "metal pot with a spout in which water is boiled"),
    (
        "violin",
        "bowed instrument with four strings tuned in fifths",
    ),
    ("glacier", "slowly moving mass of ice between steep valleys"),
    (
        "lantern",
        "portable light within a protective transparent case",
    ),
];

fn write_wordnet(dir: &Path) {
    let lines = NOUNS.iter().enumerate().map(|(offset, (word, definition))| {
        format!(
            "{offset:08} 04 n 01 {word} 0 001 @ 00000000 n 0000 | {definition}; \"see the {word}\"\n"
        )
    });
    fs::write(dir.join("data.noun"), lines.collect::<String>()).unwrap();
    fs::write(dir.join("noun.exc"), "mountaines mountain\n").unwrap();
    for suffix in ["verb", "adj", "adv"] {
        fs::write(dir.join(format!("data.{suffix}")), "  1 licence\n").unwrap();
        fs::write(dir.join(format!("{suffix}.exc")), "").unwrap();
    }
}

fn options(dir: &Path, half: Half) -> Options {
    write_wordnet(dir);
    let misspellings = dir.join("misspellings");
    fs::write(
        &misspellings,
        "elefant->elephant\nkettel->kettle\nx->y\nviolin->kettle\n",
    )
    .unwrap();
    Options {
        wordnet_dir: dir.to_owned(),
        misspellings,
        seed: 1,
        half,
        queries_per_task: 100,
    }
}

fn queries(options: &Options) -> Vec<HashSet<String>> {
    let wordnet = WordNet::read(&options.wordnet_dir).unwrap();
    let misspellings = fs::read_to_string(&options.misspellings).unwrap();
    let tasks = Tasks::draw(&Source::new(&wordnet, &misspellings), options);
    let texts = tasks.tasks.into_iter().map(|task| {
        let texts = task.queries.into_iter().map(|query| query.text);
        texts.collect()
    });
    texts.collect()
}

#[test]
fn halves_share_no_query_and_together_have_all() {
    let dir = tempfile::tempdir().unwrap();
    let tuning = queries(&options(dir.path(), Half::Tuning));
    let report = queries(&options(dir.path(), Half::Report));
    for (tuning, report) in tuning.iter().zip(&report) {
        assert!(tuning.is_disjoint(report), "{tuning:?} {report:?}");
    }
    let counts: Vec<usize> = tuning
        .iter()
        .zip(&report)
        .map(|(a, b)| a.len() + b.len())
        .collect();
    assert_eq!(counts[0], 2, "what is a word itself is no misspelling");
    assert_eq!(counts[2], NOUNS.len());
}

#[test]
fn every_method_is_measured_on_every_task() {
    let dir = tempfile::tempdir().unwrap();
    let results = run(&options(dir.path(), Half::Report)).unwrap();
    assert_eq!(results.documents, NOUNS.len());
    for row in &results.rows {
        assert_eq!(row.tasks.len(), task::NAMES.len());
        assert!(row.mean.recall > 0.0 && row.mean.recall <= 1.0, "{row:?}");
    }
    let table = results.to_string();
    assert!(
        table.contains("| default |") && table.contains("| BM25 |"),
        "{table}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path(), Half::Report);
    fs::remove_file(dir.path().join("data.verb")).unwrap();
    let error = run(&options).unwrap_err();
    assert!(error.to_string().contains("data.verb"), "{error}");
}
