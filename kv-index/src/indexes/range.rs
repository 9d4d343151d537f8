//! Keys in order.

use kv_proto::Entry;

use super::{Indexes, is_shown};
use crate::kinds::Kinds;
use crate::ordered::{Direction, KeyRange, merge};

impl Indexes {
    /// Up to `limit` entries of `range` in order of their keys; `None` if not every key is in the
    /// ordered index, or not yet.
    #[must_use]
    pub fn range(
        &self,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
        now_ms: u64,
    ) -> Option<Vec<Entry>> {
        if !self.maker.rules.cover(Kinds::ORDERED) {
            return None;
        }
        let shards = self.fresh(Kinds::ORDERED).ok()?;
        let scans = shards
            .iter()
            .map(|state| state.ordered.range(range, direction));
        let entries = merge(scans, direction).filter(|entry| is_shown(entry, None, now_ms));
        Some(entries.take(limit).cloned().collect())
    }
}
