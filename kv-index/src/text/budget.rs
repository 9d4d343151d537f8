//! What a query may cost, so that none keeps the indexes for long.
//!
//! A step is about a nanosecond of a common processor. Steps are counted, not measured: the same
//! query over the same documents is answered or refused, whatever else the machine does. A query
//! whose steps are spent is refused as a whole; there are no hits of a part of the documents.

use std::cell::Cell;

use super::query::{LeafKind, Query};
use super::stats::TermStats;

/// Most steps of a query, over all shards: it takes less than a second, if other programs use the
/// processor as well.
pub const STEPS_MAX: u64 = 700_000_000;

/// Looking at a cursor whose document is known.
pub(super) const LOOK: u64 = 2;

/// Scoring a posting of many, one after the other.
pub(super) const POSTING: u64 = 3;

/// Moving to a posting somewhere ahead.
pub(super) const SEEK: u64 = 20;

/// Moving to a posting that is most likely near.
pub(super) const STRIDE: u64 = 10;

/// Moving to another of many alternatives.
pub(super) const TURN: u64 = 40;

/// Asking whether a document may be found.
pub(super) const FILTER: u64 = 40;

/// Looking up a word that may complete a prefix, or resemble another.
pub(super) const CANDIDATE: u64 = 200;

/// Comparing a word's letters with those of another.
pub(super) const COMPARISON: u64 = 60;

/// Looking at a word somewhere in the alphabet.
pub(super) const PROBE: u64 = 80;

/// Reading a document, besides its bytes.
const DOCUMENT: u64 = 200;

/// Reading a byte of a document, and finding words in it.
const BYTE: u64 = 4;

/// Looking up a word of a document.
pub(super) const WORD: u64 = 12;

/// Where steps go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// To words that complete a prefix or resemble a word.
    Words,
    /// To postings.
    Postings,
    /// To documents that are read to look for phrases.
    Phrases,
    /// To telling what was found, and why.
    Telling,
}

const COSTS: usize = 4;

/// The steps that a query has left.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u64>,
    spent: [Cell<u64>; COSTS],
}

impl Default for Budget {
    /// [`STEPS_MAX`] steps.
    fn default() -> Budget {
        Budget::new(STEPS_MAX)
    }
}

impl Budget {
    /// `steps` steps.
    #[must_use]
    pub fn new(steps: u64) -> Budget {
        Budget {
            left: Cell::new(steps),
            spent: Default::default(),
        }
    }

    #[inline]
    pub(crate) fn spend(&self, cost: Cost, steps: u64) {
        let spent = &self.spent[cost as usize];
        spent.set(spent.get() + steps);
        self.left.set(self.left.get().saturating_sub(steps));
    }

    /// For a document of so many bytes that is read.
    pub(crate) fn spend_on_document(&self, cost: Cost, bytes: usize) {
        self.spend(cost, DOCUMENT + BYTE * bytes as u64);
    }

    /// Whether nothing is left, so that whoever works for the query may stop.
    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// What has been spent.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.spent.iter().map(Cell::get).sum()
    }

    /// Refuses the query, whose numbers are `stats`, if nothing is left.
    ///
    /// # Errors
    /// If nothing is left.
    pub fn check(&self, query: &Query, stats: &TermStats) -> Result<(), TooBroad> {
        if !self.is_spent() {
            return Ok(());
        }
        let of = |cost: Cost| self.spent[cost as usize].get();
        let costs = [Cost::Words, Cost::Postings, Cost::Phrases, Cost::Telling];
        let most = costs.into_iter().max_by_key(|cost| of(*cost));
        Err(match most.unwrap_or(Cost::Postings) {
            Cost::Words => TooBroad::Words,
            Cost::Postings => TooBroad::Postings {
                documents: stats.documents(),
            },
            Cost::Phrases => broadest_phrase(query, stats),
            Cost::Telling => TooBroad::Telling,
        })
    }
}

/// The phrase whose rarest word is in most documents.
fn broadest_phrase(query: &Query, stats: &TermStats) -> TooBroad {
    let phrases = query.leaves.iter().enumerate();
    let phrases = phrases.filter(|(_, leaf)| matches!(leaf.kind, LeafKind::Phrase(_)));
    let counted = phrases.map(|(index, leaf)| (stats.documents_with_all(index), leaf));
    let broadest = counted.max_by_key(|(documents, _)| *documents);
    TooBroad::Phrase {
        phrase: broadest.map_or(String::new(), |(_, leaf)| leaf.to_string()),
        documents: broadest.map_or(0, |(documents, _)| documents),
    }
}

/// A query that would take too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooBroad {
    /// Too many words have to be compared with its prefixes and with its fuzzy words, which are
    /// also those that no document has.
    #[error(
        "query too broad: too many words have to be compared with those that end in `*` or `~` or \
         that no document has; write more of their letters, or fewer of them"
    )]
    Words,
    /// Too many documents have too many of its words.
    #[error(
        "query too broad: too many of the {documents} documents have its words; \
         add a rarer word, or leave out prefixes and common words"
    )]
    Postings {
        /// That have words.
        documents: u64,
    },
    /// Too many documents have a phrase's words, in any order, and would have to be read.
    #[error(
        "query too broad: the words of the phrase {phrase} are in up to {documents} documents, \
         which would have to be read; add a rarer word"
    )]
    Phrase {
        /// As a query.
        phrase: String,
        /// That have the rarest of its words.
        documents: u64,
    },
    /// What was found is too much to be sorted, or too long to be looked through for snippets and
    /// explanations.
    #[error(
        "query too broad: too much was found to be sorted, shown in part or explained; \
         ask for fewer hits, or without snippets and explanations"
    )]
    Telling,
}
