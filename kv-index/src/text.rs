//! Full-text index: which documents have which words, ranked by BM25.
//!
//! ```text
//!            analyzer            lexicon              postings
//! text ──► words, folded ──► stems' terms ──► documents and counts, in blocks
//!
//! query ──► Query ──► TermStats, merged over shards ──► Plan ──► union | intersection | scan ──► Top
//! ```
//!
//! 1. Documents come in ascending order. A removed one stays in the postings, marked, until
//!    [`TextIndex::renumber`]; it is never found, and no score is computed as if it were there.
//! 2. What is found and what it scores depends on the documents that are there, not on those that
//!    were or on when.
//! 3. Positions are not stored. Phrases, snippets and explanations read the document again.
//! 4. A query has a [`Budget`]; one that would cost more is refused, never answered in part.
//!
//! Never keeps a document's text, and does no I/O.

mod alternatives;
mod analyzer;
mod bitpack;
mod bm25;
mod bound;
mod budget;
mod cursor;
mod explain;
mod intersection;
mod length;
mod lexicon;
mod phrase;
mod plan;
mod postings;
mod query;
mod search;
mod similar;
mod snippet;
mod sorted;
mod stats;
mod sums;
mod tails;
mod top;
mod tree;
mod union;

use roaring::RoaringBitmap;

pub use analyzer::{Analyzer, Stemming, WORD_BYTES_MAX, for_each_word};
pub use bm25::idf;
pub(crate) use budget::Cost;
pub use budget::{Budget, STEPS_MAX, TooBroad};
pub use phrase::Texts;
pub use query::{
    DEPTH_MAX, DISTANCE_MAX, QUERY_BYTES_MAX, Query, QueryError, QueryErrorKind, WORDS_MAX,
};
pub use snippet::{Snippet, Snippets};
pub use stats::{EXPANSIONS_MAX, TermStats};

use crate::{DocId, Renumbering};
use lexicon::Lexicon;
use postings::Postings;

/// The terms of a long document do not keep their memory.
const SCRATCH_KEPT: usize = 1 << 16;

/// Words of documents.
#[derive(Debug, Default)]
pub struct TextIndex {
    lexicon: Lexicon,
    postings: Postings,
    /// A code a document, 0 for one without words; see `length`.
    lengths: Vec<u8>,
    removed: RoaringBitmap,
    /// Of the documents that have words and are not removed.
    document_count: u64,
    word_count: u64,
    /// The terms of one document.
    scratch: Vec<u32>,
}

impl TextIndex {
    /// An index without documents.
    #[must_use]
    pub fn new(analyzer: Analyzer) -> TextIndex {
        TextIndex {
            lexicon: Lexicon::new(analyzer),
            ..TextIndex::default()
        }
    }

    /// How it takes words.
    #[must_use]
    pub fn analyzer(&self) -> &Analyzer {
        self.lexicon.analyzer()
    }

