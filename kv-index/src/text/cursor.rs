//! Reads one posting list from its front to its end.
//!
//! 1. Only moves forwards.
//! 2. Blocks are unpacked when a document of theirs is asked for, counts when a score is; so what
//!    is skipped costs the look at one block's head.

use super::bitpack::BLOCK_LEN;
use super::bm25::Scorer;
use super::bound::Bound;
use super::postings::ListView;

/// Behind the last document.
pub(super) const END: u32 = u32::MAX;

/// Documents that are compared at once.
const RUN_LEN: usize = 16;

const NOT_UNPACKED: usize = usize::MAX;

/// A place in a term's postings.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    list: ListView<'a>,
    lengths: &'a [u8],
    scorer: Scorer<'a>,
    /// No document scores more.
    max: f32,
    /// The block that the cursor is in; one beyond the blocks in the tail, two at the end.
    block: usize,
    docs: [u32; BLOCK_LEN],
    docs_block: usize,
    counts: [u8; BLOCK_LEN],
    counts_block: usize,
    /// Within `docs`.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the first document.
    pub(super) fn new(list: ListView<'a>, lengths: &'a [u8], scorer: Scorer<'a>) -> Cursor<'a> {
        let max = scorer.bound(list.bound);
        let mut cursor = Cursor {
            list,
            lengths,
            scorer,
            max,
            block: 0,
            docs: [END; BLOCK_LEN],
            docs_block: NOT_UNPACKED,
            counts: [1; BLOCK_LEN],
            counts_block: NOT_UNPACKED,
            at: 0,
        };
        cursor.unpack();
        cursor
    }

    /// How many postings the list has.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// No document scores more.
    pub(super) fn max(&self) -> f32 {
        self.max
    }

    /// The document it is at, or [`END`].
    #[inline]
    pub(super) fn doc(&self) -> u32 {
        self.docs[self.at]
    }

    /// Moves to the next document.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.at += 1;
        if self.at == BLOCK_LEN {
            self.block += 1;
            self.unpack();
        }
    }

    /// Moves to the first document from here on whose score is good enough; that score. `is_good`
    /// must hold for all above a score that it holds for, as whole blocks are judged by their best.
    #[inline]
    pub(super) fn seek_good(&mut self, is_good: impl Fn(f32) -> bool) -> Option<f32> {
        loop {
            if self.at == 0 && !is_good(self.block_max()) {
                if self.block >= self.list.blocks.len() {
                    return None;
                }
                self.block += 1;
                self.skip_bad_blocks(&is_good);
                self.unpack();
                continue;
            }
            if self.counts_block != self.docs_block {
                self.unpack_counts();
            }
            for at in self.at..BLOCK_LEN {
                let doc = self.docs[at];
                if doc == END {
                    self.at = at;
                    return None;
                }
                let score = self
                    .scorer
                    .score(self.counts[at], self.lengths[doc as usize]);
                if is_good(score) {
                    self.at = at;
                    return Some(score);
                }
            }
            self.block += 1;
            self.skip_bad_blocks(&is_good);
            self.unpack();
        }
    }

    fn skip_bad_blocks(&mut self, is_good: &impl Fn(f32) -> bool) {
        while self.block < self.list.blocks.len() && !is_good(self.block_max()) {
            self.block += 1;
        }
    }

    /// Moves to the first document from `target` on; that document.
    #[inline]
    pub(super) fn seek(&mut self, target: u32) -> u32 {
        if self.doc() >= target {
            return self.doc();
        }
        self.skip_blocks(target);
        if self.docs_block != self.block {
            self.unpack();
        }
        self.at = lower_bound(&self.docs, target);
        self.doc()
    }

    /// Moves to the block that a document `target` would be in; its last document and its bound.
    /// The cursor is at no document until it seeks one.
    #[inline]
    pub(super) fn skip_blocks(&mut self, target: u32) {
        let blocks = self.list.blocks;
        while let Some(block) = blocks.get(self.block)
            && block.last < target
        {
            self.block += 1;
        }
    }

    /// The last document of the block that the cursor is in; [`END`] in the tail.
    pub(super) fn block_last(&self) -> u32 {
        let block = self.list.blocks.get(self.block);
        block.map_or(END, |block| block.last)
    }

    /// No document of the block that the cursor is in scores more.
    pub(super) fn block_max(&self) -> f32 {
        let block = self.list.blocks.get(self.block);
        let bound: Bound = block.map_or(self.list.tail_bound, |block| block.bound);
        self.scorer.bound(bound)
    }

    /// What the document that it is at scores.
    #[inline]
    pub(super) fn score(&mut self) -> f32 {
        if self.counts_block != self.docs_block {
            self.unpack_counts();
        }
        let length = self.lengths[self.doc() as usize];
        self.scorer.score(self.counts[self.at], length)
    }

    fn unpack(&mut self) {
        self.docs_block = self.block;
        self.at = 0;
        if self.block < self.list.blocks.len() {
            return self.list.unpack_docs(self.block, &mut self.docs);
        }
        self.docs = [END; BLOCK_LEN];
        if self.block == self.list.blocks.len() {
            let tail = self.list.tail_docs;
            self.docs[..tail.len()].copy_from_slice(tail);
        }
    }

    fn unpack_counts(&mut self) {
        self.counts_block = self.docs_block;
        if self.docs_block < self.list.blocks.len() {
            return self.list.unpack_counts(self.docs_block, &mut self.counts);
        }
        let tail = self.list.tail_counts;
        self.counts[..tail.len()].copy_from_slice(tail);
    }
}

/// The first place whose document is not below `target`; there is one.
///
/// Counts instead of halving: the comparisons of each of the two steps do not wait for each other.
#[inline]
fn lower_bound(docs: &[u32; BLOCK_LEN], target: u32) -> usize {
    let (runs, _) = docs.as_chunks::<RUN_LEN>();
    let below = |doc: &u32| usize::from(*doc < target);
    let last_run = runs.len() - 1;
    let run: usize = runs[..last_run]
        .iter()
        .map(|run| below(&run[RUN_LEN - 1]))
        .sum();
    let within: u32 = runs[run].iter().map(|doc| u32::from(*doc < target)).sum();
    (run * RUN_LEN + within as usize) & (BLOCK_LEN - 1)
}
