//! Which documents share a stem with a text.

use std::collections::HashMap;

use kv_index::text::{Analyzer, for_each_word};

/// Documents by stem.
#[derive(Debug)]
pub(super) struct Stems {
    analyzer: Analyzer,
    documents: HashMap<String, Vec<u32>>,
}

impl Stems {
    /// Of documents whose numbers are their places.
    pub(super) fn of(documents: &[String]) -> Stems {
        let mut stems = Stems {
            analyzer: Analyzer::default(),
            documents: HashMap::new(),
        };
        for (document, number) in documents.iter().zip(0..) {
            stems.add(document, number);
        }
        stems
    }

    fn add(&mut self, document: &str, number: u32) {
        for_each_word(document, |_, word| {
            let stem = self.analyzer.stem(word).into_owned();
            let documents = self.documents.entry(stem).or_default();
            if documents.last() != Some(&number) {
                documents.push(number);
            }
        });
    }

    /// The documents that share a stem with a text, sorted.
    pub(super) fn documents_with_any(&self, text: &str) -> Vec<u32> {
        let mut all: Vec<u32> = Vec::new();
        for_each_word(text, |_, word| {
            let documents = self.documents.get(&*self.analyzer.stem(word));
            all.extend(documents.into_iter().flatten());
        });
        all.sort_unstable();
        all.dedup();
        all
    }
}
