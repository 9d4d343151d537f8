//! The state machine: every key's value, and how each command reads or changes it.
//!
//! 1. One apply path: a write reaches memory through [`Writer::apply`] and no other way, in the
//!    order of the log, whether it comes from a client, a replica or a recovery.
//! 2. Deterministic: what a write does depends on the entries before it, on the command and on its
//!    [`Stamp`]. No clock, no randomness, no setting.
//! 3. An entry's version is the index of the write that made it.
//! 4. An entry that is expired at the moment of a command counts as absent; a [`Command::Sweep`]
//!    removes it.
//! 5. A command that touches several keys is seen whole or not at all by every read that touches
//!    several ([`Command::Keys`] and [`Command::Scan`] excepted, which walk the keys piecemeal).
//!
//! 6. Every change of an entry is told to the indexes in the same step. They are no part of the state:
//!    they can be built from it at any time.
//!
//! Never logs, never waits for a disk.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use kv_index::IndexOptions;
use kv_index::Indexes;
use kv_index::kinds::Kinds;
pub use kv_index::kinds::{Rule, Rules};
use kv_proto::{Command, Entry, Reply, Tag};
use parking_lot::{Mutex, RwLock};

mod cut;
mod deadlines;
mod edit;
mod keyspace;
mod numbers;
mod scan;
mod search;
mod text;
mod training;
mod view;
mod writer;

pub use cut::Cut;
use deadlines::Deadlines;
use keyspace::{KeyHasher, Keyspace, SHARD_COUNT};
pub(crate) use text::too_long;
use training::Training;
use view::View;
pub use writer::Writer;

/// Values that commands compute (APPEND, SETRANGE) are at most this long, whatever the limit on
/// what clients send: it must not depend on a setting, or a recovery under another one would
/// compute something else.
pub const VALUE_BYTES_MAX: usize = 512 * 1024 * 1024;

/// A write's place in the order of all writes, and its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Its number: that of its log record.
    pub index: u64,
    /// When it was logged, in unix milliseconds.
    pub now_ms: u64,
}

/// The data of one node.
pub struct Db {
    keyspace: Keyspace,
    /// Writes hold it for as long as memory is between two of them; reads of several keys wait.
    gate: RwLock<()>,
    state: Mutex<writer::State>,
    counters: Counters,
    random: AtomicU64,
    indexes: Indexes,
    /// Whether changes are told to the indexes.
    is_indexing: AtomicBool,
    training: Training,
}

/// What others may look at while a write is at work.
#[derive(Default)]
struct Counters {
    applied_index: AtomicU64,
    applied_ms: AtomicU64,
    expiring_keys: AtomicU64,
    expired: AtomicU64,
    next_deadline_ms: AtomicU64,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("applied", &self.applied())
            .field("key_count", &self.key_count())
            .finish_non_exhaustive()
    }
}

impl Default for Db {
    fn default() -> Db {
        Db::new()
    }
}

impl AsRef<Db> for Db {
    fn as_ref(&self) -> &Db {
        self
    }
}

impl Db {
    /// An empty one, without indexes.
    #[must_use]
    pub fn new() -> Db {
        Db::with_seed(keyspace::random_seed())
    }

    /// An empty one, without indexes, whose order of keys (in scans) and choice of random keys follow
    /// from `seed`.
    #[must_use]
    pub fn with_seed(seed: u64) -> Db {
        let none = IndexOptions {
            rules: Rules::new([Rule::none()]),
            shard_count: 1,
            ..IndexOptions::default()
        };
        Db::with_indexes(Some(seed), &none)
    }

    /// An empty one that is searched by indexes, which have to be built.
    #[must_use]
    pub fn with_indexes(seed: Option<u64>, indexes: &IndexOptions) -> Db {
        let seed = seed.unwrap_or_else(keyspace::random_seed);
        let counters = Counters::default();
        counters.next_deadline_ms.store(u64::MAX, Ordering::Relaxed);
        Db {
            keyspace: Keyspace::new(KeyHasher::with_seed(seed)),
            gate: RwLock::new(()),
            state: Mutex::default(),
            counters,
            random: AtomicU64::new(seed),
            indexes: Indexes::new(indexes),
            is_indexing: AtomicBool::new(false),
            training: Training::default(),
        }
    }

    /// Answers a command that changes nothing. `now_ms` decides what is expired.
    ///
    /// # Panics
    /// If the command is a write: those have a place in the log.
    pub fn read(&self, now_ms: u64, command: &Command) -> Reply {
        let _whole = touches_several(command).then(|| self.gate.read());
        self.view(now_ms).read(command)
    }

