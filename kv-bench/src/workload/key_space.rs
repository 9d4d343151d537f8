//! The bytes of keys and values.
//!
//!   key    `key:` index in decimal, zero-padded to the key's size
//!   value  nonce as 16 hex digits, then printable bytes derived from key and nonce; cut to size
//!
//! 1. Different indexes give different keys.
//! 2. Values are printable ASCII, never JSON, and do not compress to nothing.

use std::io::Write;

use super::random::mix;

const PREFIX: &[u8] = b"key:";
const NONCE_BYTES: usize = 16;

/// Why there can be no such key space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySpaceError {
    /// Nothing to ask for.
    #[error("there must be at least one key")]
    Empty,
    /// Two keys would be the same.
    #[error("keys of {key_bytes} bytes cannot name {key_count} keys; at least {needed} are needed")]
    KeyTooShort {
        /// Wanted size.
        key_bytes: usize,
        /// Wanted number of keys.
        key_count: u64,
        /// Smallest size that works.
        needed: usize,
    },
}

/// Which keys and values there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpace {
    key_count: u64,
    key_bytes: usize,
    value_bytes: usize,
}

impl KeySpace {
    /// `key_count` keys of `key_bytes` bytes each, with values of `value_bytes` bytes.
    ///
    /// # Errors
    ///
    /// If there are no keys, or they are too short to differ.
    pub fn new(
        key_count: u64,
        key_bytes: usize,
        value_bytes: usize,
    ) -> Result<KeySpace, KeySpaceError> {
        let Some(last) = key_count.checked_sub(1) else {
            return Err(KeySpaceError::Empty);
        };
        let needed = PREFIX.len() + last.to_string().len();
        if key_bytes < needed {
            return Err(KeySpaceError::KeyTooShort {
                key_bytes,
                key_count,
                needed,
            });
        }
        Ok(KeySpace {
            key_count,
            key_bytes,
            value_bytes,
        })
    }

    /// Number of keys.
    #[must_use]
    pub fn key_count(&self) -> u64 {
        self.key_count
    }

    /// Size of every key.
    #[must_use]
    pub fn key_bytes(&self) -> usize {
        self.key_bytes
    }

    /// Size of every value.
    #[must_use]
    pub fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// Appends the key of an index.
    pub fn write_key(&self, index: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(PREFIX);
        let start = out.len();
        out.resize(start + self.key_bytes - PREFIX.len(), b'0');
        let mut rest = index;
        for digit in out[start..].iter_mut().rev() {
            if rest == 0 {
                break;
            }
            *digit = b"0123456789"[usize::try_from(rest % 10).expect("a digit: fits")];
            rest /= 10;
        }
    }

    /// Appends the value that `nonce` gives the key of an index.
    pub fn write_value(&self, index: u64, nonce: u64, out: &mut Vec<u8>) {
        let end = out.len() + self.value_bytes;
        write!(out, "{nonce:016x}").expect("writing to memory: cannot fail");
        let mut word = mix(index).wrapping_add(nonce);
        while out.len() < end {
            word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
            out.extend_from_slice(&printable(mix(word)));
        }
        out.truncate(end);
    }

    /// Whether `value` is what some write of this workload stored under the key of an index.
    ///
    /// Values shorter than a nonce tell nothing but their size.
    #[must_use]
    pub fn is_value_of(&self, index: u64, value: &[u8]) -> bool {
        if value.len() != self.value_bytes {
            return false;
        }
        let Some(digits) = value.get(..NONCE_BYTES) else {
            return true;
        };
        let nonce = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, 16).ok());
        nonce.is_some_and(|nonce| self.is_value(index, nonce, value))
    }

    /// Whether `value` is the one that `nonce` gives the key of an index.
    #[must_use]
    pub fn is_value(&self, index: u64, nonce: u64, value: &[u8]) -> bool {
        let mut expected = Vec::with_capacity(self.value_bytes + NONCE_BYTES);
        self.write_value(index, nonce, &mut expected);
        expected == value
    }
}

/// Eight characters from `0` to `o`.
fn printable(word: u64) -> [u8; 8] {
    const LOW_BITS: u64 = 0x3f3f_3f3f_3f3f_3f3f;
    const FIRST: u64 = 0x3030_3030_3030_3030;
    ((word & LOW_BITS) + FIRST).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(space: &KeySpace, index: u64) -> Vec<u8> {
        let mut out = Vec::new();
        space.write_key(index, &mut out);
        out
    }

    fn value(space: &KeySpace, index: u64, nonce: u64) -> Vec<u8> {
        let mut out = Vec::new();
        space.write_value(index, nonce, &mut out);
        out
    }

    #[test]
    fn keys_are_padded_to_their_size() {
        let space = KeySpace::new(1_000_000, 20, 100).unwrap();
        assert_eq!(key(&space, 0), b"key:0000000000000000");
        assert_eq!(key(&space, 999_999), b"key:0000000000999999");
    }

    #[test]
    fn keys_too_short_to_differ_are_refused() {
        assert!(KeySpace::new(1_000, 7, 0).is_ok());
        assert_eq!(
            KeySpace::new(1_001, 7, 0),
            Err(KeySpaceError::KeyTooShort {
                key_bytes: 7,
                key_count: 1_001,
                needed: 8
            })
        );
        assert_eq!(KeySpace::new(0, 20, 0), Err(KeySpaceError::Empty));
    }

    #[test]
    fn values_have_their_size_and_are_printable() {
        for bytes in [0, 1, 15, 16, 17, 100, 1_000] {
            let space = KeySpace::new(10, 20, bytes).unwrap();
            let value = value(&space, 3, 0xfeed);
            assert_eq!(value.len(), bytes);
            assert!(value.iter().all(u8::is_ascii_graphic));
        }
    }

    #[test]
    fn a_value_is_known_by_its_key_and_nonce() {
        let space = KeySpace::new(10, 20, 100).unwrap();
        let stored = value(&space, 3, 77);
        assert!(space.is_value(3, 77, &stored));
        assert!(space.is_value_of(3, &stored));
        assert!(!space.is_value(3, 78, &stored));
        assert!(!space.is_value_of(4, &stored));
    }

    #[test]
    fn a_changed_byte_is_noticed_anywhere() {
        let space = KeySpace::new(10, 20, 40).unwrap();
        let stored = value(&space, 3, 77);
        for position in 0..stored.len() {
            let mut damaged = stored.clone();
            damaged[position] ^= 1;
            assert!(!space.is_value_of(3, &damaged), "byte {position}");
        }
        assert!(!space.is_value_of(3, &stored[..39]));
    }
}
