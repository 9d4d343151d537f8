//! What a score depends on besides the document: how many documents there are, how long they are,
//! and how many have each word of the query.
//!
//! 1. Each shard says what it has; merged, all shards score alike. [`TermStats::gather`] does it.
//! 2. Which words a prefix or a misspelling stands for is decided by the merged numbers as well: the
//!    nearest first, then those that most documents have.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::TextIndex;
use super::bm25::idf;
use super::budget::{Budget, TooBroad};
use super::query::{DISTANCE_MAX, Leaf, LeafKind, Query, edits_for};

/// Most words that a prefix or a misspelling stands for.
pub const EXPANSIONS_MAX: usize = 64;

/// Most that one shard proposes.
const PROPOSALS_MAX: usize = 4 * EXPANSIONS_MAX;

/// The numbers of one shard, or of several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TermStats {
    documents: u64,
    words: u64,
    /// One a leaf of the query.
    leaves: Vec<LeafStats>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct LeafStats {
    /// The stems that the query names, and how many documents have each.
    named: Vec<(Box<str>, u64)>,
    /// The stems that it may stand for.
    proposed: BTreeMap<Box<str>, Proposal>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Proposal {
    distance: u8,
    documents: u64,
}

/// A stem to look for, and what it counts for.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightedStem<'a> {
    pub(super) stem: &'a str,
    pub(super) idf: f32,
    /// Below one for what was written differently.
    pub(super) boost: f32,
}

impl TermStats {
    /// The numbers of all shards together.
    ///
    /// # Errors
    /// If `budget` is spent before all of them are known.
    pub fn gather<'i>(
        query: &Query,
        shards: impl IntoIterator<Item = &'i TextIndex> + Clone,
        budget: &Budget,
    ) -> Result<TermStats, TooBroad> {
        let mut proposed = TermStats::default();
        for shard in shards.clone() {
            proposed.merge(&shard.stats(query, budget)?);
        }
        if !proposed.has_proposals() {
            return Ok(proposed);
        }
        let mut stats = TermStats::default();
        for shard in shards {
            stats.merge(&shard.recount(query, &proposed));
        }
        Ok(stats)
    }

    /// Whether the query has prefixes or misspellings, of which each shard knows others, so that
    /// they have to be [counted again](TextIndex::recount).
    #[must_use]
    pub fn has_proposals(&self) -> bool {
        self.leaves.iter().any(|leaf| !leaf.proposed.is_empty())
    }

    /// Adds another shard's numbers for the same query.
    pub fn merge(&mut self, other: &TermStats) {
        self.documents += other.documents;
        self.words += other.words;
        if self.leaves.is_empty() {
            self.leaves.clone_from(&other.leaves);
            return;
        }
        for (own, other) in self.leaves.iter_mut().zip(&other.leaves) {
            own.merge(other);
        }
    }

    /// How many documents there are that have words.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// At most so many documents have all that a leaf names.
    pub(super) fn documents_with_all(&self, leaf: usize) -> u64 {
        let named = self.leaves.get(leaf).map_or(&[][..], |leaf| &leaf.named);
        let counts = named.iter().map(|(_, documents)| *documents);
        counts.min().unwrap_or(0)
    }

    /// Words a document.
    pub(super) fn average_length(&self) -> f32 {
        if self.documents == 0 {
            return 1.0;
        }
        self.words as f32 / self.documents as f32
    }

    /// What a leaf of the query stands for.
    pub(super) fn stems(&self, leaf: usize) -> Vec<WeightedStem<'_>> {
        let Some(leaf) = self.leaves.get(leaf) else {
            return Vec::new();
        };
        if leaf.is_named() || leaf.proposed.is_empty() {
            let named = leaf.named.iter();
            return named
                .map(|(stem, count)| self.weigh(stem, *count, 0))
                .collect();
        }
        let proposed = leaf.proposed.iter();
        let mut proposed: Vec<_> = proposed.filter(|(_, known)| known.documents > 0).collect();
        proposed.sort_by_key(|(_, proposal)| proposal.rank());
        proposed.truncate(EXPANSIONS_MAX);
        let proposed = proposed.into_iter();
        proposed
            .map(|(stem, proposal)| self.weigh(stem, proposal.documents, proposal.distance))
            .collect()
    }

    fn weigh<'a>(&self, stem: &'a str, documents: u64, distance: u8) -> WeightedStem<'a> {
        WeightedStem {
            stem,
            idf: idf(self.documents, documents),
            boost: 1.0 / (1.0 + f32::from(distance)),
        }
    }
}

impl Proposal {
    /// Lower is better.
    fn rank(&self) -> (u8, Reverse<u64>) {
        (self.distance, Reverse(self.documents))
    }
}

impl LeafStats {
    /// Whether what the query names is to be taken as it is.
    fn is_named(&self) -> bool {
        self.named.len() > 1 || self.named.iter().any(|(_, documents)| *documents > 0)
    }

    fn merge(&mut self, other: &LeafStats) {
        for ((_, own), (_, other)) in self.named.iter_mut().zip(&other.named) {
            *own += other;
        }
        for (stem, proposal) in &other.proposed {
            self.propose(stem, *proposal);
        }
    }

    fn propose(&mut self, stem: &str, proposal: Proposal) {
        match self.proposed.get_mut(stem) {
            Some(own) => {
                own.distance = own.distance.min(proposal.distance);
                own.documents += proposal.documents;
            }
            None => drop(self.proposed.insert(stem.into(), proposal)),
        }
    }
}

