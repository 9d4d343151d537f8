//! How often each word of a text has come up so far.
//!
//! An open-addressed table of the words' hashes. A short text's lies on the stack; a longer one's is
//! allocated once, and [`WORDS_MAX`] bounds it.

use crate::word::WORDS_MAX;

/// Slots of a short text's table.
const INLINE_SLOTS: usize = 128;

/// The hash of a word and its count; 0 and 0 is empty.
type Slot = (u32, u32);

/// A text's word counts.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "on the stack, where nothing is allocated"
)]
pub(crate) enum Tally {
    Inline([Slot; INLINE_SLOTS]),
    Allocated(Box<[Slot]>),
}

impl Tally {
    /// For a text of so many bytes. A word has at least one byte and one between it and the next;
    /// in scripts without spaces, three.
    pub(crate) fn for_text(text: &str) -> Tally {
        let slots = 2 * (text.len() / 2 + 1).min(WORDS_MAX);
        if slots <= INLINE_SLOTS {
            Tally::Inline([(0, 0); INLINE_SLOTS])
        } else {
            Tally::Allocated(vec![(0, 0); slots.next_power_of_two()].into())
        }
    }

    /// Counts a word; how often it has come up, this time included.
    pub(crate) fn count(&mut self, hash: u64) -> u32 {
        let slots: &mut [Slot] = match self {
            Tally::Inline(slots) => slots,
            Tally::Allocated(slots) => slots,
        };
        let hash = (hash >> 32) as u32;
        let mask = slots.len() - 1;
        let mut place = hash as usize & mask;
        while slots[place].1 > 0 && slots[place].0 != hash {
            place = (place + 1) & mask;
        }
        slots[place].0 = hash;
        slots[place].1 += 1;
        slots[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_apart() {
        for text in ["short", &"long ".repeat(100)] {
            let mut tally = Tally::for_text(text);
            let counts =
                [1 << 32, 2 << 32, 1 << 32, 129 << 32, 1 << 32].map(|hash| tally.count(hash));
            assert_eq!(counts, [1, 1, 2, 1, 3]);
        }
    }

    #[test]
    fn as_many_words_as_a_text_can_have_fit() {
        for bytes in [1, 127, 128, 4_000, 10 * WORDS_MAX] {
            let text = "x".repeat(bytes);
            let mut tally = Tally::for_text(&text);
            let words = (bytes.div_ceil(2)).min(WORDS_MAX) as u64;
            assert!((0..words).all(|word| tally.count(word << 32) == 1));
        }
    }
}
