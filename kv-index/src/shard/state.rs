//! The indexes of one shard, in step with each other.
//!
//! 1. An entry has one document number in all of them, and is in those that the rules say.
//! 2. An entry is in one of the two indexes of vectors at most.
//! 3. Older never replaces newer: an entry whose version is not beyond that of the one that is
//!    there is passed over.

use kv_embed::vectors::{VectorIndex, VectorOptions};
use kv_proto::Entry;

use super::prepared::{Maker, Meaning, Prepared};
use crate::DocId;
use crate::content::Content;
use crate::docs::{Docs, Put};
use crate::kinds::Kinds;
use crate::ordered::OrderedIndex;
use crate::text::{Analyzer, TextIndex};
use crate::value::ValueIndex;

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
    /// Of vectors made from texts.
    pub(crate) semantic: VectorIndex,
    /// Of vectors that came with values, if there are to be any.
    pub(crate) own: Option<VectorIndex>,
}

impl State {
    pub(crate) fn new(maker: &Maker) -> State {
        let vectors = |dims| VectorIndex::with_options(dims, VECTORS);
        State {
            docs: Docs::default(),
            ordered: OrderedIndex::default(),
            value: ValueIndex::default(),
            text: TextIndex::new(Analyzer::new(maker.stemming)),
            semantic: vectors(maker.embedder.dims()),
            own: (maker.vector_dims > 0).then(|| vectors(maker.vector_dims)),
        }
    }

    pub(crate) fn apply(&mut self, change: Prepared, maker: &Maker) {
        match change {
            Prepared::Remove(entry) => self.remove(&entry, maker),
            Prepared::Put { entry, meaning } => {
                let known = self.docs.by_key(entry.key());
                if known.is_none_or(|(_, known)| known.version() < entry.version()) {
                    self.put(entry, meaning, maker);
                }
            }
        }
    }

    fn put(&mut self, entry: Entry, meaning: Meaning, maker: &Maker) {
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
        self.put_meaning(new, meaning);
        if kinds.has(Kinds::ORDERED) {
            self.ordered.insert(entry);
        }
    }

    fn put_meaning(&mut self, DocId(id): DocId, meaning: Meaning) {
        let inserted = match (meaning, &mut self.own) {
            (Meaning::OfText(vector), _) => self.semantic.insert(id, &vector),
            (Meaning::Own(vector), Some(own)) => own.insert(id, &vector),
            (Meaning::None | Meaning::Own(_), _) => Ok(()),
        };
        inserted.expect("vectors fit, and are checked or made to be finite");
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
        self.vectors_mut().for_each(|index| index.remove(doc.0));
    }

    pub(crate) fn compact_if_due(&mut self) {
        if !self.docs.is_compaction_due() {
            return;
        }
        let renumbering = self.docs.compact();
        self.value.renumber(&renumbering);
        self.text.renumber(&renumbering);
        let number = |old| renumbering.get(DocId(old)).map(|new| new.0);
        self.vectors_mut().for_each(|index| index.renumber(&number));
    }

    fn vectors_mut(&mut self) -> impl Iterator<Item = &mut VectorIndex> {
        std::iter::once(&mut self.semantic).chain(&mut self.own)
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