    /// Adds a document: its texts, each with the path of its field, which is empty if it has none.
    ///
    /// # Panics
    /// If it is not beyond all documents that were added, or has the greatest number there is.
    pub fn insert<'a>(&mut self, doc: DocId, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
        assert!(doc.0 < u32::MAX && doc.index() >= self.lengths.len());
        let mut terms = std::mem::take(&mut self.scratch);
        let mut words = 0;
        for (path, text) in fields {
            words += self.add_text(path, text, &mut terms);
        }
        self.lengths.resize(doc.index() + 1, 0);
        if words > 0 {
            self.add_document(doc, words, &mut terms);
        }
        self.keep_scratch(terms);
    }

    fn add_text(&mut self, path: &str, text: &str, terms: &mut Vec<u32>) -> u32 {
        let mut words = 0u32;
        let start = terms.len();
        let lexicon = &mut self.lexicon;
        for_each_word(text, |_, word| {
            words = words.saturating_add(1);
            terms.extend(lexicon.add(word));
        });
        if !path.is_empty()
            && words > 0
            && let Some(field) = lexicon.add_field(path)
        {
            for index in start..terms.len() {
                terms.extend(lexicon.add_in_field(field, terms[index]));
            }
        }
        words
    }

    fn add_document(&mut self, doc: DocId, words: u32, terms: &mut [u32]) {
        let length = length::encode(words);
        self.lengths[doc.index()] = length;
        self.document_count += 1;
        self.word_count += u64::from(words);
        terms.sort_unstable();
        for run in terms.chunk_by(|a, b| a == b) {
            let count = u8::try_from(run.len()).unwrap_or(u8::MAX);
            self.postings.push(run[0], doc.0, count, length);
        }
    }

    fn keep_scratch(&mut self, mut terms: Vec<u32>) {
        terms.clear();
        terms.shrink_to(SCRATCH_KEPT);
        self.scratch = terms;
    }

    /// Removes a document, given what it was added with. Does nothing if it is not there.
    pub fn remove<'a>(&mut self, doc: DocId, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let has_words = self
            .lengths
            .get(doc.index())
            .is_some_and(|length| *length > 0);
        if !has_words || !self.removed.insert(doc.0) {
            return;
        }
        let mut terms = std::mem::take(&mut self.scratch);
        let mut words = 0;
        for (path, text) in fields {
            words += u64::from(self.remove_text(path, text, &mut terms));
        }
        self.document_count = self.document_count.saturating_sub(1);
        self.word_count = self.word_count.saturating_sub(words);
        terms.sort_unstable();
        terms.dedup();
        terms.iter().for_each(|term| self.postings.forget(*term));
        self.keep_scratch(terms);
    }

    fn remove_text(&mut self, path: &str, text: &str, terms: &mut Vec<u32>) -> u32 {
        let mut words = 0u32;
        let start = terms.len();
        let lexicon = &mut self.lexicon;
        for_each_word(text, |_, word| {
            words = words.saturating_add(1);
            terms.extend(lexicon.remove(word));
        });
        if !path.is_empty()
            && let Some(field) = lexicon.field(path)
        {
            for index in start..terms.len() {
                terms.extend(lexicon.find_in_field(field, terms[index]));
            }
        }
        words
    }

    /// Gives the documents new numbers and drops what belongs to those that have none, which are
    /// those that were removed.
    pub fn renumber(&mut self, renumbering: &Renumbering) {
        let is_kept = |term| self.postings.documents(term) > 0;
        let (lexicon, moved) = self.lexicon.compact(is_kept);
        let mut lengths = Vec::new();
        for (old, &length) in self.lengths.iter().enumerate() {
            let old = DocId(u32::try_from(old).unwrap_or(u32::MAX));
            if let Some(new) = renumbering.get(old) {
                lengths.resize(new.index(), 0);
                lengths.push(length);
            }
        }
        let keep = |doc| {
            let new = renumbering.get(DocId(doc))?;
            (!self.removed.contains(doc)).then_some(new.0)
        };
        self.postings = self.postings.rebuild(&moved, &lengths, keep);
        self.lexicon = lexicon;
        self.lengths = lengths;
        self.removed.clear();
        self.scratch = Vec::new();
    }

    /// How many documents there are that have words.
    #[must_use]
    pub fn doc_count(&self) -> u64 {
        self.document_count
    }

    /// How many terms there are: stems, and stems within fields; those that only removed documents
    /// have count until the next [`renumber`](TextIndex::renumber).
    #[must_use]
    pub fn term_count(&self) -> usize {
        self.lexicon.term_count()
    }

    /// How many documents have the word, or another with its stem.
    #[must_use]
    pub fn docs_with(&self, word: &str) -> u64 {
        let mut count = 0;
        for_each_word(word, |_, word| {
            let stem = self.analyzer().stem(word);
            let term = self.lexicon.term_of_stem(&stem, None);
            count = term.map_or(0, |term| self.postings.documents(term));
        });
        count.into()
    }

    /// What the word counts for in this index; what a word counts for that no document has, if
    /// none has it.
    #[must_use]
    pub fn term_idf(&self, word: &str) -> f32 {
        idf(self.document_count, self.docs_with(word))
    }

    /// Memory that it takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.lexicon.memory_bytes()
            + self.postings.memory_bytes()
            + self.lengths.capacity()
            + self.removed.serialized_size()
            + self.scratch.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests;
