//! The map from keys to entries: many small hash tables, each behind its own lock.
//!
//! ```text
//! position of a key = top 52 bits of its keyed hash
//!   | shard: top 12 bits | place within the shard: 40 bits |
//! ```
//!
//! 1. Entries are reached through closures only, and no closure is handed a second shard: so no
//!    two shard locks are ever held by one thread, and none is held across a wait.
//! 2. One thread at a time changes the map (see `Writer`); any number read it.
//! 3. The counters move with the entries: when no writer is at work they are exact.
//!
//! A slot is one thin pointer, 8 bytes, and its shard's entries can be copied as handles: that is
//! why this is a table of our own and not a ready-made concurrent map.
//!
//! Never looks at an entry's expiry, and never at a clock.

use std::hash::{BuildHasher, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use hashbrown::HashTable;
use hashbrown::hash_table;
use kv_proto::Entry;
use parking_lot::RwLock;

const SHARD_BITS: u32 = 12;

/// How many shards there are.
pub(crate) const SHARD_COUNT: usize = 1 << SHARD_BITS;

/// Positions have so many bits: clients keep a scan's cursor in a double.
const POSITION_BITS: u32 = 52;

/// Entries by key.
pub(crate) struct Keyspace {
    shards: Box<[Shard]>,
    hasher: KeyHasher,
    key_count: AtomicU64,
    memory_bytes: AtomicU64,
}

/// A shard has a cache line of its own: readers of one do not slow those of another.
#[repr(align(64))]
#[derive(Default)]
struct Shard(RwLock<HashTable<Entry>>);

/// Where a key is, if it is there; costs one hash of the key to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

/// A keyed hash: without the seed nobody can choose keys that collide.
pub(crate) struct KeyHasher {
    seed: u64,
    shared: SharedSeed,
}

impl KeyHasher {
    /// The hash with this seed.
    pub(crate) fn with_seed(seed: u64) -> KeyHasher {
        KeyHasher {
            seed,
            shared: SharedSeed::from_u64(seed),
        }
    }

    fn place(&self, key: &[u8]) -> Place {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(key);
        Place(hasher.finish())
    }
}

impl Place {
    /// Index of the shard.
    pub(crate) fn shard(self) -> usize {
        usize::try_from(self.0 >> (64 - SHARD_BITS)).expect("12 bits fit any usize")
    }

    /// Position in the order of a scan.
    pub(crate) fn position(self) -> u64 {
        self.0 >> (64 - POSITION_BITS)
    }

    /// The table looks at the lowest and at the highest bits; within a shard our highest are all
    /// equal, so they are turned to where it does not look.
    fn table_hash(self) -> u64 {
        self.0.rotate_left(SHARD_BITS)
    }
}

/// First position of a shard, as [`Place::position`] counts.
pub(crate) fn shard_start(shard: usize) -> u64 {
    (shard as u64) << (POSITION_BITS - SHARD_BITS)
}

/// The shard that `position` is in; `None` beyond the last.
pub(crate) fn shard_of(position: u64) -> Option<usize> {
    let shard = usize::try_from(position >> (POSITION_BITS - SHARD_BITS)).ok()?;
    (shard < SHARD_COUNT).then_some(shard)
}

impl Keyspace {
    /// An empty map.
    pub(crate) fn new(hasher: KeyHasher) -> Keyspace {
        Keyspace {
            shards: (0..SHARD_COUNT).map(|_| Shard::default()).collect(),
            hasher,
            key_count: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
        }
    }

    /// Where `key` is.
    pub(crate) fn place(&self, key: &[u8]) -> Place {
        self.hasher.place(key)
    }

    /// How many entries there are, expired ones included.
    pub(crate) fn key_count(&self) -> u64 {
        self.key_count.load(Ordering::Relaxed)
    }

    /// Memory they take.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// The entry of `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Entry> {
        self.get_at(self.place(key), key)
    }

    /// The entry of `key`, whose place is `place`.
    pub(crate) fn get_at(&self, place: Place, key: &[u8]) -> Option<Entry> {
        let shard = self.shards[place.shard()].0.read();
        shard
            .find(place.table_hash(), |entry| entry.key() == key)
            .cloned()
    }

    /// Looks at the entry of each key, so that it is in the processor's cache. A short look, at what
    /// has a key of that length: which entry it is shows when it is needed.
    pub(crate) fn prepare<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        let found = keys.filter(|key| {
            let place = self.place(key);
            let shard = self.shards[place.shard()].0.read();
            shard
                .find(place.table_hash(), |entry| entry.key().len() == key.len())
                .is_some()
        });
        std::hint::black_box(found.count());
    }

    /// Stores `entry`, whose place is `place`; returns the one it replaces.
    pub(crate) fn insert_at(&self, place: Place, entry: Entry) -> Option<Entry> {
        let bytes = footprint_bytes(&entry);
        let mut shard = self.shards[place.shard()].0.write();
        let slot = shard.entry(
            place.table_hash(),
            |old| old.key() == entry.key(),
            |moved| self.hasher.place(moved.key()).table_hash(),
        );
        let old = match slot {
            hash_table::Entry::Occupied(mut slot) => Some(std::mem::replace(slot.get_mut(), entry)),
            hash_table::Entry::Vacant(slot) => {
                slot.insert(entry);
                None
            }
        };
        drop(shard);
        self.memory_bytes.fetch_add(bytes, Ordering::Relaxed);
        match &old {
            Some(old) => self.sub_memory(footprint_bytes(old)),
            None => self.add_keys(1),
        }
        old
    }

    /// Removes the entry of `key`, whose place is `place`, and returns it.
    pub(crate) fn remove_at(&self, place: Place, key: &[u8]) -> Option<Entry> {
        let mut shard = self.shards[place.shard()].0.write();
        let slot = shard.find_entry(place.table_hash(), |entry| entry.key() == key);
        let (old, _) = slot.ok()?.remove();
        drop(shard);
        self.key_count.fetch_sub(1, Ordering::Relaxed);
        self.sub_memory(footprint_bytes(&old));
        Some(old)
    }

    /// Empties one shard and gives back its memory.
    pub(crate) fn clear_shard(&self, shard: usize) {
        let entries = std::mem::take(&mut *self.shards[shard].0.write());
        self.key_count
            .fetch_sub(entries.len() as u64, Ordering::Relaxed);
        self.sub_memory(entries.iter().map(footprint_bytes).sum());
    }

    /// Makes room for `key_count` entries in all, spread evenly.
    pub(crate) fn reserve(&self, key_count: u64) {
        let share = usize::try_from(key_count / SHARD_COUNT as u64).unwrap_or(0);
        for shard in self.shards.iter().filter(|_| share > 0) {
            let rehash = |moved: &Entry| self.hasher.place(moved.key()).table_hash();
            shard.0.write().reserve(share, rehash);
        }
    }

    /// Calls `visit` with each entry of one shard, in no order.
    pub(crate) fn visit_shard(&self, shard: usize, visit: impl FnMut(&Entry)) {
        self.shards[shard].0.read().iter().for_each(visit);
    }

    /// Handles of all entries of one shard.
    pub(crate) fn copy_shard(&self, shard: usize) -> Vec<Entry> {
        self.shards[shard].0.read().iter().cloned().collect()
    }

    fn add_keys(&self, count: u64) {
        self.key_count.fetch_add(count, Ordering::Relaxed);
    }

    fn sub_memory(&self, bytes: u64) {
        self.memory_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A slot of a table at its usual load, with its tag byte.
const SLOT_BYTES: usize = 14;

/// Memory an entry takes: its allocation as an allocator rounds it, and its slot.
pub(crate) fn footprint_bytes(entry: &Entry) -> u64 {
    (allocated_bytes(entry.memory_bytes()) + SLOT_BYTES) as u64
}

/// Allocators keep sizes in classes about an eighth apart, and 16 bytes apart at the least.
fn allocated_bytes(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 16).max(16);
    bytes.next_multiple_of(step)
}