    /// The right to apply writes; waits for whoever has it.
    pub fn writer(&self) -> Writer<'_> {
        Writer::new(self, self.state.lock())
    }

    /// Fetches the entries that commands are about to replace into the processor's cache: the waits
    /// for memory overlap here, and when the commands are applied one by one they would not.
    pub(crate) fn prepare<'a>(&self, commands: impl Iterator<Item = &'a Command>) {
        self.keyspace
            .prepare(commands.filter_map(|command| match command {
                Command::Set(set) => Some(&set.key[..]),
                _ => None,
            }));
    }

    /// Applies one write and answers it.
    ///
    /// # Panics
    /// See [`Writer::apply`].
    pub fn apply(&self, stamp: Stamp, command: &Command) -> Reply {
        self.writer().apply(stamp, command)
    }

    /// The last write applied.
    pub fn applied(&self) -> Stamp {
        Stamp {
            index: self.counters.applied_index.load(Ordering::Acquire),
            now_ms: self.counters.applied_ms.load(Ordering::Acquire),
        }
    }

    /// How many keys there are, counting those that are expired but not removed yet.
    pub fn key_count(&self) -> u64 {
        self.keyspace.key_count()
    }

    /// Memory the entries take, allocator's rounding included.
    pub fn memory_bytes(&self) -> u64 {
        self.keyspace.memory_bytes()
    }

    /// How many keys have an expiry.
    pub fn expiring_key_count(&self) -> u64 {
        self.counters.expiring_keys.load(Ordering::Relaxed)
    }

    /// How many keys were removed because they expired.
    pub fn expired_count(&self) -> u64 {
        self.counters.expired.load(Ordering::Relaxed)
    }

    /// When the next entry expires.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        Some(self.counters.next_deadline_ms.load(Ordering::Relaxed)).filter(|ms| *ms != u64::MAX)
    }

    /// Bytes of a key's value as text, 0 if there is none: what APPEND would add to.
    pub(crate) fn text_bytes(&self, now_ms: u64, key: &[u8]) -> usize {
        match self.view(now_ms).get(key) {
            Some(entry) => text::of(&entry).map_or(0, |text| text.len()),
            None => 0,
        }
    }

    /// A number that tells states apart: equal for equal entries, whatever way they came about.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut sum = 0u64;
        for shard in 0..SHARD_COUNT {
            self.keyspace
                .visit_shard(shard, |entry| sum = sum.wrapping_add(entry_digest(entry)));
        }
        sum
    }

    /// The indexes, to search and to build.
    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// From now on changes are told to the indexes; what is there has to be built.
    pub fn start_indexing(&self) {
        let has_any = self.indexes.rules().union() != Kinds::NONE;
        self.is_indexing.store(has_any, Ordering::Release);
    }

    /// Builds one shard of the indexes from what is there, while changes may go on. `goes_on` is
    /// asked now and then; the shard is useless after it said no.
    ///
    /// # Panics
    /// If there is no such shard.
    pub fn build_index(&self, shard: usize, mut goes_on: impl FnMut() -> bool) {
        let mut parts = 0..SHARD_COUNT;
        self.indexes.build(shard, || {
            let part = parts.next().filter(|_| goes_on())?;
            Some(self.keyspace.copy_shard(part))
        });
    }

    /// Builds all indexes on this thread.
    pub fn build_indexes(&self) {
        self.start_indexing();
        (0..self.indexes.shard_count()).for_each(|shard| self.build_index(shard, || true));
    }

    /// Whether changes are told to the indexes.
    fn is_indexing(&self) -> bool {
        self.is_indexing.load(Ordering::Relaxed)
    }

    fn view(&self, now_ms: u64) -> View<'_> {
        View { db: self, now_ms }
    }

    /// A number that is hard to foresee; not for secrets.
    fn random(&self) -> u64 {
        let state = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn touches_several(command: &Command) -> bool {
    match command {
        Command::MGet(keys) | Command::Exists(keys) | Command::Versions(keys) => keys.len() > 1,
        Command::Range { .. } | Command::Transaction { .. } => true,
        _ => false,
    }
}

/// Of everything in the entry; equal on every machine.
fn entry_digest(entry: &Entry) -> u64 {
    let mut crc = crc32c::crc32c(entry.key());
    crc = crc32c::crc32c_append(crc, &[entry.tag() as u8]);
    crc = crc32c::crc32c_append(crc, &entry.version().to_le_bytes());
    crc = crc32c::crc32c_append(crc, &entry.expires_at_ms().unwrap_or(0).to_le_bytes());
    let payload = crc32c::crc32c_append(!crc, entry.payload());
    let payload = crc32c::crc32c_append(payload, entry.vector_bytes());
    u64::from(crc) << 32 | u64::from(payload)
}

/// The type name in RESP: what the text commands work on are strings.
const RESP_TYPE: &str = "string";

fn is_container(tag: Tag) -> bool {
    matches!(tag, Tag::List | Tag::Map)
}

#[cfg(test)]
mod tests;
