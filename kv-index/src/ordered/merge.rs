//! Several ordered scans as one.

use kv_proto::Entry;

use super::Direction;

/// Entries of several scans in one order; see [`merge`].
#[derive(Debug)]
pub struct Merge<'a, I> {
    /// Scans that are not at their end, each with its next entry.
    heads: Vec<(&'a Entry, I)>,
    direction: Direction,
}

/// Merges scans that go in `direction`. Each step looks at every scan, so there should be few, as
/// there are of shards.
///
/// ```
/// use kv_index::ordered::{Direction, KeyRange, OrderedIndex, merge};
/// use kv_proto::{Entry, Tag};
///
/// let entry = |key: &str| Entry::new(key.as_bytes(), Tag::Bytes, b"v", 1, None);
/// let shards = [["a", "d"], ["b", "c"]]
///     .map(|keys| OrderedIndex::from_iter(keys.map(entry)));
/// let scans = shards
///     .iter()
///     .map(|shard| shard.range(&KeyRange::all(), Direction::Descending));
/// let keys = merge(scans, Direction::Descending).map(|entry| entry.key());
/// assert!(keys.eq(["d", "c", "b", "a"].map(str::as_bytes)));
/// ```
pub fn merge<'a, I>(scans: impl IntoIterator<Item = I>, direction: Direction) -> Merge<'a, I>
where
    I: Iterator<Item = &'a Entry>,
{
    let heads = scans
        .into_iter()
        .filter_map(|mut scan| Some((scan.next()?, scan)));
    Merge {
        heads: heads.collect(),
        direction,
    }
}

impl<'a, I: Iterator<Item = &'a Entry>> Iterator for Merge<'a, I> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        let heads = self.heads.iter().enumerate();
        let by_key =
            |(_, (a, _)): &(_, &(&Entry, I)), (_, (b, _)): &(_, &(&Entry, I))| a.key().cmp(b.key());
        let first = match self.direction {
            Direction::Ascending => heads.min_by(by_key),
            Direction::Descending => heads.max_by(by_key),
        };
        let (index, _) = first?;
        let (entry, scan) = &mut self.heads[index];
        match scan.next() {
            Some(next) => Some(std::mem::replace(entry, next)),
            None => Some(self.heads.swap_remove(index).0),
        }
    }
}
