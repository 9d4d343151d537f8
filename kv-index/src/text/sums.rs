//! What many words score together, some documents at a time.
//!
//! ```text
//! scores: | 0 | 1.3 | 0 | 0.4 | …     a place a document, from `start` on
//! found:  | 0 |  1  | 0 |  1  | …     a bit a document
//! ```
//!
//! Each word is read through all of these documents before the next one is: it costs a few
//! nanoseconds a posting, whereas finding the next document among the words costs as much a word.

use super::budget::{Budget, Cost, LOOK, POSTING};
use super::cursor::{Cursor, END};

/// Documents at a time: few at first, so that what is found soon may leave words out.
const SPAN_MIN: u32 = 256;
const SPAN_MAX: u32 = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sums {
    start: u32,
    span: u32,
    scores: Vec<f32>,
    found: Vec<u64>,
}

impl Sums {
    /// Sums up the next documents that have any of the words, which move beyond them; whether there
    /// are any.
    pub(super) fn fill(&mut self, words: &mut [Cursor<'_>], budget: &Budget) -> bool {
        let first = words.iter().map(|word| word.doc()).min();
        let Some(start) = first.filter(|&doc| doc != END) else {
            return false;
        };
        self.clear(start);
        let (end, mut postings) = (start.saturating_add(self.span), 0);
        // The last one first, as wherever scores are added: the sum's last bit depends on it.
        for word in words.iter_mut().rev() {
            while word.doc() < end {
                let place = (word.doc() - start) as usize;
                self.scores[place] += word.score();
                self.found[place / 64] |= 1 << (place % 64);
                word.advance();
                postings += 1;
            }
        }
        budget.spend(
            Cost::Postings,
            LOOK * words.len() as u64 + POSTING * postings,
        );
        true
    }

    fn clear(&mut self, start: u32) {
        self.start = start;
        self.span = (2 * self.span).clamp(SPAN_MIN, SPAN_MAX);
        self.scores.clear();
        self.scores.resize(self.span as usize, 0.0);
        self.found.clear();
        self.found.resize(self.span.div_ceil(64) as usize, 0);
    }

    /// The documents and their scores, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f32)> {
        let found = (0..).step_by(64).zip(&self.found);
        let places = found.flat_map(|(first, bits)| ones(*bits).map(move |bit| first + bit));
        places.map(|place: u32| (self.start + place, self.scores[place as usize]))
    }
}

/// Which bits are set.
fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let next = (bits != 0).then(|| bits.trailing_zeros());
        bits &= bits.wrapping_sub(1);
        next
    })
}
