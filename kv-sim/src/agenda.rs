//! What is due when: a queue by simulated time. Things due at one time come in the order in which
//! they were put there, so that a run follows from its seed.

use std::{cmp::Ordering, collections::BinaryHeap};

/// Things to do, each at its time.
#[derive(Debug)]
pub struct Agenda<T> {
    heap: BinaryHeap<Item<T>>,
    count: u64,
}

#[derive(Debug)]
struct Item<T> {
    at_us: u64,
    number: u64,
    what: T,
}

impl<T> Default for Agenda<T> {
    fn default() -> Agenda<T> {
        Agenda {
            heap: BinaryHeap::new(),
            count: 0,
        }
    }
}

impl<T> Agenda<T> {
    /// Puts something in.
    pub fn put(&mut self, at_us: u64, what: T) {
        let number = self.count;
        self.count += 1;
        self.heap.push(Item {
            at_us,
            number,
            what,
        });
    }

    /// Takes out what is due first, with its time.
    pub fn take(&mut self) -> Option<(u64, T)> {
        self.heap.pop().map(|item| (item.at_us, item.what))
    }

    /// When the first thing is due.
    #[must_use]
    pub fn next_us(&self) -> Option<u64> {
        self.heap.peek().map(|item| item.at_us)
    }

    /// How many things wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<T> Item<T> {
    fn rank(&self) -> (u64, u64) {
        (self.at_us, self.number)
    }
}

/// The heap gives the greatest first; the earliest is the greatest here.
impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Item<T>) -> Ordering {
        other.rank().cmp(&self.rank())
    }
}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Item<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Item<T>) -> bool {
        self.rank() == other.rank()
    }
}

impl<T> Eq for Item<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_equals_in_order() {
        let mut agenda = Agenda::default();
        for (at_us, name) in [(5, "c"), (1, "a"), (5, "d"), (3, "b")] {
            agenda.put(at_us, name);
        }
        assert_eq!(agenda.next_us(), Some(1));
        let order: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(order, [(1, "a"), (3, "b"), (5, "c"), (5, "d")]);
        assert!(agenda.is_empty());
    }
}
