//! What is asked of a server: a reproducible stream of reads and writes.
//!
//! 1. The same [`Workload`] and seed give the same operations, on every machine.
//! 2. A value is a pure function of its key and a nonce, so that a reader can tell whether the
//!    bytes it got were ever written under that key.
//!
//! Never knows a protocol, a socket or a clock.

use std::ops::Range;

mod distribution;
mod key_space;
mod random;

pub use distribution::{Distribution, DistributionError};
pub use key_space::{KeySpace, KeySpaceError};
pub use random::Random;

use distribution::Picker;

/// The mix of operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Which keys and values there are.
    pub space: KeySpace,
    /// Share of reads among the operations, 0 to 1.
    pub read_share: f64,
    /// How keys are drawn.
    pub distribution: Distribution,
}

/// Read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The value of a key is asked for.
    Read,
    /// A value is stored.
    Write,
}

/// One operation. The bytes of its key and value come from the [`KeySpace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Read or write.
    pub kind: Kind,
    /// Index of the key in the key space.
    pub key: u64,
    /// What tells this write's value from others under the same key; 0 for a read.
    pub nonce: u64,
}

/// Which part of the keys a stream draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of them.
    All,
    /// Only those with `key % count == index`, so that the stream is their only writer.
    Own {
        /// Which part.
        index: u64,
        /// Parts in all.
        count: u64,
    },
}

/// An endless or finite source of operations.
#[derive(Debug, Clone)]
pub enum Operations {
    /// Draws from a workload, without end.
    Random(RandomOperations),
    /// Writes every key of a range once.
    Fill {
        /// Keys still to write.
        keys: Range<u64>,
        /// Source of the nonces.
        random: Random,
    },
}

/// Draws operations from a workload.
#[derive(Debug, Clone)]
pub struct RandomOperations {
    picker: Picker,
    random: Random,
    read_share: f64,
    share: Share,
    key_count: u64,
}

impl Operations {
    /// Operations of `workload` on `share` of its keys, decided by `seed`.
    ///
    /// # Panics
    ///
    /// If there are fewer keys than shares.
    #[must_use]
    pub fn random(workload: &Workload, share: Share, seed: u64) -> Operations {
        let key_count = workload.space.key_count();
        if let Share::Own { count, .. } = share {
            assert!(key_count >= count, "fewer keys than shares");
        }
        Operations::Random(RandomOperations {
            picker: Picker::new(workload.distribution, key_count),
            random: Random::new(seed),
            read_share: workload.read_share,
            share,
            key_count,
        })
    }

    /// One write of each key in `keys`.
    #[must_use]
    pub fn fill(keys: Range<u64>, seed: u64) -> Operations {
        Operations::Fill {
            keys,
            random: Random::new(seed),
        }
    }
}

impl Iterator for Operations {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        match self {
            Operations::Random(operations) => Some(operations.draw()),
            Operations::Fill { keys, random } => keys.next().map(|key| Operation {
                kind: Kind::Write,
                key,
                nonce: random.next_u64(),
            }),
        }
    }
}

impl RandomOperations {
    fn draw(&mut self) -> Operation {
        let key = self
            .share
            .fold(self.picker.pick(&mut self.random), self.key_count);
        if self.random.unit() < self.read_share {
            return Operation {
                kind: Kind::Read,
                key,
                nonce: 0,
            };
        }
        Operation {
            kind: Kind::Write,
            key,
            nonce: self.random.next_u64(),
        }
    }
}

impl Share {
    /// The key of this share nearest below `key`, or its first one.
    fn fold(self, key: u64, key_count: u64) -> u64 {
        let Share::Own { index, count } = self else {
            return key;
        };
        let own = key - key % count + index;
        if own < key_count { own } else { index }
    }
}

#[cfg(test)]
mod tests;
