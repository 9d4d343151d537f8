//! Keys by value.

use kv_proto::{Entry, Value};

use super::{Indexes, SearchError, is_shown};
use crate::content::Content;
use crate::kinds::Kinds;

/// Reading a byte of a value, to compare it with the one sought.
const STEPS_A_BYTE: u64 = 5;

/// Looking at an entry besides, and sorting it by its key.
const STEPS_AN_ENTRY: u64 = 300;

impl Indexes {
    /// Entries whose value equals `value`, or has it at `path`; at most `limit`, by key.
    ///
    /// # Errors
    /// If there is no value index, or not yet, or so many or such long values
    /// are found that it would take too long.
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
        let mut steps_left = self.steps_max;
        let mut is_it = |entry: &Entry| {
            let steps = STEPS_AN_ENTRY + STEPS_A_BYTE * entry.payload().len() as u64;
            steps_left = steps_left.checked_sub(steps)?;
            Some(is_match(entry, path, &sought))
        };
        let mut entries: Vec<Entry> = Vec::new();
        for state in &shards {
            let mut left = limit;
            let docs = state.value.find(hash).filter_map(|doc| state.docs.get(doc));
            for entry in docs.filter(|entry| is_shown(entry, None, now_ms)) {
                if left == 0 {
                    break;
                }
                if is_it(entry).ok_or(SearchError::FoundTooMuch)? {
                    entries.push(entry.clone());
                    left -= 1;
                }
            }
        }
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
