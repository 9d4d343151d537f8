//! For each term, the documents that have it, ascending, and how often.
//!
//! ```text
//! list:   | block | block | … | tail |     a block is 128 postings, the tail fewer, not packed
//! block:  last document, place, widths, bound            apart from what is packed:
//! packed: | gaps [128 × width] | counts - 1 [128 × width] |              see `bitpack`
//! ```
//!
//! 1. A gap is the distance to the posting before, less one; the list's first counts from -1.
//! 2. Blocks never change. A removed document stays in them until [`Postings`] are built anew.
//! 3. No positions are stored; who needs them reads the document again.

use super::bitpack::{self, BLOCK_LEN};
use super::bound::Bound;
use super::tails::{Tail, Tails};

const UNSEALED: u32 = u32::MAX;

/// 128 postings that are packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) last: u32,
    /// Where its words begin among the packed ones.
    start: u32,
    gap_bits: u8,
    count_bits: u8,
    pub(super) bound: Bound,
}

/// A term's postings.
#[derive(Debug, Clone, Copy)]
struct List {
    /// Documents that have the term and are not removed.
    documents: u32,
    tail: Tail,
    tail_bound: Bound,
    /// Which of the sealed lists holds its blocks.
    sealed: u32,
}

const EMPTY: List = List {
    documents: 0,
    tail: Tail::EMPTY,
    tail_bound: Bound::EMPTY,
    sealed: UNSEALED,
};

/// The blocks of a list that has some.
#[derive(Debug)]
struct Sealed {
    blocks: Vec<Block>,
    bound: Bound,
}

/// The postings of all terms.
#[derive(Debug, Default)]
pub(super) struct Postings {
    lists: Vec<List>,
    sealed: Vec<Sealed>,
    packed: Vec<u32>,
    tails: Tails,
}

/// One term's postings, to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListView<'a> {
    pub(super) blocks: &'a [Block],
    packed: &'a [u32],
    pub(super) tail_docs: &'a [u32],
    pub(super) tail_counts: &'a [u8],
    pub(super) tail_bound: Bound,
    /// Covers all of it.
    pub(super) bound: Bound,
}

impl Postings {
    /// Appends a document, beyond all that the term has.
    #[inline]
    pub(super) fn push(&mut self, term: u32, doc: u32, count: u8, length: u8) {
        let index = term as usize;
        if index >= self.lists.len() {
            self.lists.resize(index + 1, EMPTY);
        }
        let list = &mut self.lists[index];
        list.documents += 1;
        list.tail_bound.add(count, length);
        self.tails.push(&mut list.tail, doc, count);
        if list.tail.len() == BLOCK_LEN {
            self.seal(index);
        }
    }

    fn seal(&mut self, index: usize) {
        let list = &mut self.lists[index];
        if list.sealed == UNSEALED {
            list.sealed = u32::try_from(self.sealed.len()).expect("fewer lists than terms");
            self.sealed.push(Sealed {
                blocks: Vec::new(),
                bound: Bound::EMPTY,
            });
        }
        let sealed = &mut self.sealed[list.sealed as usize];
        let previous = sealed.blocks.last().map_or(u32::MAX, |block| block.last);
        let (docs, counts) = self.tails.get(list.tail);
        let block = pack(docs, counts, previous, list.tail_bound, &mut self.packed);
        sealed.blocks.push(block);
        sealed.bound.merge(list.tail_bound);
        list.tail_bound = Bound::EMPTY;
        self.tails.clear(&mut list.tail);
    }

    /// One document less has the term.
    pub(super) fn forget(&mut self, term: u32) {
        if let Some(list) = self.lists.get_mut(term as usize) {
            list.documents = list.documents.saturating_sub(1);
        }
    }

    /// The same with other numbers: `terms` has each term's new one, `doc` says a document's.
    pub(super) fn rebuild(
        &self,
        terms: &[Option<u32>],
        lengths: &[u8],
        doc: impl Fn(u32) -> Option<u32>,
    ) -> Postings {
        let mut new = Postings::default();
        for (old, term) in (0..).zip(terms) {
            let Some(term) = *term else { continue };
            self.list(old).for_each(|old_doc, count| {
                if let Some(doc) = doc(old_doc) {
                    new.push(term, doc, count, lengths[doc as usize]);
                }
            });
        }
        new
    }

