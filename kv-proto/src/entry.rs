//! A key with its value, version and expiry in one allocation behind one thin pointer.
//!
//! ```text
//! Entry → | references | version u64 | expiry u64 | key len u16, dimensions u16, tag u8 | len |
//!         | key | payload | vector f32*, little-endian |
//! ```
//!
//! 1. An entry never changes; an update makes a new one. So a clone is a stable view: a snapshot
//!    or a reply may hold one without holding a lock.
//! 2. An entry owns its bytes; it never pins a network buffer.
//! 3. An entry without a vector takes no byte for it.

use std::cell::RefCell;
use std::fmt;

use bytes::Bytes;
use triomphe::ThinArc;

use crate::value::{EncodedValue, Tag, Value, ValueError};

/// Keys are at most this long, whatever the configuration says.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// One stored entry; cheap to clone.
#[derive(Clone)]
pub struct Entry(ThinArc<Header, u8>);

#[derive(Clone, Copy)]
struct Header {
    version: u64,
    expires_at_ms: u64,
    key_len: u16,
    dimensions: u16,
    tag: Tag,
}

thread_local! {
    /// Key and payload are put side by side here, so that an entry is one copy, not a loop.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

const FLOAT_BYTES: usize = size_of::<f32>();

/// Scratch space beyond this is given back, so one huge value does not pin memory for good.
const SCRATCH_BYTES_KEPT: usize = 64 * 1024;

impl Entry {
    /// A new entry. `expires_at_ms` is in unix milliseconds.
    ///
    /// # Panics
    /// If the key is longer than [`KEY_BYTES_MAX`]; commands are checked before they are logged.
    #[must_use]
    pub fn new(
        key: &[u8],
        tag: Tag,
        payload: &[u8],
        version: u64,
        expires_at_ms: Option<u64>,
    ) -> Entry {
        Entry::with_vector(key, tag, payload, &[], version, expires_at_ms)
    }

    /// A new entry with a vector, which is given by its little-endian 32-bit floats; none is none.
    ///
    /// # Panics
    /// As [`Entry::new`]; and if `vector` is not whole floats, 65,535 at most.
    #[must_use]
    pub fn with_vector(
        key: &[u8],
        tag: Tag,
        payload: &[u8],
        vector: &[u8],
        version: u64,
        expires_at_ms: Option<u64>,
    ) -> Entry {
        assert!(
            vector.len().is_multiple_of(FLOAT_BYTES),
            "a vector is whole floats"
        );
        let dimensions = vector.len() / FLOAT_BYTES;
        let header = Header {
            version,
            expires_at_ms: expires_at_ms.unwrap_or(u64::MAX),
            key_len: u16::try_from(key.len()).expect("key length is checked before logging"),
            dimensions: u16::try_from(dimensions).expect("dimensions are checked before logging"),
            tag,
        };
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            scratch.extend_from_slice(key);
            scratch.extend_from_slice(payload);
            scratch.extend_from_slice(vector);
            let entry = Entry(ThinArc::from_header_and_slice(header, scratch));
            if scratch.capacity() > SCRATCH_BYTES_KEPT {
                *scratch = Vec::new();
            }
            entry
        })
    }

    fn header(&self) -> &Header {
        &self.0.header.header
    }

    /// The key, and what follows it.
    fn split(&self) -> (&[u8], &[u8]) {
        self.0.slice.split_at(usize::from(self.header().key_len))
    }

    /// Payload and vector.
    fn split_rest(&self) -> (&[u8], &[u8]) {
        let rest = self.split().1;
        rest.split_at(rest.len() - self.dimensions() * FLOAT_BYTES)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.split().0
    }

    /// What the value is.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.header().tag
    }

    /// The value's encoding after its tag; for a byte string, the bytes themselves.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.split_rest().0
    }

    /// How many numbers its vector has; 0: it has none.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        usize::from(self.header().dimensions)
    }

    /// The vector that came with the value, as little-endian 32-bit floats; empty if none did.
    #[must_use]
    pub fn vector_bytes(&self) -> &[u8] {
        self.split_rest().1
    }

    /// The vector that came with the value, if one did.
    #[must_use]
    pub fn vector(&self) -> Option<Vec<f32>> {
        let (numbers, _) = self.vector_bytes().as_chunks();
        let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
        (self.dimensions() > 0).then(|| numbers.collect())
    }

    /// Place of the write that made this entry in the order of all writes.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.header().version
    }

    /// When it expires, in unix milliseconds.
    #[must_use]
    pub fn expires_at_ms(&self) -> Option<u64> {
        Some(self.header().expires_at_ms).filter(|at| *at != u64::MAX)
    }

    /// Whether it is gone at `now_ms`.
    #[must_use]
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.header().expires_at_ms <= now_ms
    }

    /// Bytes of memory it takes, without the allocator's rounding.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.slice.len() + size_of::<Header>() + 2 * size_of::<usize>()
    }

    /// Decodes the value.
    ///
    /// # Errors
    /// If the payload is not a canonical encoding.
    pub fn value(&self) -> Result<Value, ValueError> {
        Value::decode(self.tag(), self.payload())
    }

    /// A copy of the value in its encoding.
    #[must_use]
    pub fn encoded_value(&self) -> EncodedValue {
        EncodedValue {
            tag: self.tag(),
            payload: Bytes::copy_from_slice(self.payload()),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key().escape_ascii().to_string())
            .field("tag", &self.tag())
            .field("payload", &self.payload().escape_ascii().to_string())
            .field("vector", &self.vector())
            .field("version", &self.version())
            .field("expires_at_ms", &self.expires_at_ms())
            .finish()
    }
}

