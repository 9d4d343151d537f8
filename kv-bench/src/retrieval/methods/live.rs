//! The weights that words have among the documents that are searched.

use std::collections::HashMap;

use kv_embed::Idf;
use kv_embed::word::{Word, Words};

/// Document frequencies.
#[derive(Debug)]
pub(super) struct LiveIdf {
    counts: HashMap<Box<[char]>, u32>,
    documents: usize,
}

impl LiveIdf {
    pub(super) fn of<S: AsRef<str>>(documents: &[S]) -> LiveIdf {
        let mut live = LiveIdf {
            counts: HashMap::new(),
            documents: documents.len(),
        };
        for document in documents {
            live.add(document.as_ref());
        }
        live
    }

    fn add(&mut self, document: &str) {
        let mut words: Vec<Box<[char]>> = Vec::new();
        let mut walk = Words::new(document);
        while let Some(word) = walk.next() {
            words.push(word.letters().into());
        }
        words.sort_unstable();
        words.dedup();
        for word in words {
            *self.counts.entry(word).or_default() += 1;
        }
    }
}

impl Idf for LiveIdf {
    #[expect(clippy::cast_precision_loss, reason = "counts of documents")]
    fn idf(&self, word: &Word) -> Option<f32> {
        let count = *self.counts.get(word.letters())?;
        Some((self.documents as f32 / count as f32).ln())
    }
}
