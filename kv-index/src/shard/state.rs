//! The indexes of one shard, in step with each other.
//!
//! 1. An entry has one document number in all of them, and is in those that the rules say.
//! 2. Older never replaces newer: an entry whose version is not beyond that of the one that is
//!    there is passed over.

use kv_embed::vectors::{VectorIndex, VectorOptions};
use kv_proto::Entry;

use super::prepared::{Maker, Prepared};
use crate::content::Content;
use crate::docs::{Docs, Put};
use crate::kinds::Kinds;
use crate::ordered::OrderedIndex;
use crate::text::{Analyzer, TextIndex};
use crate::value::ValueIndex;
use crate::{DocId, text};

/// A shard has a part of the vectors: with two of them sketches begin at 100,000 in all.
const VECTORS: VectorOptions = VectorOptions {
    sketch_from_count: 50_000,
    candidate_count: 500,
};

/// See the module.
pub(crate) struct State {
    pub(crate) docs: Docs,
    pub(crate) ordered: OrderedIndex,
    pub(crate) value: ValueIndex,
    pub(crate) text: TextIndex,
    pub(crate) semantic: VectorIndex,
}

impl State {
    pub(crate) fn new(stemming: text::Stemming, dims: usize) -> State {
        State {
            docs: Docs::default(),
            ordered: OrderedIndex::default(),
            value: ValueIndex::default(),
            text: TextIndex::new(Analyzer::new(stemming)),
            semantic: VectorIndex::with_options(dims, VECTORS),
        }
    }

    pub(crate) fn apply(&mut self, change: Prepared, maker: &Maker) {
        match change {
            Prepared::Remove(entry) => self.remove(&entry, maker),
            Prepared::Put { entry, vector } => {
                let known = self.docs.by_key(entry.key());
                if known.is_none_or(|(_, known)| known.version() < entry.version()) {
                    self.put(entry, vector, maker);
                }
            }
        }
    }

    fn put(&mut self, entry: Entry, vector: Option<Vec<f32>>, maker: &Maker) {
        let Put { new, old } = self.docs.put(entry.clone());
        if let Some((doc, old)) = old {
            self.forget(doc, &old, maker);
        }
        let (kinds, content) = (maker.kinds(&entry), Content::of(&entry));
        if kinds.has(Kinds::VALUE) {
            self.value.insert(new, &maker.hasher.all(&content));
        }
        if kinds.has(Kinds::TEXT) {
            with_fields(&content, |fields| {
                self.text.insert(new, fields.iter().copied())
            });
        }
        if let Some(vector) = vector {
            self.semantic
                .insert(new.0, &vector)
                .expect("an embedder's vectors fit and are finite");
        }
        if kinds.has(Kinds::ORDERED) {
            self.ordered.insert(entry);
        }
    }

    fn remove(&mut self, entry: &Entry, maker: &Maker) {
        if let Some((doc, old)) = self.docs.remove(entry.key()) {
            self.forget(doc, &old, maker);
            self.ordered.remove(entry.key());
        }
    }

    /// From all but the ordered index, where a key outlives its documents.
    fn forget(&mut self, doc: DocId, entry: &Entry, maker: &Maker) {
        let (kinds, content) = (maker.kinds(entry), Content::of(entry));
        if kinds.has(Kinds::VALUE) {
            self.value.remove(doc, &maker.hasher.all(&content));
        }
        if kinds.has(Kinds::TEXT) {
            with_fields(&content, |fields| {
                self.text.remove(doc, fields.iter().copied())
            });
        }
        self.semantic.remove(doc.0);
    }

    pub(crate) fn compact_if_due(&mut self) {
        if !self.docs.is_compaction_due() {
            return;
        }
        let renumbering = self.docs.compact();
        self.value.renumber(&renumbering);
        self.text.renumber(&renumbering);
        self.semantic
            .renumber(&|old| renumbering.get(DocId(old)).map(|new| new.0));
    }
}

/// Hands over the texts of a value with the paths of their fields.
fn with_fields<T>(content: &Content<'_>, take: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    if let Some(text) = content.item().text() {
        return take(&[("", text)]);
    }
    let mut fields = Vec::new();
    content.strings(|path, text| fields.push((path.to_owned(), text.to_owned())));
    let fields: Vec<_> = fields
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    take(&fields)
}
