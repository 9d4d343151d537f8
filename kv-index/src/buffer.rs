//! Changes that are applied to the map and not to the indexes yet.
//!
//! 1. A key has at most one change here: a later one takes the place of an earlier one. So the
//!    order among the changes does not matter, and a key that is overwritten a thousand times
//!    between two drains is indexed once.
//! 2. Holds at most [`CHANGES_MAX`] changes and about [`BYTES_MAX`] bytes of entries; who adds more
//!    is told that it is full.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table;
use kv_proto::Entry;

/// Most changes that wait. Indexing takes some microseconds a change, so a search that has to see
/// all of them waits well below a second.
pub(crate) const CHANGES_MAX: usize = 8 << 10;

/// Most bytes of entries that wait.
pub(crate) const BYTES_MAX: usize = 16 << 20;

/// What happened to a key.
#[derive(Debug, Clone)]
pub enum Change {
    /// It has this entry now.
    Put(Entry),
    /// It had this entry and is gone.
    Remove(Entry),
}

impl Change {
    /// The entry, new or old.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        match self {
            Change::Put(entry) | Change::Remove(entry) => entry,
        }
    }
}

/// Changes by key.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    changes: HashTable<Change>,
    bytes: usize,
}

impl Buffer {
    /// Adds a change, whose key has the hash `hash`; whether it was empty before.
    pub(crate) fn add(&mut self, hash: u64, change: Change, hasher: &RandomState) -> bool {
        let was_empty = self.changes.is_empty();
        self.bytes += change.entry().memory_bytes();
        let slot = self.changes.entry(
            hash,
            |known| known.entry().key() == change.entry().key(),
            |moved| hasher.hash_one(moved.entry().key()),
        );
        match slot {
            hash_table::Entry::Occupied(mut slot) => {
                let before = std::mem::replace(slot.get_mut(), change);
                self.bytes -= before.entry().memory_bytes();
            }
            hash_table::Entry::Vacant(slot) => drop(slot.insert(change)),
        }
        was_empty
    }

    pub(crate) fn is_full(&self) -> bool {
        self.changes.len() >= CHANGES_MAX || self.bytes >= BYTES_MAX
    }

    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Everything that waits, in no order.
    pub(crate) fn take(&mut self) -> HashTable<Change> {
        self.bytes = 0;
        std::mem::take(&mut self.changes)
    }
}

#[cfg(test)]
mod tests {
    use kv_proto::Tag;

    use super::*;

    fn put(buffer: &mut Buffer, hasher: &RandomState, key: &[u8], version: u64) -> bool {
        let entry = Entry::new(key, Tag::Bytes, b"v", version, None);
        buffer.add(hasher.hash_one(key), Change::Put(entry), hasher)
    }

    #[test]
    fn the_last_change_of_a_key_counts() {
        let (mut buffer, hasher) = (Buffer::default(), RandomState::default());
        assert!(put(&mut buffer, &hasher, b"a", 1));
        assert!(!put(&mut buffer, &hasher, b"b", 2));
        for version in 3..1000 {
            put(&mut buffer, &hasher, b"a", version);
        }
        assert_eq!(buffer.len(), 2);
        let mut versions: Vec<u64> = buffer
            .take()
            .iter()
            .map(|change| change.entry().version())
            .collect();
        versions.sort_unstable();
        assert_eq!(versions, [2, 999]);
        assert_eq!((buffer.len(), buffer.bytes), (0, 0));
    }

    #[test]
    fn bytes_count_as_well_as_changes() {
        let (mut buffer, hasher) = (Buffer::default(), RandomState::default());
        let payload = vec![7; BYTES_MAX / 4];
        for key in 0..4u8 {
            assert!(!buffer.is_full());
            let entry = Entry::new(&[key], Tag::Bytes, &payload, 1, None);
            buffer.add(
                hasher.hash_one([key].as_slice()),
                Change::Put(entry),
                &hasher,
            );
        }
        assert!(buffer.is_full());
    }
}
