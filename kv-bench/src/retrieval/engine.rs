//! The search engine of a node, over the documents.

use std::fmt;
use std::sync::Arc;

use kv_embed::{Embedder, TrainedEmbedder};
use kv_index::text::{Analyzer, Budget, Query as Words, Stemming, TermStats, TextIndex, WORDS_MAX};
use kv_index::{Change, DocId, IndexOptions, Indexes};
use kv_proto::command::SearchOptions;
use kv_proto::limits::RESULTS_MAX;
use kv_proto::{Entry, Tag};

use super::task::Query;

/// As many as a node of the smallest machine has, so that results are the same on all.
const SHARDS: usize = 2;

/// What is done with a word that no document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// It finds nothing.
    Exact,
    /// It counts as the nearest ones that some have.
    Fuzzy,
}

/// Full text by itself, and all indexes as a node has them.
pub struct Engine {
    text: TextIndex,
    indexes: Indexes,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Indexes the documents; their numbers are their places.
    ///
    /// # Panics
    /// If there are more than 2^32 documents.
    #[must_use]
    pub fn new(documents: &[String]) -> Engine {
        let indexes = Indexes::new(&IndexOptions {
            shard_count: SHARDS,
            ..IndexOptions::default()
        });
        indexes.build_empty();
        let mut text = TextIndex::new(Analyzer::new(Stemming::default()));
        for (document, number) in documents.iter().zip(0u32..) {
            let key = number.to_be_bytes();
            let entry = Entry::new(&key, Tag::Bytes, document.as_bytes(), 1, None);
            indexes.enqueue(Change::Put(entry));
            text.insert(DocId(number), [("", document.as_str())]);
        }
        Engine { text, indexes }
    }

    /// Searches by meaning with what was learnt.
    pub fn learn(&self, embedder: TrainedEmbedder) {
        let embedder: Arc<dyn Embedder> = Arc::new(embedder);
        self.indexes.set_embedder(&embedder, || true);
    }

    /// The best documents by words, any of the query's, as many as are asked for.
    ///
    /// # Panics
    /// Never: plain words are a query.
    #[must_use]
    pub fn by_words(&self, query: &Query, matching: Matching, count: usize) -> Vec<u32> {
        let words = Words::parse(&plain(&query.text)).expect("plain words are a query");
        let words = match matching {
            Matching::Exact => words.with_any_word().without_fallback(),
            Matching::Fuzzy => words.with_any_word(),
        };
        let accept = |doc: DocId| query.excluded.binary_search(&doc.0).is_err();
        let unlimited = Budget::new(u64::MAX);
        let found = TermStats::gather(&words, [&self.text], &unlimited).and_then(|stats| {
            let text = &self.text;
            text.search(&words, &stats, count, &accept, &|_, _| 0, &unlimited)
        });
        let found = found.expect("an unlimited budget is never spent");
        found.into_iter().map(|(doc, _)| doc.0).collect()
    }

    /// The best documents by words and meaning: `KV.SEARCH … HYBRID`. What does not count is taken
    /// out of the answer, which is so much longer.
    ///
    /// # Panics
    /// Never: plain words are a query, and there are all indexes.
    #[must_use]
    pub fn by_both(&self, query: &Query, count: usize) -> Vec<u32> {
        let wanted = (count + query.excluded.len()) as u64;
        let options = SearchOptions::new().hybrid().limit(wanted.min(RESULTS_MAX));
        let hits = self.indexes.search(&plain(&query.text), &options, 0);
        let hits = hits.expect("plain words are a query").into_iter();
        let numbers = hits.filter_map(|hit| Some(u32::from_be_bytes(hit.key[..].try_into().ok()?)));
        numbers
            .filter(|number| query.excluded.binary_search(number).is_err())
            .take(count)
            .collect()
    }
}

/// The first words of a text without what has a meaning in a query.
fn plain(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str, excluded: Vec<u32>) -> Query {
        Query {
            text: text.to_owned(),
            relevant: Vec::new(),
            excluded,
        }
    }

    #[test]
    fn documents_are_found_by_their_numbers() {
        let documents = ["a cat", "dogs and cats", "a bird; \"it\" sings"].map(str::to_owned);
        let engine = Engine::new(&documents);
        let by_words = |text: &str, matching| engine.by_words(&query(text, vec![]), matching, 10);
        assert_eq!(by_words("CAT? (-bird", Matching::Exact), [2, 0, 1]);
        assert!(by_words("brid", Matching::Exact).is_empty());
        assert_eq!(by_words("brid", Matching::Fuzzy), [2]);
        assert_eq!(engine.by_both(&query("catz", vec![]), 1), [0]);
        assert_eq!(engine.by_both(&query("cat", vec![0]), 1), [1]);
    }

    #[test]
    fn any_text_is_plain_words() {
        let text = "\"A (well-known) phrase\" NOT field:x~9 ".repeat(100);
        let plain = plain(&text);
        assert!(Words::parse(&plain).is_ok());
        assert_eq!(plain.split(' ').count(), WORDS_MAX);
    }
}
