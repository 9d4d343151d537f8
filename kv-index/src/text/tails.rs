//! Room for the open ends of posting lists: most are short, so they share two large arrays.
//!
//! A slice has 1, 4, 16, 64 or 128 places; one that is full moves to the next size, and its place is
//! used again.

use super::bitpack::BLOCK_LEN;

const SIZES: [u32; 5] = [1, 4, 16, 64, 128];
const _: () = assert!(SIZES[SIZES.len() - 1] as usize == BLOCK_LEN);

/// The size of a tail that has no place.
const UNPLACED: u8 = 5;
const _: () = assert!(UNPLACED as usize == SIZES.len());

/// The end of one posting list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    start: u32,
    len: u8,
    /// Which of the sizes it has; one beyond them if it has no place.
    size: u8,
}

impl Tail {
    pub(super) const EMPTY: Tail = Tail {
        start: 0,
        len: 0,
        size: UNPLACED,
    };

    pub(super) fn len(self) -> usize {
        usize::from(self.len)
    }

    fn places(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len()
    }
}

/// The ends of all posting lists.
#[derive(Debug, Default)]
pub(super) struct Tails {
    docs: Vec<u32>,
    counts: Vec<u8>,
    free: [Vec<u32>; SIZES.len()],
}

impl Tails {
    /// Appends a posting; the tail must not hold a whole block yet.
    #[inline]
    pub(super) fn push(&mut self, tail: &mut Tail, doc: u32, count: u8) {
        let room = SIZES.get(usize::from(tail.size)).copied().unwrap_or(0);
        if u32::from(tail.len) == room {
            self.grow(tail);
        }
        let place = tail.start as usize + tail.len();
        self.docs[place] = doc;
        self.counts[place] = count;
        tail.len += 1;
    }

    fn grow(&mut self, tail: &mut Tail) {
        let size = if tail.size == UNPLACED {
            0
        } else {
            tail.size + 1
        };
        let start = self.allocate(size);
        let (from, to) = (tail.places(), start as usize);
        self.docs.copy_within(from.clone(), to);
        self.counts.copy_within(from, to);
        self.release(*tail);
        *tail = Tail {
            start,
            size,
            ..*tail
        };
    }

    fn allocate(&mut self, size: u8) -> u32 {
        let index = usize::from(size);
        if let Some(start) = self.free[index].pop() {
            return start;
        }
        let start = u32::try_from(self.docs.len()).expect("tails hold less than 2^32 postings");
        let end = self.docs.len() + SIZES[index] as usize;
        self.docs.resize(end, 0);
        self.counts.resize(end, 0);
        start
    }

    fn release(&mut self, tail: Tail) {
        if let Some(free) = self.free.get_mut(usize::from(tail.size)) {
            free.push(tail.start);
        }
    }

    /// Gives up the tail's place.
    pub(super) fn clear(&mut self, tail: &mut Tail) {
        self.release(*tail);
        *tail = Tail::EMPTY;
    }

    /// The tail's documents, and how often each has the word.
    pub(super) fn get(&self, tail: Tail) -> (&[u32], &[u8]) {
        (&self.docs[tail.places()], &self.counts[tail.places()])
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let free: usize = self.free.iter().map(Vec::capacity).sum();
        (self.docs.capacity() + free) * size_of::<u32>() + self.counts.capacity()
    }
}
