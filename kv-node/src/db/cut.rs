//! All entries as they are between two writes, while writes go on.
//!
//! A cut is declared by the writer and costs nothing then. Before the first change to a shard after
//! it, the writer puts handles of the shard's entries aside; whoever reads the cut takes those, or
//! copies the shard itself if it is still as it was. Entries never change, so a handle is a stable
//! view of one.
//!
//! 1. Every shard is copied exactly once, by whoever needs it first, under the shard's lock here.
//! 2. A cut that nobody holds any more costs nothing: the writer forgets it.

use kv_proto::Entry;
use parking_lot::Mutex;

use super::keyspace::{Keyspace, SHARD_COUNT};
use super::{Db, Stamp};

/// All entries at one [`Stamp`]; holds memory of overwritten ones until it is dropped.
pub struct Cut {
    stamp: Stamp,
    shards: Box<[Mutex<Shard>]>,
}

enum Shard {
    /// As it is in the map.
    Unchanged,
    /// As it was before the first change.
    Copied(Vec<Entry>),
    /// Read already.
    Taken,
}

impl Cut {
    /// How many parts a cut has.
    pub const PART_COUNT: usize = SHARD_COUNT;

    pub(super) fn new(stamp: Stamp) -> Cut {
        Cut {
            stamp,
            shards: (0..SHARD_COUNT)
                .map(|_| Mutex::new(Shard::Unchanged))
                .collect(),
        }
    }

    /// The last write that is in it.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Takes the entries of part `part`; each part can be taken once. `db` is the one that was cut.
    ///
    /// # Panics
    /// If the part was taken before, or there is no such part.
    pub fn take(&self, db: &Db, part: usize) -> Vec<Entry> {
        let mut shard = self.shards[part].lock();
        match std::mem::replace(&mut *shard, Shard::Taken) {
            Shard::Unchanged => db.keyspace.copy_shard(part),
            Shard::Copied(entries) => entries,
            Shard::Taken => panic!("part {part} of the cut was taken before"),
        }
    }

    /// Puts a shard's entries aside if nobody has yet; called before each change to it.
    pub(super) fn preserve(&self, keyspace: &Keyspace, shard: usize) {
        let mut part = self.shards[shard].lock();
        if matches!(*part, Shard::Unchanged) {
            *part = Shard::Copied(keyspace.copy_shard(shard));
        }
    }
}
