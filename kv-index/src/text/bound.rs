//! How good the best posting of some can be, whatever the statistics of the day are.
//!
//! A posting's score falls with its document's length and rises with the count of the word; by how
//! much depends on the average length, which changes with every write and differs between shards
//! until they are merged. So a bound keeps the shortest document for each count: once, twice, more.

use super::length;

/// Bounds the scores of some postings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    /// Code of the shortest document with the word once; no length's code if there is none.
    pub(super) once: u8,
    /// The same with the word twice.
    pub(super) twice: u8,
    /// The same with the word more often.
    pub(super) more: u8,
    /// The highest count, if it is above two.
    pub(super) count_max: u8,
}

impl Bound {
    pub(super) const EMPTY: Bound = Bound {
        once: length::NONE,
        twice: length::NONE,
        more: length::NONE,
        count_max: 0,
    };

    /// Covers one more posting.
    #[inline]
    pub(super) fn add(&mut self, count: u8, length: u8) {
        match count {
            1 => self.once = self.once.min(length),
            2 => self.twice = self.twice.min(length),
            _ => {
                self.more = self.more.min(length);
                self.count_max = self.count_max.max(count);
            }
        }
    }

    /// Covers what `other` covers, too.
    pub(super) fn merge(&mut self, other: Bound) {
        self.once = self.once.min(other.once);
        self.twice = self.twice.min(other.twice);
        self.more = self.more.min(other.more);
        self.count_max = self.count_max.max(other.count_max);
    }
}
