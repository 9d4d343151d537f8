//! All indexes of one node: what changes goes in, searches come out.
//!
//! ```text
//! apply ── enqueue ──► a shard's buffer ◄── drain ── background threads
//!                                       ◄── drain ── every search, before it looks
//!                                       ◄── drain ── enqueue, when it is full
//! ```
//!
//! 1. A search sees every change that was enqueued before it began.
//! 2. There is one shard a processor: more would make each search slower, fewer would leave
//!    processors idle when there is much to index.
//! 3. Until the entries that were there at the start are indexed, searches are refused.
//! 4. A search holds the shards while it looks, so that changes are not applied: writers go on until
//!    the buffers are full, then they wait for it. It holds them for well below a second, as it is
//!    refused when it would take more steps than it may; and the buffers bound the memory.
//!
//! Has no threads of its own: whoever has them calls [`Indexes::build`], then [`Indexes::work`].

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use kv_embed::{Embedder, HashingEmbedder};
use kv_proto::Entry;
use parking_lot::Mutex;

use crate::buffer::Change;
use crate::kinds::{Kinds, Rules};
use crate::shard::{Maker, Shard, State};
use crate::text::{STEPS_MAX, Stemming};
use crate::value::ValueHasher;

mod error;
mod exchange;
mod find;
mod hybrid;
mod range;
mod similar;
mod stats;
mod view;
mod words;

pub use error::SearchError;
pub use similar::SimilarOptions;
pub use stats::IndexStats;

/// What there is to be indexed, and how.
#[derive(Clone)]
pub struct IndexOptions {
    /// Which keys are in which indexes. Default: all in all.
    pub rules: Rules,
    /// How words are reduced to stems. Default: as in English.
    pub stemming: Stemming,
    /// What makes vectors of texts. Default: [`HashingEmbedder`].
    pub embedder: Arc<dyn Embedder>,
    /// Whether what is learnt from the texts may take the embedder's place, which is for who holds
    /// the indexes to look at. Default yes.
    pub learns: bool,
    /// How many numbers the vectors have that come with values; 0: they are not indexed.
    /// Default 0, at most [`DIMS_MAX`](kv_embed::vectors::DIMS_MAX).
    pub vector_dims: usize,
    /// How many shards; 1 to 64. Default: one a processor, at most 8.
    pub shard_count: usize,
    /// Most steps of a search, each about a nanosecond; one that would take more is refused.
    /// Default: [`STEPS_MAX`].
    pub steps_max: u64,
    /// A deliberate fault: searches do not wait for the changes before them.
    #[cfg(feature = "planted-bugs")]
    pub skips_barrier: bool,
}

impl Default for IndexOptions {
    fn default() -> IndexOptions {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        IndexOptions {
            rules: Rules::default(),
            stemming: Stemming::default(),
            embedder: Arc::new(HashingEmbedder::new()),
            learns: true,
            vector_dims: 0,
            shard_count: processors.min(8),
            steps_max: STEPS_MAX,
            #[cfg(feature = "planted-bugs")]
            skips_barrier: false,
        }
    }
}

impl fmt::Debug for IndexOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexOptions")
            .field("rules", &self.rules)
            .field("stemming", &self.stemming)
            .field("vector_dims", &self.vector_dims)
            .field("shard_count", &self.shard_count)
            .field("steps_max", &self.steps_max)
            .finish_non_exhaustive()
    }
}

/// All indexes of one node.
///
/// ```
/// use kv_index::{Change, IndexOptions, Indexes};
/// use kv_proto::{Entry, Tag};
///
/// let indexes = Indexes::new(&IndexOptions::default());
/// indexes.build_empty();
/// let text = b"Python is a programming language";
/// indexes.enqueue(Change::Put(Entry::new(b"doc:1", Tag::Bytes, text, 1, None)));
/// let hits = indexes.search("languages", &Default::default(), 0)?;
/// assert_eq!(hits[0].key, "doc:1");
/// # Ok::<(), kv_index::SearchError>(())
/// ```
pub struct Indexes {
    shards: Box<[Shard]>,
    maker: Maker,
    hasher: RandomState,
    /// Shards that are built.
    built: AtomicUsize,
    steps_max: u64,
    skips_barrier: bool,
    /// Held while the embedder is exchanged.
    exchange: Mutex<()>,
}

impl fmt::Debug for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexes")
            .field("rules", &self.maker.rules)
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