impl TextIndex {
    /// This index's numbers for a query.
    ///
    /// # Errors
    /// If `budget` is spent before all of them are known.
    pub fn stats(&self, query: &Query, budget: &Budget) -> Result<TermStats, TooBroad> {
        let mut leaves: Vec<LeafStats> = Vec::with_capacity(query.leaves.len());
        for (index, leaf) in query.leaves.iter().enumerate() {
            let same = query.leaves[..index].iter().position(|known| known == leaf);
            leaves.push(match same {
                Some(same) => leaves[same].clone(),
                None => self.leaf_stats(leaf, query.has_fallback, budget),
            });
        }
        let stats = TermStats {
            documents: self.document_count,
            words: self.word_count,
            leaves,
        };
        budget.check(query, &stats)?;
        Ok(stats)
    }

    /// This index's numbers for a query, with all that any shard proposed. A shard counts a stem in
    /// its first answer only if it has a word of that stem that begins as it should, or resembles
    /// what it should.
    #[must_use]
    pub fn recount(&self, query: &Query, proposed: &TermStats) -> TermStats {
        let mut stats = proposed.clone();
        stats.documents = self.document_count;
        stats.words = self.word_count;
        for (stats, leaf) in stats.leaves.iter_mut().zip(&query.leaves) {
            let field = leaf.field.as_deref();
            for (stem, documents) in &mut stats.named {
                *documents = self.documents_with_stem(stem, field);
            }
            for (stem, proposal) in &mut stats.proposed {
                proposal.documents = self.documents_with_stem(stem, field);
            }
        }
        stats
    }

    fn documents_with_stem(&self, stem: &str, field: Option<&str>) -> u64 {
        let term = self.lexicon.term_of_stem(stem, field);
        term.map_or(0, |term| self.postings.documents(term)).into()
    }

    fn leaf_stats(&self, leaf: &Leaf, has_fallback: bool, budget: &Budget) -> LeafStats {
        let mut stats = LeafStats::default();
        match &leaf.kind {
            LeafKind::Word(word) => {
                stats.named.push(self.named(leaf, word));
                if has_fallback && leaf.is_sought && !stats.is_named() {
                    self.propose_similar(leaf, word, edits_for(word), budget, &mut stats);
                }
            }
            LeafKind::Phrase(words) => {
                stats.named = words.iter().map(|word| self.named(leaf, word)).collect();
            }
            LeafKind::Prefix(prefix) => self.propose_with_prefix(leaf, prefix, budget, &mut stats),
            LeafKind::Fuzzy(word, edits) => {
                let edits = edits.unwrap_or_else(|| edits_for(word));
                self.propose_similar(leaf, word, edits, budget, &mut stats);
            }
        }
        stats
    }

    fn named(&self, leaf: &Leaf, word: &str) -> (Box<str>, u64) {
        let stem = self.lexicon.analyzer().stem(word);
        let documents = self.documents_with_stem(&stem, leaf.field.as_deref());
        (stem.into(), documents)
    }

    fn propose_with_prefix(
        &self,
        leaf: &Leaf,
        prefix: &str,
        budget: &Budget,
        stats: &mut LeafStats,
    ) {
        let mut best = Best::default();
        self.lexicon.for_each_with_prefix(prefix, budget, |term| {
            let (stem, proposal) = self.proposal(leaf, term, 0);
            best.add(stem, proposal);
        });
        best.propose(stats);
    }

    fn propose_similar(
        &self,
        leaf: &Leaf,
        word: &str,
        edits: u8,
        budget: &Budget,
        stats: &mut LeafStats,
    ) {
        let mut best = Best::default();
        self.lexicon
            .for_each_similar(word, edits, budget, |term, distance| {
                let (stem, proposal) = self.proposal(leaf, term, distance);
                best.add(stem, proposal);
            });
        best.propose(stats);
    }

    /// Also of a stem that no document has in the leaf's field: those of another shard may.
    fn proposal(&self, leaf: &Leaf, term: u32, distance: u8) -> (&str, Proposal) {
        let in_field = match &leaf.field {
            None => Some(term),
            Some(name) => {
                let field = self.lexicon.field(name);
                field.and_then(|field| self.lexicon.find_in_field(field, term))
            }
        };
        let documents = in_field
            .map_or(0, |term| self.postings.documents(term))
            .into();
        let proposal = Proposal {
            distance,
            documents,
        };
        (self.lexicon.stem(term), proposal)
    }
}

/// The best proposals of one shard, of equal ones those first in the alphabet; not one more than
/// they may be, however many words there are.
#[derive(Debug, Default)]
struct Best<'a>(BTreeSet<(u8, Reverse<u64>, &'a str)>);

impl<'a> Best<'a> {
    fn add(&mut self, stem: &'a str, proposal: Proposal) {
        let (distance, documents) = proposal.rank();
        let proposed = (distance, documents, stem);
        let is_full = self.0.len() >= PROPOSALS_MAX;
        if is_full && self.0.last().is_some_and(|last| *last <= proposed) {
            return;
        }
        // Another word with this stem may be nearer, or not as near.
        if (0..distance).any(|nearer| self.0.contains(&(nearer, documents, stem))) {
            return;
        }
        for farther in distance + 1..=DISTANCE_MAX {
            self.0.remove(&(farther, documents, stem));
        }
        self.0.insert(proposed);
        if self.0.len() > PROPOSALS_MAX {
            self.0.pop_last();
        }
    }

    fn propose(self, stats: &mut LeafStats) {
        for (distance, Reverse(documents), stem) in self.0 {
            let proposal = Proposal {
                distance,
                documents,
            };
            stats.propose(stem, proposal);
        }
    }
}
