//! Hashes of values and of fields.

use std::hash::Hasher;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::content::{Content, Item};

/// Keeps a whole value apart from a field.
const VALUE: u8 = 0;
const FIELD: u8 = 1;

/// A keyed hash of values: all shards share one, so that a search hashes once.
///
/// ```
/// use kv_index::content::Content;
/// use kv_index::value::ValueHasher;
/// use kv_proto::{Tag, Value};
///
/// let hasher = ValueHasher::new(1);
/// let of = |value| hasher.value(&Content::from(&value));
/// assert_ne!(of(Value::Int(1)), of(Value::Float(1.0)));
/// let text = hasher.value(&Content::new(Tag::Bytes, b"[1, \"a\"]"));
/// assert_eq!(text, of(Value::from_json(b"[1,\"a\"]").unwrap()));
/// ```
#[derive(Debug, Clone)]
pub struct ValueHasher {
    seed: u64,
    shared: SharedSeed,
}

impl ValueHasher {
    /// The hash with this seed, which nobody outside of the process should know.
    #[must_use]
    pub fn new(seed: u64) -> ValueHasher {
        ValueHasher {
            seed,
            shared: SharedSeed::from_u64(seed),
        }
    }

    /// The hash of a whole value.
    #[must_use]
    pub fn value(&self, content: &Content<'_>) -> u64 {
        self.hash(VALUE, "", content.item())
    }

    /// The hash of an item at a path.
    #[must_use]
    pub fn field(&self, path: &str, item: Item<'_>) -> u64 {
        self.hash(FIELD, path, item)
    }

    /// All hashes that a value is found by: its own, and those of its fields.
    #[must_use]
    pub fn all(&self, content: &Content<'_>) -> Vec<u64> {
        let mut hashes = Vec::new();
        self.append_all(content, &mut hashes);
        hashes
    }

    /// Appends what [`ValueHasher::all`] returns.
    pub fn append_all(&self, content: &Content<'_>, hashes: &mut Vec<u64>) {
        hashes.push(self.value(content));
        content.fields(|path, item| hashes.push(self.field(path, item)));
    }

    fn hash(&self, kind: u8, path: &str, item: Item<'_>) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write_u8(kind);
        hasher.write_u8(item.tag as u8);
        hasher.write_usize(path.len());
        hasher.write(path.as_bytes());
        hasher.write(item.payload);
        hasher.finish()
    }
}
