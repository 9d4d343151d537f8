//! Documents by value, and by what is at a path within a value.
//!
//! ```text
//! 64-bit hash of a value, or of a path and an item ─► | fingerprint u32 | posting u32 |
//! posting = document | 1 << 31, number of a list of documents
//! ```
//!
//! 1. A document is under exactly the hashes that it was inserted with, until it is removed with
//!    the same; what nothing is under any more takes no memory.
//! 2. Half of a hash is kept. Whoever looks for a value may find documents with another one, about
//!    one in four billion; so compare before you believe (see
//!    [`matches`](crate::content::matches)).
//! 3. The hash is keyed: without the seed nobody can choose values that collide.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

use crate::{DocId, Renumbering};

mod hash;
mod postings;

pub use hash::ValueHasher;
pub use postings::Found;
use postings::{Lists, Posting};

/// Documents by hash.
///
/// ```
/// use kv_index::content::Content;
/// use kv_index::value::{ValueHasher, ValueIndex};
/// use kv_index::DocId;
/// use kv_proto::{Tag, Value};
///
/// let hasher = ValueHasher::new(7);
/// let mut index = ValueIndex::default();
/// let content = Content::new(Tag::Bytes, br#"{"name": "John", "age": 30}"#);
/// index.insert(DocId(0), &hasher.all(&content));
///
/// let sought = Content::from(&Value::from_json(br#"{"age": 30, "name": "John"}"#).unwrap());
/// assert!(index.find(hasher.value(&sought)).eq([DocId(0)]));
/// let name = Content::from(&Value::Str("John".into()));
/// assert!(index.find(hasher.field("name", name.item())).eq([DocId(0)]));
/// ```
#[derive(Debug, Default)]
pub struct ValueIndex {
    table: HashTable<Slot>,
    lists: Lists,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    fingerprint: u32,
    posting: Posting,
}

impl Slot {
    /// The table looks at the lowest bits and at the highest seven.
    fn table_hash(&self) -> u64 {
        table_hash(self.fingerprint)
    }
}

fn table_hash(fingerprint: u32) -> u64 {
    u64::from(fingerprint).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn fingerprint(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl ValueIndex {
    /// Puts a document under all of `hashes`; fastest if no document after it is there.
    ///
    /// # Panics
    /// If the document's number is [`DOC_COUNT_MAX`](crate::DOC_COUNT_MAX) or more.
    pub fn insert(&mut self, doc: DocId, hashes: &[u64]) {
        for hash in hashes {
            self.insert_one(doc, fingerprint(*hash));
        }
    }

    fn insert_one(&mut self, doc: DocId, fingerprint: u32) {
        let is_it = |slot: &Slot| slot.fingerprint == fingerprint;
        let slot = self
            .table
            .entry(table_hash(fingerprint), is_it, Slot::table_hash);
        match slot {
            TableEntry::Occupied(mut slot) => {
                let posting = &mut slot.get_mut().posting;
                *posting = self.lists.insert(*posting, doc);
            }
            TableEntry::Vacant(slot) => {
                let posting = Posting::one(doc);
                slot.insert(Slot {
                    fingerprint,
                    posting,
                });
            }
        }
    }

    /// Takes a document away from all of `hashes`; where it is not, nothing happens.
    pub fn remove(&mut self, doc: DocId, hashes: &[u64]) {
        for hash in hashes {
            self.remove_one(doc, fingerprint(*hash));
        }
    }

    fn remove_one(&mut self, doc: DocId, fingerprint: u32) {
        let is_it = |slot: &Slot| slot.fingerprint == fingerprint;
        let Ok(mut slot) = self.table.find_entry(table_hash(fingerprint), is_it) else {
            return;
        };
        match self.lists.remove(slot.get().posting, doc) {
            Some(posting) => slot.get_mut().posting = posting,
            None => drop(slot.remove()),
        }
    }

    /// The documents under `hash`, ascending.
    #[must_use]
    pub fn find(&self, hash: u64) -> Found<'_> {
        let fingerprint = fingerprint(hash);
        let is_it = |slot: &Slot| slot.fingerprint == fingerprint;
        let slot = self.table.find(table_hash(fingerprint), is_it);
        match slot {
            Some(slot) => self.lists.read(slot.posting),
            None => Found::at_most_one(None),
        }
    }

    /// Exchanges the documents' numbers; those without a new one are gone.
    pub fn renumber(&mut self, renumbering: &Renumbering) {
        let mut old = std::mem::take(&mut self.lists);
        self.table.retain(|slot| {
            let posting = old.renumber(slot.posting, renumbering, &mut self.lists);
            posting.map(|posting| slot.posting = posting).is_some()
        });
        let len = self.table.len();
        self.table.shrink_to(len + len / 4, Slot::table_hash);
    }

    /// How many different hashes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Memory it takes; looks at every list to know.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.table.allocation_size() + self.lists.memory_bytes()
    }
}

#[cfg(test)]
mod tests;
