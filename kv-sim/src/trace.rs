//! One number for all that happened: two runs of a seed are the same run if theirs are equal.
//!
//! Order counts. Never a checksum for data: it resists accidents, not intent.

use crate::random::mix;

/// Takes events in, gives a hash of them out.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    events: u64,
}

impl Trace {
    /// Takes in one event: what kind it was, and the numbers that say which.
    pub fn record(&mut self, kind: u8, numbers: &[u64]) {
        self.events += 1;
        self.absorb(u64::from(kind) | (numbers.len() as u64) << 8);
        for number in numbers {
            self.absorb(*number);
        }
    }

    /// Takes in one event that is bytes.
    pub fn record_bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.events += 1;
        self.absorb(u64::from(kind) | (bytes.len() as u64) << 8);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.absorb(u64::from_le_bytes(word));
        }
    }

    /// The hash of all events so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        mix(self.hash)
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    fn absorb(&mut self, number: u64) {
        self.hash = mix(self.hash.rotate_left(5) ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(events: &[(u8, &[u64])]) -> u64 {
        let mut trace = Trace::default();
        for (kind, numbers) in events {
            trace.record(*kind, numbers);
        }
        trace.hash()
    }

    #[test]
    fn equal_events_have_equal_hashes() {
        assert_eq!(
            hash_of(&[(1, &[2, 3]), (4, &[])]),
            hash_of(&[(1, &[2, 3]), (4, &[])])
        );
    }

    #[test]
    fn order_kind_and_number_count() {
        let hash = hash_of(&[(1, &[2]), (3, &[4])]);
        assert_ne!(hash, hash_of(&[(3, &[4]), (1, &[2])]));
        assert_ne!(hash, hash_of(&[(2, &[2]), (3, &[4])]));
        assert_ne!(hash, hash_of(&[(1, &[2]), (3, &[5])]));
        assert_ne!(hash, hash_of(&[(1, &[2]), (3, &[4]), (3, &[4])]));
    }

    #[test]
    fn every_byte_counts() {
        let hash = |bytes: &[u8]| {
            let mut trace = Trace::default();
            trace.record_bytes(0, bytes);
            trace.hash()
        };
        assert_ne!(hash(b"123456789"), hash(b"123456780"));
        assert_ne!(hash(b"a"), hash(b"a\0"));
    }
}
