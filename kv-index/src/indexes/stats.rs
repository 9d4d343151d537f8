//! How large the indexes are, and how far behind.

use super::Indexes;
use crate::kinds::Kinds;
use crate::shard::State;

/// How large the indexes are, and how far behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// The kinds that any key is in, as `--index` has them.
    pub kinds: String,
    /// Whether searches are answered.
    pub is_built: bool,
    /// Changes that are applied to the map and not to the indexes.
    pub waiting: u64,
    /// Entries that are in any index.
    pub documents: u64,
    /// Bytes of the numbers of documents.
    pub document_bytes: u64,
    /// Keys in order.
    pub ordered_keys: u64,
    /// Bytes of the ordered index.
    pub ordered_bytes: u64,
    /// Hashes of values and fields.
    pub value_hashes: u64,
    /// Bytes of the value index.
    pub value_bytes: u64,
    /// Documents with words.
    pub text_documents: u64,
    /// Different words.
    pub text_terms: u64,
    /// Bytes of the full-text index.
    pub text_bytes: u64,
    /// What makes vectors of texts.
    pub embedder: String,
    /// The language of stems, or `none`.
    pub language: String,
    /// Documents with a vector made from their text.
    pub semantic_documents: u64,
    /// Bytes of the semantic index.
    pub semantic_bytes: u64,
    /// Documents with a vector that came with their value.
    pub vector_documents: u64,
    /// Bytes of the index of those.
    pub vector_bytes: u64,
    /// How many numbers those have; 0: they are not indexed.
    pub vector_dims: u64,
}

impl Indexes {
    /// As of now, without waiting for what waits.
    #[must_use]
    pub fn stats(&self) -> IndexStats {
        let mut stats = IndexStats {
            kinds: self.maker.rules.union().to_string(),
            is_built: self.is_built() || self.maker.rules.union() == Kinds::NONE,
            vector_dims: self.vector_dims() as u64,
            language: self.maker.stemming.to_string(),
            ..IndexStats::default()
        };
        for shard in &self.shards {
            stats.embedder = shard.state().texts.embedder.name();
            stats.waiting += shard.waiting() as u64;
            stats.add(&shard.state());
        }
        stats
    }
}

impl IndexStats {
    /// Bytes of all of them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.document_bytes
            + self.ordered_bytes
            + self.value_bytes
            + self.text_bytes
            + self.semantic_bytes
            + self.vector_bytes
    }

    fn add(&mut self, state: &State) {
        self.documents += state.docs.alive() as u64;
        self.document_bytes += state.docs.memory_bytes() as u64;
        self.ordered_keys += state.ordered.len() as u64;
        self.ordered_bytes += state.ordered.memory_bytes() as u64;
        self.value_hashes += state.value.len() as u64;
        self.value_bytes += state.value.memory_bytes() as u64;
        self.text_documents += state.text.doc_count();
        self.text_terms += state.text.term_count() as u64;
        self.text_bytes += state.text.memory_bytes() as u64;
        self.semantic_documents += state.texts.vectors.len() as u64;
        self.semantic_bytes += state.texts.vectors.memory_bytes() as u64;
        if let Some(own) = &state.own {
            self.vector_documents += own.len() as u64;
            self.vector_bytes += own.memory_bytes() as u64;
        }
    }
}
