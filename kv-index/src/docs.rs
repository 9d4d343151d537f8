//! Which documents there are in one shard: entries by number and by key.
//!
//! 1. A key has at most one document. An overwrite gives it a new number, larger than all before.
//! 2. A number whose document is gone names nothing until [`Docs::compact`] closes the gaps.
//! 3. The handle of an entry that is gone is not kept, so its memory is not either.
//!
//! Never looks at an entry's expiry.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table;
use kv_proto::Entry;

use crate::{DocId, Renumbering};

/// Numbers stay below this; [`Docs::compact`] comes long before.
pub const DOC_COUNT_MAX: usize = 1 << 31;

/// Fewer gaps than this are not worth a compaction.
const DEAD_MIN: usize = 4096;

/// One shard's documents.
///
/// ```
/// use kv_index::{DocId, Docs};
/// use kv_proto::{Entry, Tag};
///
/// let entry = |value: &[u8]| Entry::new(b"k", Tag::Bytes, value, 1, None);
/// let mut docs = Docs::default();
/// assert!(docs.put(entry(b"old")).old.is_none());
/// let put = docs.put(entry(b"new"));
/// assert_eq!(put.new, DocId(1));
/// assert_eq!(put.old, Some((DocId(0), entry(b"old"))));
/// assert_eq!(docs.get(DocId(0)), None);
/// assert_eq!(docs.by_key(b"k"), Some((DocId(1), &entry(b"new"))));
///
/// let renumbering = docs.compact();
/// assert_eq!(renumbering.get(DocId(1)), Some(DocId(0)));
/// assert_eq!(docs.by_key(b"k"), Some((DocId(0), &entry(b"new"))));
/// ```
#[derive(Debug, Default)]
pub struct Docs {
    entries: Vec<Option<Entry>>,
    by_key: HashTable<u32>,
    /// Keyed: nobody can choose keys that collide.
    hasher: RandomState,
}

/// What [`Docs::put`] did.
#[derive(Debug, PartialEq)]
pub struct Put {
    /// The new document.
    pub new: DocId,
    /// The key's document before, which is gone.
    pub old: Option<(DocId, Entry)>,
}

impl Docs {
    /// Makes `entry` its key's document.
    ///
    /// # Panics
    /// If there have been [`DOC_COUNT_MAX`] documents without a compaction.
    pub fn put(&mut self, entry: Entry) -> Put {
        let id = self.next_id();
        let (entries, hasher) = (&mut self.entries, &self.hasher);
        let slot = self.by_key.entry(
            hasher.hash_one(entry.key()),
            |known| key_of(entries, *known) == entry.key(),
            |moved| hasher.hash_one(key_of(entries, *moved)),
        );
        let old = match slot {
            hash_table::Entry::Occupied(mut slot) => {
                Some(DocId(std::mem::replace(slot.get_mut(), id.0)))
            }
            hash_table::Entry::Vacant(slot) => {
                slot.insert(id.0);
                None
            }
        };
        entries.push(Some(entry));
        Put {
            new: id,
            old: old.map(|old| (old, self.take(old))),
        }
    }

    /// Removes the key's document.
    pub fn remove(&mut self, key: &[u8]) -> Option<(DocId, Entry)> {
        let hash = self.hasher.hash_one(key);
        let entries = &self.entries;
        let slot = self
            .by_key
            .find_entry(hash, |known| key_of(entries, *known) == key);
        let (id, _) = slot.ok()?.remove();
        Some((DocId(id), self.take(DocId(id))))
    }

    /// The document with this number, unless it is gone.
    #[must_use]
    pub fn get(&self, doc: DocId) -> Option<&Entry> {
        self.entries.get(doc.index())?.as_ref()
    }

    /// The key's document.
    #[must_use]
    pub fn by_key(&self, key: &[u8]) -> Option<(DocId, &Entry)> {
        let hash = self.hasher.hash_one(key);
        let is_it = |known: &u32| key_of(&self.entries, *known) == key;
        let id = DocId(*self.by_key.find(hash, is_it)?);
        Some((id, self.get(id)?))
    }

