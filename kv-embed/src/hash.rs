//! Hashes of letters: multiply and shift, the same on every machine.
//!
//! Not for tables that an attacker may fill: the multipliers are fixed, as stored vectors need.

/// 2^64 divided by the golden ratio, odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// The multiplier of the last round (from `SplitMix64`).
const MIX: u64 = 0xbf58_476d_1ce4_e5b9;

/// A hash that letters are added to.
///
/// Each kind of feature starts from a seed of its own, so that a stem and a word of the same
/// letters are different features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rolling(u64);

impl Rolling {
    pub(crate) const fn new(seed: u64) -> Rolling {
        Rolling(seed.wrapping_mul(MIX))
    }

    #[inline]
    pub(crate) const fn add(self, letter: char) -> Rolling {
        self.add_bits(letter as u64)
    }

    #[inline]
    pub(crate) const fn add_bits(self, bits: u64) -> Rolling {
        Rolling((self.0 ^ bits).wrapping_mul(STEP).rotate_left(23))
    }

    pub(crate) fn add_all(self, letters: &[char]) -> Rolling {
        letters.iter().fold(self, |hash, letter| hash.add(*letter))
    }

    /// The hash of what was added; its high bits are good.
    #[inline]
    pub(crate) const fn finish(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(MIX);
        mixed ^ (mixed >> 29)
    }
}
