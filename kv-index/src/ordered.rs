//! Keys in order: ranges and prefixes without a look at every key.
//!
//! 1. Holds one handle a key, on the entry that the map has: a key is in memory once.
//! 2. An overwrite has to replace the handle, or the old value stays in memory for as long as its
//!    key. See [`OrderedIndex::insert`].
//!
//! Never looks at an entry's expiry. A shard has one of these; [`merge`] reads several as one.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, btree_set};

use kv_proto::Entry;

mod merge;
mod range;

pub use merge::{Merge, merge};
pub use range::KeyRange;

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// A B-tree node has room for eleven handles and is between half full and full; as measured, with
/// its parent's share and what the allocator adds.
const BYTES_PER_KEY: usize = 16;

/// Entries ordered by key.
///
/// ```
/// use kv_index::ordered::{Direction, KeyRange, OrderedIndex};
/// use kv_proto::{Entry, Tag};
///
/// let mut index = OrderedIndex::default();
/// for key in ["b", "user:1", "user:2", "user:3", "a"] {
///     index.insert(Entry::new(key.as_bytes(), Tag::Bytes, b"v", 1, None));
/// }
/// let page = |range: &KeyRange| -> Vec<String> {
///     let found = index.range(range, Direction::Ascending).take(2);
///     found.map(|entry| entry.key().escape_ascii().to_string()).collect()
/// };
/// let users = KeyRange::prefix(b"user:");
/// assert_eq!(page(&users), ["user:1", "user:2"]);
/// assert_eq!(page(&users.after(b"user:2", Direction::Ascending)), ["user:3"]);
/// ```
#[derive(Debug, Default)]
pub struct OrderedIndex(BTreeSet<ByKey>);

impl OrderedIndex {
    /// Takes note of an entry, in place of the one that its key had; whether it had one.
    pub fn insert(&mut self, entry: Entry) -> bool {
        self.0.replace(ByKey(entry)).is_some()
    }

    /// Forgets the key; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.0.remove(key)
    }

    /// The entries whose keys are in `range`.
    #[must_use]
    pub fn range(&self, range: &KeyRange, direction: Direction) -> Scan<'_> {
        Scan {
            rest: range.bounds().map(|bounds| self.0.range::<[u8], _>(bounds)),
            direction,
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// About the memory it takes, without the entries: the map has those, too.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.len() * BYTES_PER_KEY
    }
}

impl FromIterator<Entry> for OrderedIndex {
    /// All at once, which is faster than one by one; of equal keys the last entry counts.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> OrderedIndex {
        OrderedIndex(entries.into_iter().map(ByKey).collect())
    }
}

/// Entries in order; see [`OrderedIndex::range`].
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// `None` if nothing can be in the range.
    rest: Option<btree_set::Range<'a, ByKey>>,
    direction: Direction,
}

impl<'a> Iterator for Scan<'a> {
    type Item = &'a Entry;

    fn next(&mut self) -> Option<&'a Entry> {
        let rest = self.rest.as_mut()?;
        let next = match self.direction {
            Direction::Ascending => rest.next(),
            Direction::Descending => rest.next_back(),
        };
        next.map(|ByKey(entry)| entry)
    }
}

/// An entry that is compared by its key.
#[derive(Debug)]
struct ByKey(Entry);

impl Borrow<[u8]> for ByKey {
    fn borrow(&self) -> &[u8] {
        self.0.key()
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &ByKey) -> Ordering {
        self.0.key().cmp(other.0.key())
    }
}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &ByKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &ByKey) -> bool {
        self.0.key() == other.0.key()
    }
}

impl Eq for ByKey {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kv_proto::Tag;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Short, with prefixes of each other and bytes at both ends.
    fn keys() -> impl Strategy<Value = Vec<u8>> {
        vec(prop_oneof![Just(0), Just(b'a'), Just(0xff)], 0..4)
    }

