//! All shards at one moment, as one.

use std::cmp::Ordering;

use kv_embed::vectors::{VectorError, VectorIndex};
use kv_proto::Entry;
use parking_lot::RwLockReadGuard;

use super::words::Asked;
use super::{SearchError, is_shown};
use crate::DocId;
use crate::content::Content;
use crate::shard::State;
use crate::text::{Budget, Cost, Query, TermStats};

/// All shards, of which only some entries are shown.
pub(super) struct View<'a> {
    pub(super) shards: &'a [RwLockReadGuard<'a, State>],
    pub(super) prefix: Option<&'a [u8]>,
    pub(super) now_ms: u64,
}

/// Sorting an entry among those of other shards, and sending it.
const STEPS_A_HIT: u64 = 1000;

/// Chooses one of a shard's indexes of vectors.
pub(super) type Choose = fn(&State) -> Option<&VectorIndex>;

/// An entry that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) shard: usize,
    pub(super) doc: DocId,
    pub(super) entry: &'a Entry,
    pub(super) score: f64,
}

impl<'a> View<'a> {
    /// A query with its numbers over all shards.
    pub(super) fn ask(&self, query: Query, budget: Budget) -> Result<Asked, SearchError> {
        let shards = self.shards.iter().map(|shard| &shard.text);
        let stats = TermStats::gather(&query, shards, &budget)?;
        Ok(Asked {
            query,
            stats,
            budget,
        })
    }

    /// The entries that fit the words of a query best, best first.
    pub(super) fn words(&self, asked: &Asked, limit: usize) -> Result<Vec<Found<'a>>, SearchError> {
        let mut all = Vec::new();
        for (shard, state) in self.numbered() {
            let accept = |doc| state.docs.get(doc).is_some_and(|entry| self.shows(entry));
            let texts = |doc, visit: &mut dyn FnMut(&str, &str)| {
                let entry = state.docs.get(doc);
                entry.map_or(0, |entry| {
                    Content::of(entry).strings(visit);
                    entry.payload().len()
                })
            };
            let Asked {
                query,
                stats,
                budget,
            } = asked;
            let docs = state
                .text
                .search(query, stats, limit, &accept, &texts, budget)?;
            budget.spend(Cost::Telling, STEPS_A_HIT * docs.len() as u64);
            budget.check(query, stats)?;
            all.extend(docs.into_iter().filter_map(|(doc, score)| {
                let (entry, score) = (state.docs.get(doc)?, f64::from(score));
                Some(Found {
                    shard,
                    doc,
                    entry,
                    score,
                })
            }));
        }
        Ok(best(all, limit))
    }

    /// The vector of a text that is searched for; all shards have the same embedder.
    pub(super) fn vector_of(&self, text: &str) -> Vec<f32> {
        let Some(state) = self.shards.first() else {
            return Vec::new();
        };
        let embedder = &state.texts.embedder;
        let mut vector = vec![0.0; embedder.dims()];
        embedder.embed_query(text, &mut vector);
        vector
    }

    /// The entries whose vectors, of those that `index` chooses, are most like `vector`, best first,
    /// the entry of `except` left out.
    pub(super) fn meaning(
        &self,
        index: Choose,
        vector: &[f32],
        limit: usize,
        except: Option<&[u8]>,
    ) -> Result<Vec<Found<'a>>, VectorError> {
        let mut all = Vec::new();
        for (shard, state) in self.numbered() {
            let shown = |id| {
                let entry = state.docs.get(DocId(id));
                entry.is_some_and(|entry| self.shows(entry) && except != Some(entry.key()))
            };
            let Some(index) = index(state) else {
                continue;
            };
            let hits = index.search(vector, limit, Some(&shown))?;
            all.extend(hits.into_iter().filter_map(|hit| {
                let (doc, score) = (DocId(hit.id), f64::from(hit.score));
                let entry = state.docs.get(doc)?;
                Some(Found {
                    shard,
                    doc,
                    entry,
                    score,
                })
            }));
        }
        Ok(best(all, limit))
    }

    /// The entry of a key, and where it is.
    pub(super) fn by_key(&self, key: &[u8]) -> Option<(&'a State, DocId)> {
        let mut shards = self.numbered();
        shards.find_map(|(_, state)| {
            let (doc, entry) = state.docs.by_key(key)?;
            (!entry.is_expired(self.now_ms)).then_some((&**state, doc))
        })
    }

    fn numbered(&self) -> impl Iterator<Item = (usize, &'a RwLockReadGuard<'a, State>)> + use<'a> {
        self.shards.iter().enumerate()
    }

    fn shows(&self, entry: &Entry) -> bool {
        is_shown(entry, self.prefix, self.now_ms)
    }
}

/// The `limit` best, best first; of equal ones the smaller key first.
pub(super) fn best(mut found: Vec<Found<'_>>, limit: usize) -> Vec<Found<'_>> {
    found.sort_unstable_by(by_score);
    found.truncate(limit);
    found
}

fn by_score(a: &Found<'_>, b: &Found<'_>) -> Ordering {
    let by_score = b.score.total_cmp(&a.score);
    by_score.then_with(|| a.entry.key().cmp(b.entry.key()))
}
