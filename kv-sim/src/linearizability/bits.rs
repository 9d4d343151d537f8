//! A set of small numbers.

/// Numbers below this fit in.
pub(super) const BITS: usize = 256;

/// Numbers from 0 to 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Bits([u64; BITS / 64]);

impl Bits {
    pub(super) fn has(self, number: usize) -> bool {
        self.0[number / 64] >> (number % 64) & 1 == 1
    }

    pub(super) fn with(mut self, number: usize) -> Bits {
        self.0[number / 64] |= 1 << (number % 64);
        self
    }

    pub(super) fn without(mut self, number: usize) -> Bits {
        self.0[number / 64] &= !(1 << (number % 64));
        self
    }

    /// Those that are in either.
    pub(super) fn union(self, other: Bits) -> Bits {
        self.zip(other, |a, b| a | b)
    }

    /// Those that are in `mask`, too.
    pub(super) fn within(self, mask: Bits) -> Bits {
        self.zip(mask, |a, b| a & b)
    }

    /// Those that are not in `mask`.
    pub(super) fn outside(self, mask: Bits) -> Bits {
        self.zip(mask, |a, b| a & !b)
    }

    pub(super) fn is_subset_of(self, other: Bits) -> bool {
        self.outside(other) == Bits::default()
    }

    fn zip(self, other: Bits, with: impl Fn(u64, u64) -> u64) -> Bits {
        Bits(std::array::from_fn(|word| {
            with(self.0[word], other.0[word])
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_set() {
        let set = Bits::default().with(3).with(64).with(255);
        assert!(set.has(64) && !set.without(64).has(64) && !set.has(4));
        let mask = Bits::default().with(3).with(4);
        assert_eq!(set.within(mask), Bits::default().with(3));
        assert_eq!(set.outside(mask), Bits::default().with(64).with(255));
        assert_eq!(set.union(mask), set.with(4));
        assert!(set.without(3).is_subset_of(set) && !set.is_subset_of(set.without(3)));
    }
}