impl PartialEq for Entry {
    /// Equal in everything: vector, version and expiry included.
    fn eq(&self, other: &Entry) -> bool {
        self.key() == other.key()
            && self.tag() == other.tag()
            && self.dimensions() == other.dimensions()
            && self.split().1 == other.split().1
            && self.version() == other.version()
            && self.expires_at_ms() == other.expires_at_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_keeps_its_parts() {
        let entry = Entry::new(b"k", Tag::Bytes, b"v\0\xff", 7, Some(9));
        assert_eq!(entry.key(), b"k");
        assert_eq!(entry.payload(), b"v\0\xff");
        assert_eq!(entry.version(), 7);
        assert!(entry.is_expired(9) && !entry.is_expired(8));
    }

    #[test]
    fn entry_without_expiry_never_expires() {
        let entry = Entry::new(b"", Tag::Null, b"", 1, None);
        assert!(!entry.is_expired(u64::MAX - 1));
        assert_eq!(entry.expires_at_ms(), None);
    }

    #[test]
    fn entry_keeps_its_vector_apart_from_its_payload() {
        let vector = [1.5f32, -2.0].map(f32::to_le_bytes);
        let vector = vector.as_flattened();
        let entry = Entry::with_vector(b"k", Tag::Bytes, b"v", vector, 7, None);
        assert_eq!((entry.key(), entry.payload()), (&b"k"[..], &b"v"[..]));
        assert_eq!(entry.vector(), Some(vec![1.5, -2.0]));
        let plain = Entry::new(b"k", Tag::Bytes, b"v", 7, None);
        assert_eq!((plain.vector(), plain.dimensions()), (None, 0));
        assert_eq!(entry.memory_bytes(), plain.memory_bytes() + vector.len());
        let long = [b"v", vector].concat();
        assert_ne!(entry, Entry::new(b"k", Tag::Bytes, &long, 7, None));
    }

    #[test]
    fn a_handle_is_one_word() {
        assert_eq!(size_of::<Entry>(), size_of::<usize>());
        assert_eq!(size_of::<Header>(), 24);
    }
}