    /// Documents that have the term and are not removed.
    pub(super) fn documents(&self, term: u32) -> u32 {
        self.lists
            .get(term as usize)
            .map_or(0, |list| list.documents)
    }

    pub(super) fn list(&self, term: u32) -> ListView<'_> {
        let list = self.lists.get(term as usize).copied().unwrap_or(EMPTY);
        let sealed = self.sealed.get(list.sealed as usize);
        let (tail_docs, tail_counts) = self.tails.get(list.tail);
        let mut bound = list.tail_bound;
        if let Some(sealed) = sealed {
            bound.merge(sealed.bound);
        }
        ListView {
            blocks: sealed.map_or(&[], |sealed| &sealed.blocks),
            packed: &self.packed,
            tail_docs,
            tail_counts,
            tail_bound: list.tail_bound,
            bound,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let blocks: usize = self
            .sealed
            .iter()
            .map(|sealed| sealed.blocks.capacity())
            .sum();
        self.lists.capacity() * size_of::<List>()
            + self.sealed.capacity() * size_of::<Sealed>()
            + blocks * size_of::<Block>()
            + self.packed.capacity() * size_of::<u32>()
            + self.tails.memory_bytes()
    }
}

fn pack(docs: &[u32], counts: &[u8], previous: u32, bound: Bound, packed: &mut Vec<u32>) -> Block {
    let start = u32::try_from(packed.len()).expect("packed postings have less than 2^32 words");
    let mut gaps = [0; BLOCK_LEN];
    let mut last = previous;
    for (gap, &doc) in gaps.iter_mut().zip(docs) {
        *gap = doc.wrapping_sub(last).wrapping_sub(1);
        last = doc;
    }
    let mut extra = [0; BLOCK_LEN];
    for (extra, &count) in extra.iter_mut().zip(counts) {
        *extra = u32::from(count) - 1;
    }
    let (gap_bits, count_bits) = (bitpack::bits_needed(&gaps), bitpack::bits_needed(&extra));
    bitpack::pack(&gaps, gap_bits, packed);
    bitpack::pack(&extra, count_bits, packed);
    Block {
        last,
        start,
        gap_bits,
        count_bits,
        bound,
    }
}

impl ListView<'_> {
    /// How many postings there are, removed ones among them.
    pub(super) fn len(&self) -> usize {
        self.blocks.len() * BLOCK_LEN + self.tail_docs.len()
    }

    fn for_each(&self, mut visit: impl FnMut(u32, u8)) {
        let (mut docs, mut counts) = ([0; BLOCK_LEN], [0; BLOCK_LEN]);
        for block in 0..self.blocks.len() {
            self.unpack_docs(block, &mut docs);
            self.unpack_counts(block, &mut counts);
            docs.iter()
                .zip(&counts)
                .for_each(|(doc, count)| visit(*doc, *count));
        }
        let tail = self.tail_docs.iter().zip(self.tail_counts);
        tail.for_each(|(doc, count)| visit(*doc, *count));
    }

    /// Unpacks the documents of a block.
    pub(super) fn unpack_docs(&self, index: usize, docs: &mut [u32; BLOCK_LEN]) {
        let block = &self.blocks[index];
        let before = index.checked_sub(1).map(|before| self.blocks[before].last);
        bitpack::unpack(&self.packed[block.start as usize..], block.gap_bits, docs);
        let mut last = before.unwrap_or(u32::MAX);
        for doc in docs {
            last = last.wrapping_add(*doc).wrapping_add(1);
            *doc = last;
        }
    }

    /// Unpacks how often the documents of a block have the term.
    pub(super) fn unpack_counts(&self, index: usize, counts: &mut [u8; BLOCK_LEN]) {
        let block = &self.blocks[index];
        if block.count_bits == 0 {
            *counts = [1; BLOCK_LEN];
            return;
        }
        let start = block.start as usize + bitpack::words(block.gap_bits);
        let mut extra = [0; BLOCK_LEN];
        bitpack::unpack(&self.packed[start..], block.count_bits, &mut extra);
        for (count, extra) in counts.iter_mut().zip(extra) {
            *count = u8::try_from(extra & 0xff)
                .unwrap_or(u8::MAX)
                .saturating_add(1);
        }
    }
}
