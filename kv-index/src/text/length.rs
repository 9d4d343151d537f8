//! A document's length in one byte.
//!
//! Up to 63 words exactly; above, in steps of an eighth of a power of two, rounded down. A ranking
//! does not need more, and a search touches an eighth of the memory that full lengths would take.

/// Lengths beyond it count as it.
const WORDS_MAX: u32 = (1 << 29) - 1;

/// A code that no length has.
pub(super) const NONE: u8 = u8::MAX;

/// The code of a number of words.
pub(super) fn encode(words: u32) -> u8 {
    let words = words.min(WORDS_MAX);
    let code = if words < 64 {
        words
    } else {
        let exponent = words.ilog2();
        let eighth = (words >> (exponent - 3)) & 7;
        64 + (exponent - 6) * 8 + eighth
    };
    u8::try_from(code).unwrap_or(NONE)
}

/// The number of words that a code stands for.
pub(super) const fn decode(code: u8) -> u32 {
    let code = code as u32;
    if code < 64 {
        return code;
    }
    let (octave, eighth) = ((code - 64) / 8, (code - 64) % 8);
    (8 + eighth) << (octave + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_down_by_an_eighth_at_most() {
        for words in (0..5000).chain([1 << 20, WORDS_MAX, u32::MAX]) {
            let decoded = decode(encode(words));
            let words = words.min(WORDS_MAX);
            assert!(
                decoded <= words && words - decoded <= words / 8,
                "{words}: {decoded}"
            );
        }
        assert!(encode(u32::MAX) < NONE);
    }
}
