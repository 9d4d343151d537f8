//! A reference BM25 over stemmed words.
//!
//! Robertson, Zaragoza: The probabilistic relevance framework: BM25 and beyond, 2009, with Lucene's
//! idf, ln(1 + (N - n + 0.5) / (n + 0.5)). Made to be read, not to be fast.

use std::collections::HashMap;
use std::fmt;

use frostem::{Algorithm, Stemmer};
use kv_embed::word::Words;

use super::fuzzy;

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Turns text into terms.
pub struct Analyzer {
    stemmer: Stemmer,
}

impl Default for Analyzer {
    fn default() -> Analyzer {
        Analyzer {
            stemmer: Stemmer::new(Algorithm::English),
        }
    }
}

impl Analyzer {
    /// The stems of a text's words, in order.
    #[must_use]
    pub fn terms(&self, text: &str) -> Vec<String> {
        let mut words = Words::new(text);
        let mut terms = Vec::new();
        while let Some(word) = words.next() {
            let word: String = word.letters().iter().collect();
            terms.push(self.stemmer.stem(&word).into_owned());
        }
        terms
    }
}

impl fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analyzer").finish_non_exhaustive()
    }
}

/// How a query's terms match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// As they are.
    Exact,
    /// A term that no document has counts as the nearest ones that some have.
    Fuzzy,
}

/// Postings of all documents.
#[derive(Debug)]
pub struct Bm25 {
    analyzer: Analyzer,
    /// For each term the documents and how often they have it.
    postings: HashMap<String, Vec<(u32, u32)>>,
    lens: Vec<u32>,
    mean_len: f32,
}

impl Bm25 {
    /// Indexes the documents; their numbers are their places.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "lengths of glosses")]
    pub fn new<S: AsRef<str>>(documents: &[S]) -> Bm25 {
        let mut bm25 = Bm25 {
            analyzer: Analyzer::default(),
            postings: HashMap::new(),
            lens: Vec::with_capacity(documents.len()),
            mean_len: 0.0,
        };
        for (document, number) in documents.iter().zip(0..) {
            bm25.add(number, document.as_ref());
        }
        let total: u32 = bm25.lens.iter().sum();
        bm25.mean_len = total as f32 / bm25.lens.len().max(1) as f32;
        bm25
    }

    fn add(&mut self, number: u32, document: &str) {
        let terms = self.analyzer.terms(document);
        self.lens
            .push(u32::try_from(terms.len()).unwrap_or(u32::MAX));
        for term in terms {
            let postings = self.postings.entry(term).or_default();
            match postings.last_mut() {
                Some((last, count)) if *last == number => *count += 1,
                _ => postings.push((number, 1)),
            }
        }
    }

    /// The documents that share a stem with a text, sorted.
    #[must_use]
    pub fn documents_with_any(&self, text: &str) -> Vec<u32> {
        let terms = self.analyzer.terms(text);
        let postings = terms.iter().filter_map(|term| self.postings.get(term));
        let mut documents: Vec<u32> = postings.flatten().map(|(document, _)| *document).collect();
        documents.sort_unstable();
        documents.dedup();
        documents
    }

    /// A score for each document, 0 for those that share no term with the query.
    #[must_use]
    pub fn scores(&self, query: &str, matching: Matching) -> Vec<f32> {
        let mut scores = vec![0.0; self.lens.len()];
        for term in self.analyzer.terms(query) {
            if let Some(postings) = self.postings.get(&term) {
                self.add_term(postings, 1.0, &mut scores);
            } else if matching == Matching::Fuzzy {
                for (near, weight) in fuzzy::nearest(&term, self.postings.keys()) {
                    self.add_term(&self.postings[near], weight, &mut scores);
                }
            }
        }
        scores
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of documents and words")]
    fn add_term(&self, postings: &[(u32, u32)], weight: f32, scores: &mut [f32]) {
        let with = postings.len() as f32;
        let idf = (1.0 + (self.lens.len() as f32 - with + 0.5) / (with + 0.5)).ln();
        for &(document, count) in postings {
            let place = document as usize;
            let count = count as f32;
            let norm = K1 * (1.0 - B + B * self.lens[place] as f32 / self.mean_len);
            scores[place] += weight * idf * count * (K1 + 1.0) / (count + norm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_and_short_documents_score_higher() {
        let bm25 = Bm25::new(&["the cat", "the dog and the cat", "the bird", "the"]);
        let scores = bm25.scores("cats", Matching::Exact);
        assert!(scores[0] > scores[1] && scores[1] > 0.0);
        assert_eq!(scores[2..], [0.0, 0.0]);
        let scores = bm25.scores("the bird", Matching::Exact);
        assert!(scores[2] > scores[3]);
    }

    #[test]
    fn an_unknown_word_counts_as_its_neighbours_if_asked() {
        let bm25 = Bm25::new(&["a mountain", "a valley"]);
        assert_eq!(bm25.scores("montain", Matching::Exact), [0.0, 0.0]);
        let scores = bm25.scores("montain", Matching::Fuzzy);
        assert!(scores[0] > 0.0 && scores[1] == 0.0);
    }
}