    /// All documents, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (DocId, &Entry)> {
        let numbered = (0..).map(DocId).zip(&self.entries);
        numbered.filter_map(|(id, entry)| Some((id, entry.as_ref()?)))
    }

    /// How many documents there are.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.by_key.len()
    }

    /// How many numbers there are, of documents that are gone, too.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// How many numbers name nothing any more.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.entries.len() - self.by_key.len()
    }

    /// Whether more than a quarter of the numbers, and not only a few, name nothing.
    #[must_use]
    pub fn is_compaction_due(&self) -> bool {
        self.dead() >= DEAD_MIN && self.dead() > self.entries.len() / 4
    }

    /// Closes the gaps. Whoever holds numbers has to exchange them.
    pub fn compact(&mut self) -> Renumbering {
        let renumbering = Renumbering::new(self.entries.iter().map(Option::is_some));
        self.entries.retain(Option::is_some);
        let alive = self.entries.len();
        self.entries.shrink_to(alive + alive / 2);
        for id in self.by_key.iter_mut() {
            let new = renumbering.get(DocId(*id));
            *id = new.expect("a key's document is there").0;
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.by_key.shrink_to(alive + alive / 4, |moved| {
            hasher.hash_one(key_of(entries, *moved))
        });
        renumbering
    }

    /// Memory it takes, without the entries: the map has those, too.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Option<Entry>>() + self.by_key.allocation_size()
    }

    fn next_id(&self) -> DocId {
        let count = self.entries.len();
        assert!(count < DOC_COUNT_MAX, "no compaction for {count} documents");
        DocId(u32::try_from(count).expect("the bound fits"))
    }

    fn take(&mut self, doc: DocId) -> Entry {
        let entry = self.entries[doc.index()].take();
        entry.expect("a key's document is there")
    }
}

fn key_of(entries: &[Option<Entry>], id: u32) -> &[u8] {
    let entry = entries[DocId(id).index()].as_ref();
    entry.expect("a key's document is there").key()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kv_proto::Tag;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Op {
        Put(u8),
        Remove(u8),
        Compact,
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            8 => (0u8..24).prop_map(Op::Put),
            4 => (0u8..24).prop_map(Op::Remove),
            1 => Just(Op::Compact),
        ];
        vec(op, 0..200)
    }

    /// Documents by key, and what the next number is.
    #[derive(Default)]
    struct Model {
        docs: BTreeMap<u8, (DocId, Entry)>,
        next: u32,
    }

    impl Model {
        fn put(&mut self, key: u8, entry: &Entry) -> Put {
            let new = DocId(self.next);
            self.next += 1;
            let old = self.docs.insert(key, (new, entry.clone()));
            Put { new, old }
        }

        fn compact(&mut self, renumbering: &Renumbering) {
            let mut docs: Vec<_> = self.docs.values_mut().collect();
            docs.sort_by_key(|(id, _)| *id);
            for (new, (id, _)) in (0..).map(DocId).zip(docs) {
                assert_eq!(renumbering.get(*id), Some(new));
                *id = new;
            }
            self.next = u32::try_from(self.docs.len()).unwrap();
        }

        fn check(&self, docs: &Docs) {
            for key in 0..24u8 {
                let expected = self.docs.get(&key).map(|(id, entry)| (*id, entry));
                assert_eq!(docs.by_key(&[key]), expected);
            }
            let mut expected: Vec<_> = self.docs.values().cloned().collect();
            expected.sort_by_key(|(id, _)| *id);
            let found: Vec<_> = docs.iter().map(|(id, entry)| (id, entry.clone())).collect();
            assert_eq!(found, expected);
            assert_eq!(docs.alive(), self.docs.len());
            assert_eq!(docs.dead(), self.next as usize - self.docs.len());
        }
    }

    fn entry(key: &[u8], version: u64) -> Entry {
        Entry::new(key, Tag::Bytes, b"v", version, None)
    }

    proptest! {
        #[test]
        fn agrees_with_a_model(ops in ops()) {
            let (mut docs, mut model) = (Docs::default(), Model::default());
            for (op, version) in ops.into_iter().zip(1..) {
                match op {
                    Op::Put(key) => {
                        let entry = entry(&[key], version);
                        assert_eq!(docs.put(entry.clone()), model.put(key, &entry));
                    }
                    Op::Remove(key) => assert_eq!(docs.remove(&[key]), model.docs.remove(&key)),
                    Op::Compact => model.compact(&docs.compact()),
                }
                model.check(&docs);
            }
        }
    }

    #[test]
    fn a_million_overwrites_leave_no_trace() {
        let mut docs = Docs::default();
        let put = |docs: &mut Docs, count: u32| {
            for i in 0..count {
                docs.put(entry(&(i % 1000).to_le_bytes(), 1));
                if docs.is_compaction_due() {
                    docs.compact();
                }
            }
            docs.memory_bytes()
        };
        let before = put(&mut docs, 100_000);
        assert!(put(&mut docs, 1_000_000) <= before);
        assert_eq!(docs.alive(), 1000);
        assert!(docs.dead() <= DEAD_MIN);
    }

    #[test]
    fn compaction_gives_memory_back() {
        let mut docs = Docs::default();
        (0..100_000u32).for_each(|i| drop(docs.put(entry(&i.to_le_bytes(), 1))));
        let full = docs.memory_bytes();
        (10..100_000u32).for_each(|i| drop(docs.remove(&i.to_le_bytes())));
        assert!(docs.is_compaction_due());
        docs.compact();
        assert!(!docs.is_compaction_due());
        assert!(docs.memory_bytes() < full / 100);
    }
}