impl Indexes {
    /// Indexes with nothing in them.
    ///
    /// # Panics
    /// If there are to be no shards or more than 64, or vectors are to be too long.
    #[must_use]
    pub fn new(options: &IndexOptions) -> Indexes {
        assert!((1..=64).contains(&options.shard_count), "1 to 64 shards");
        let hasher = RandomState::default();
        let maker = Maker {
            rules: options.rules.clone(),
            hasher: ValueHasher::new(hasher.hash_one(0u64)),
            vector_dims: options.vector_dims,
            stemming: options.stemming,
        };
        let state = || State::new(&maker, Arc::clone(&options.embedder));
        let shards = (0..options.shard_count).map(|_| Shard::new(state()));
        Indexes {
            shards: shards.collect(),
            maker,
            hasher,
            built: AtomicUsize::new(0),
            steps_max: options.steps_max,
            #[cfg(feature = "planted-bugs")]
            skips_barrier: options.skips_barrier,
            #[cfg(not(feature = "planted-bugs"))]
            skips_barrier: false,
            exchange: Mutex::new(()),
        }
    }

    /// Which keys are in which indexes.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.maker.rules
    }

    /// How many numbers the vectors have that come with values; 0: they are not indexed.
    #[must_use]
    pub fn vector_dims(&self) -> usize {
        self.maker.vector_dims
    }

    /// Takes note of a change. Costs some tens of nanoseconds, unless too many wait already.
    pub fn enqueue(&self, change: Change) {
        let key = change.entry().key();
        if self.maker.rules.of(key) == Kinds::NONE {
            return;
        }
        let hash = self.hasher.hash_one(key);
        self.shards[self.shard_of(hash)].add(hash, change, &self.hasher, &self.maker);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for shard in &self.shards {
            shard.clear(&self.maker);
        }
    }

    /// Forgets everything, and that it was built: nothing is found before it is built again.
    pub fn reset(&self) {
        self.built.store(0, Ordering::Release);
        self.clear();
    }

    /// How many shards there are: so many threads may build and work at once, one a shard.
    #[must_use]
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// Adds what was there before the first change to one shard. `copy` is called again and again
    /// and reads some of the map's entries each time, until there are none left; changes may go on
    /// meanwhile. Gives up when `copy` panics, and never answers then.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn build(&self, shard: usize, mut copy: impl FnMut() -> Option<Vec<Entry>>) {
        let mut own = || {
            let mut entries = copy()?;
            entries.retain(|entry| self.is_of(shard, entry));
            Some(entries)
        };
        while self.shards[shard].load(&mut own, &self.maker) {}
        self.built.fetch_add(1, Ordering::Release);
    }

    /// There was nothing before the first change.
    pub fn build_empty(&self) {
        self.built.store(self.shards.len(), Ordering::Release);
    }

    /// Whether what was there before the first change is indexed, so that searches are answered.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.built.load(Ordering::Acquire) >= self.shards.len()
    }

    fn is_of(&self, shard: usize, entry: &Entry) -> bool {
        self.maker.kinds(entry) != Kinds::NONE
            && self.shard_of(self.hasher.hash_one(entry.key())) == shard
    }

    /// Waits for changes to one shard, at most for `time`, and applies them.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn work(&self, shard: usize, time: Duration) {
        self.shards[shard].wait(time);
        self.shards[shard].drain(&self.maker);
    }

    /// The upper half: a shard's tables look at the lower.
    fn shard_of(&self, hash: u64) -> usize {
        let upper = usize::try_from(hash >> 40).unwrap_or(0);
        upper % self.shards.len()
    }

    /// The shards, with everything in them that was enqueued before.
    fn fresh(
        &self,
        kind: Kinds,
    ) -> Result<Vec<parking_lot::RwLockReadGuard<'_, State>>, SearchError> {
        if !self.maker.rules.union().has(kind) {
            return Err(SearchError::NoIndex(kind));
        }
        if !self.is_built() {
            return Err(SearchError::Building);
        }
        let shards = self.shards.iter();
        Ok(shards
            .map(|shard| shard.fresh(&self.maker, self.skips_barrier))
            .collect())
    }
}

/// Whether an entry may be told of.
fn is_shown(entry: &Entry, prefix: Option<&[u8]>, now_ms: u64) -> bool {
    !entry.is_expired(now_ms) && prefix.is_none_or(|prefix| entry.key().starts_with(prefix))
}

#[cfg(test)]
mod tests;
