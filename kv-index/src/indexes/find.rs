//! Keys by value.

use kv_proto::{Entry, Value};

use super::{Indexes, SearchError, is_shown};
use crate::content::Content;
use crate::kinds::Kinds;
use crate::shard::State;

impl Indexes {
    /// Entries whose value equals `value`, or has it at `path`; at most `limit`, by key.
    ///
    /// # Errors
    /// If there is no value index, or not yet.
    pub fn find(
        &self,
        value: &Value,
        path: Option<&str>,
        limit: usize,
        now_ms: u64,
    ) -> Result<Vec<Entry>, SearchError> {
        let sought = Content::from(value);
        let hash = match path {
            None => self.maker.hasher.value(&sought),
            Some(path) => self.maker.hasher.field(path, sought.item()),
        };
        let shards = self.fresh(Kinds::VALUE)?;
        let is_it =
            |entry: &&Entry| is_shown(entry, None, now_ms) && is_match(entry, path, &sought);
        let in_shard = |state: &State| -> Vec<Entry> {
            let docs = state.value.find(hash).filter_map(|doc| state.docs.get(doc));
            docs.filter(is_it).take(limit).cloned().collect()
        };
        let mut entries: Vec<Entry> = shards.iter().flat_map(|state| in_shard(state)).collect();
        entries.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        entries.truncate(limit);
        Ok(entries)
    }
}

fn is_match(entry: &Entry, path: Option<&str>, sought: &Content<'_>) -> bool {
    let content = Content::of(entry);
    match path {
        None => content == *sought,
        Some(path) => content.has_at(path, sought),
    }
}
