//! All shards at one moment, as one.

use std::cmp::Ordering;

use kv_embed::vectors::{VectorError, VectorIndex};
use kv_proto::Entry;
use parking_lot::RwLockReadGuard;

use super::is_shown;
use super::words::Asked;
use crate::DocId;
use crate::content::Content;
use crate::shard::State;
use crate::text::{Query, TermStats};

/// All shards, of which only some entries are shown.
pub(super) struct View<'a> {
    pub(super) shards: &'a [RwLockReadGuard<'a, State>],
    pub(super) prefix: Option<&'a [u8]>,
    pub(super) now_ms: u64,
}

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
    pub(super) fn ask(&self, query: Query) -> Asked {
        let stats = TermStats::gather(&query, self.shards.iter().map(|shard| &shard.text));
        Asked { query, stats }
    }

    /// The entries that fit the words of a query best, best first.
    pub(super) fn words(&self, asked: &Asked, limit: usize) -> Vec<Found<'a>> {
        let (query, stats) = (&asked.query, &asked.stats);
        let in_shard = |(shard, state): (usize, &'a RwLockReadGuard<'a, State>)| {
            let accept = |doc| state.docs.get(doc).is_some_and(|entry| self.shows(entry));
            let texts = |doc, visit: &mut dyn FnMut(&str, &str)| {
                if let Some(entry) = state.docs.get(doc) {
                    Content::of(entry).strings(visit);
                }
            };
            let docs = state.text.search(query, stats, limit, &accept, &texts);
            let found = docs.into_iter().filter_map(move |(doc, score)| {
                let entry = state.docs.get(doc)?;
                let score = f64::from(score);
                Some(Found {
                    shard,
                    doc,
                    entry,
                    score,
                })
            });
            found.collect::<Vec<_>>()
        };
        best(self.numbered().flat_map(in_shard).collect(), limit)
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
