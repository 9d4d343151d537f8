//! Which entry expires next: the entries that have an expiry, ordered by it.
//!
//! 1. Holds a handle of exactly those stored entries that have an expiry.
//!
//! Entries without one cost nothing here; others one handle, not a copy of the key.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use kv_proto::Entry;

/// Entries ordered by expiry.
#[derive(Default)]
pub(crate) struct Deadlines(BTreeSet<Deadline>);

/// An entry that has an expiry, ordered by it and then by key.
struct Deadline(Entry);

impl Deadline {
    fn order(&self) -> (Option<u64>, &[u8]) {
        (self.0.expires_at_ms(), self.0.key())
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Deadline) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Deadline) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Deadline {
    fn eq(&self, other: &Deadline) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Deadline {}

impl Deadlines {
    /// Takes note of a stored entry.
    pub(crate) fn insert(&mut self, entry: &Entry) {
        if entry.expires_at_ms().is_some() {
            self.0.insert(Deadline(entry.clone()));
        }
    }

    /// Forgets an entry that is no longer stored.
    pub(crate) fn remove(&mut self, entry: &Entry) {
        if entry.expires_at_ms().is_some() {
            self.0.remove(&Deadline(entry.clone()));
        }
    }

    /// The first entry that is expired at `now_ms`.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<&Entry> {
        let Deadline(first) = self.0.first()?;
        first.is_expired(now_ms).then_some(first)
    }

    /// When the first entry expires.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.0.first()?.0.expires_at_ms()
    }

    /// How many entries have an expiry.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<Entry> for Deadlines {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Deadlines {
        Deadlines(entries.into_iter().map(Deadline).collect())
    }
}