    fn ranges() -> impl Strategy<Value = KeyRange> {
        prop_oneof![
            Just(KeyRange::all()),
            keys().prop_map(|prefix| KeyRange::prefix(&prefix)),
            (keys(), proptest::option::of(keys()))
                .prop_map(|(start, end)| KeyRange::new(&start, end.as_deref())),
        ]
    }

    fn directions() -> impl Strategy<Value = Direction> {
        prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)]
    }

    type Model = BTreeMap<Vec<u8>, u64>;

    fn expected(model: &Model, range: &KeyRange, direction: Direction) -> Vec<u64> {
        let within = model.iter().filter(|(key, _)| range.contains(key));
        let mut versions: Vec<u64> = within.map(|(_, version)| *version).collect();
        if direction == Direction::Descending {
            versions.reverse();
        }
        versions
    }

    fn versions<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u64> {
        entries.map(Entry::version).collect()
    }

    /// Reads a range by pages of `page` entries, each after the last key of the one before.
    fn by_pages(
        index: &OrderedIndex,
        range: &KeyRange,
        direction: Direction,
        page: usize,
    ) -> Vec<u64> {
        let (mut seen, mut rest) = (Vec::new(), range.clone());
        loop {
            let entries: Vec<&Entry> = index.range(&rest, direction).take(page).collect();
            let Some(last) = entries.last() else {
                return seen;
            };
            rest = rest.after(last.key(), direction);
            seen.extend(versions(entries.into_iter()));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_model(
            ops in vec((keys(), any::<bool>()), 0..60),
            range in ranges(),
            cursor in keys(),
            direction in directions(),
            page in 1usize..4,
        ) {
            let (mut index, mut model) = (OrderedIndex::default(), Model::new());
            for ((key, put), version) in ops.into_iter().zip(1u64..) {
                if put {
                    let entry = Entry::new(&key, Tag::Bytes, b"", version, None);
                    let replaced = index.insert(entry);
                    prop_assert_eq!(replaced, model.insert(key, version).is_some());
                } else {
                    prop_assert_eq!(index.remove(&key), model.remove(&key).is_some());
                }
            }
            prop_assert_eq!(index.len(), model.len());
            let all = expected(&model, &range, direction);
            prop_assert_eq!(versions(index.range(&range, direction)), all.clone());
            prop_assert_eq!(by_pages(&index, &range, direction, page), all);
            let after = range.after(&cursor, direction);
            prop_assert_eq!(
                versions(index.range(&after, direction)),
                expected(&model, &after, direction)
            );
        }

        #[test]
        fn shards_merge_to_one_order(
            keys in vec((keys(), 0usize..3), 0..60),
            range in ranges(),
            direction in directions(),
        ) {
            let (mut shards, mut model) = ([const { Vec::new() }; 3], Model::new());
            for ((key, shard), version) in keys.into_iter().zip(1u64..) {
                model.entry(key.clone()).or_insert_with(|| {
                    shards[shard].push(Entry::new(&key, Tag::Bytes, b"", version, None));
                    version
                });
            }
            let shards = shards.map(OrderedIndex::from_iter);
            let scans = shards.iter().map(|shard| shard.range(&range, direction));
            prop_assert_eq!(
                versions(merge(scans, direction)),
                expected(&model, &range, direction)
            );
        }
    }

    #[test]
    fn an_overwrite_lets_go_of_the_old_entry() {
        let mut index = OrderedIndex::default();
        let entry = |version| Entry::new(b"k", Tag::Bytes, b"v", version, None);
        assert!(!index.insert(entry(1)));
        assert!(index.insert(entry(2)));
        let all = index.range(&KeyRange::all(), Direction::Ascending);
        assert_eq!(versions(all), [2]);
    }

    #[test]
    fn of_equal_keys_the_last_is_kept() {
        let entries = (1..4).map(|version| Entry::new(b"k", Tag::Bytes, b"v", version, None));
        let index: OrderedIndex = entries.collect();
        let all = index.range(&KeyRange::all(), Direction::Ascending);
        assert_eq!(versions(all), [3]);
    }
}