/// A seed that nobody outside this process knows.
pub(crate) fn random_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use kv_proto::Tag;

    use super::*;

    fn entry(key: &[u8], payload: &[u8]) -> Entry {
        Entry::new(key, Tag::Bytes, payload, 1, None)
    }

    fn insert(keyspace: &Keyspace, entry: Entry) -> Option<Entry> {
        keyspace.insert_at(keyspace.place(entry.key()), entry)
    }

    #[test]
    fn counters_return_to_zero_with_the_last_entry() {
        let keyspace = Keyspace::new(KeyHasher::with_seed(1));
        for i in 0..10_000u32 {
            assert_eq!(insert(&keyspace, entry(&i.to_le_bytes(), b"v")), None);
        }
        assert_eq!(keyspace.key_count(), 10_000);
        for i in 0..10_000u32 {
            let old = insert(&keyspace, entry(&i.to_le_bytes(), b"longer value")).unwrap();
            assert_eq!(old.payload(), b"v");
        }
        assert_eq!(keyspace.key_count(), 10_000);
        for i in 0..5_000u32 {
            let key = i.to_le_bytes();
            assert!(keyspace.remove_at(keyspace.place(&key), &key).is_some());
            assert!(keyspace.get(&key).is_none());
        }
        (0..SHARD_COUNT).for_each(|shard| keyspace.clear_shard(shard));
        assert_eq!((keyspace.key_count(), keyspace.memory_bytes()), (0, 0));
    }

    #[test]
    fn keys_spread_over_all_shards() {
        let hasher = KeyHasher::with_seed(7);
        let mut counts = vec![0u32; SHARD_COUNT];
        for i in 0..SHARD_COUNT * 64 {
            counts[hasher.place(format!("key:{i:012}").as_bytes()).shard()] += 1;
        }
        assert!(counts.iter().all(|count| (16..160).contains(count)));
    }

    #[test]
    fn positions_name_their_shard() {
        let place = KeyHasher::with_seed(3).place(b"k");
        assert_eq!(shard_of(place.position()), Some(place.shard()));
        assert_eq!(shard_of(shard_start(place.shard())), Some(place.shard()));
        assert_eq!(shard_of(1 << POSITION_BITS), None);
    }

    #[test]
    fn footprint_is_what_the_allocator_takes() {
        assert_eq!(allocated_bytes(40), 48);
        assert_eq!(allocated_bytes(160), 160);
        assert_eq!(allocated_bytes(1000), 1024);
    }
}
