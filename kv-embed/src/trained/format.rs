//! A model's bytes.
//!
//! ```text
//! | "KVRI" | version u16 | dims u16 | documents u64 | words u32 |
//! per word, by bucket: | bucket u32 | weight u8 | vector [dims × i8] |     little-endian
//! ```
//!
//! 1. A model has one sequence of bytes, so two are equal if their bytes are.
//! 2. Reading never panics and never reserves more than the bytes can hold.
//!
//! Has no checksum: who stores bytes checks them.

use super::model::{MODEL_WORDS_MAX, ModelWord, TrainedModel};
use super::{BUCKETS, DIMS};

const MAGIC: [u8; 4] = *b"KVRI";
const VERSION: u16 = 1;
#[expect(clippy::cast_possible_truncation, reason = "256")]
const DIMS_FIELD: u16 = DIMS as u16;
const WORD_BYTES: usize = 4 + 1 + DIMS;

/// Why bytes are no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A later version wrote it, or an earlier one that is no longer read.
    #[error("model of version {found}; this program reads version {VERSION}")]
    Version {
        /// What the bytes say.
        found: u16,
    },
    /// Anything else.
    #[error("not a model: {what} at byte {offset}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where.
        offset: usize,
    },
}

impl TrainedModel {
    /// The model's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + self.words.len() * WORD_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(DIMS_FIELD.to_le_bytes());
        bytes.extend(self.documents.to_le_bytes());
        let count = u32::try_from(self.words.len()).expect("a model has at most 2^16 words");
        bytes.extend(count.to_le_bytes());
        for word in &self.words {
            bytes.extend(word.bucket.to_le_bytes());
            bytes.push(word.weight);
            bytes.extend(word.vector.map(i8::cast_unsigned));
        }
        bytes
    }

    /// Reads a model.
    ///
    /// # Errors
    /// If the bytes are none, or none of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<TrainedModel, ModelError> {
        let mut reader = Reader { bytes, offset: 0 };
        if reader.take("magic")? != MAGIC {
            return Err(reader.malformed("magic"));
        }
        let found = u16::from_le_bytes(reader.take("version")?);
        if found != VERSION {
            return Err(ModelError::Version { found });
        }
        if u16::from_le_bytes(reader.take("dimensions")?) != DIMS_FIELD {
            return Err(reader.malformed("dimensions"));
        }
        let documents = u64::from_le_bytes(reader.take("number of documents")?);
        let words = reader.words()?;
        Ok(TrainedModel::from_words(documents, words))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ModelError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest.first_chunk().copied();
        let taken = taken.ok_or(ModelError::Malformed {
            what,
            offset: self.offset,
        })?;
        self.offset += N;
        Ok(taken)
    }

    fn malformed(&self, what: &'static str) -> ModelError {
        ModelError::Malformed {
            what,
            offset: self.offset,
        }
    }

    fn words(&mut self) -> Result<Vec<ModelWord>, ModelError> {
        let count = u32::from_le_bytes(self.take("number of words")?) as usize;
        let rest = self.bytes.len() - self.offset;
        if count > MODEL_WORDS_MAX || rest != count * WORD_BYTES {
            return Err(self.malformed("number of words"));
        }
        let mut words: Vec<ModelWord> = Vec::with_capacity(count);
        for _ in 0..count {
            let word = self.word()?;
            if words.last().is_some_and(|last| last.bucket >= word.bucket) {
                return Err(self.malformed("order of buckets"));
            }
            words.push(word);
        }
        Ok(words)
    }

    fn word(&mut self) -> Result<ModelWord, ModelError> {
        let bucket = u32::from_le_bytes(self.take("bucket")?);
        if bucket as usize >= BUCKETS {
            return Err(self.malformed("bucket"));
        }
        let [weight] = self.take("weight")?;
        let vector: [u8; DIMS] = self.take("vector")?;
        Ok(ModelWord {
            bucket,
            weight,
            vector: vector.map(u8::cast_signed),
        })
    }
}
