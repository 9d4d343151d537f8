//! The indexes of one shard, in step with each other.
//!
//! 1. An entry has one document number in all of them, and is in those that the rules say.
//! 2. An entry is in one of the two indexes of vectors at most.
//! 3. Older never replaces newer: an entry whose version is not beyond that of the one that is
//!    there is passed over.

use std::sync::Arc;

use kv_embed::Embedder;
use kv_embed::vectors::{VectorIndex, VectorOptions};
use kv_proto::Entry;

use super::prepared::{Embedders, Maker, Meaning, Prepared};
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

/// Vectors made from texts, and what makes them.
pub(crate) struct Texts {
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) vectors: VectorIndex,
}

impl Texts {
    fn new(embedder: Arc<dyn Embedder>) -> Texts {
        Texts {
            vectors: VectorIndex::with_options(embedder.dims(), VECTORS),
            embedder,
        }
    }
}

/// What is to take the place of [`Texts`]. It has the documents below `done`, and those that came
/// since it began, which are those from `until` on.
struct Next {
    texts: Texts,
    done: usize,
    until: usize,
}

/// See the module.
pub(crate) struct State {
    pub(crate) docs: Docs,
    pub(crate) ordered: OrderedIndex,
    pub(crate) value: ValueIndex,
    pub(crate) text: TextIndex,
    pub(crate) texts: Texts,
    next: Option<Next>,
    /// Of vectors that came with values, if there are to be any.
    pub(crate) own: Option<VectorIndex>,
}

impl State {
    pub(crate) fn new(maker: &Maker, embedder: Arc<dyn Embedder>) -> State {
        let own = |dims| VectorIndex::with_options(dims, VECTORS);
        State {
            docs: Docs::default(),
            ordered: OrderedIndex::default(),
            value: ValueIndex::default(),
            text: TextIndex::new(Analyzer::new(maker.stemming)),
            texts: Texts::new(embedder),
            next: None,
            own: (maker.vector_dims > 0).then(|| own(maker.vector_dims)),
        }
    }

    pub(crate) fn clear(&mut self, maker: &Maker) {
        let embedders = self.embedders();
        *self = State::new(maker, embedders.now);
        if let Some(next) = embedders.next {
            self.begin_next(next);
        }
    }

    pub(crate) fn embedders(&self) -> Embedders {
        let next = self.next.as_ref();
        Embedders {
            now: Arc::clone(&self.texts.embedder),
            next: next.map(|next| Arc::clone(&next.texts.embedder)),
        }
    }

    /// From now on documents get a second vector, by `embedder`.
    pub(crate) fn begin_next(&mut self, embedder: Arc<dyn Embedder>) {
        self.next = Some(Next {
            texts: Texts::new(embedder),
            done: 0,
            until: self.docs.count(),
        });
    }

    /// At most `count` documents that have no second vector yet; there may be none among them that
    /// are alive. `None` if all have one.
    pub(crate) fn next_docs(&self, count: usize) -> Option<Vec<(DocId, Entry)>> {
        let next = self.next.as_ref().filter(|next| next.done < next.until)?;
        let numbers = next.done..next.until.min(next.done + count);
        let docs = numbers.filter_map(|number| {
            let doc = DocId(u32::try_from(number).ok()?);
            Some((doc, self.docs.get(doc)?.clone()))
        });
        Some(docs.collect())
    }

    /// Gives documents, of those of [`State::next_docs`], their second vectors.
    pub(crate) fn put_next(&mut self, made: Vec<(DocId, Vec<f32>)>, count: usize) {
        let Some(next) = &mut self.next else { return };
        for (doc, vector) in made {
            insert(&mut next.texts.vectors, doc, &vector);
        }
        next.done = next.until.min(next.done + count);
    }

    /// The second vectors take the place of the first ones, or go.
    pub(crate) fn end_next(&mut self, is_done: bool) {
        if let Some(next) = self.next.take().filter(|_| is_done) {
            self.texts = next.texts;
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

    fn put_meaning(&mut self, doc: DocId, meaning: Meaning) {
        match meaning {
            Meaning::None => {}
            Meaning::OfText { now, next } => {
                insert(&mut self.texts.vectors, doc, &now);
                if let (Some(index), Some(vector)) = (&mut self.next, next) {
                    insert(&mut index.texts.vectors, doc, &vector);
                }
            }
            Meaning::Own(vector) => {
                if let Some(own) = &mut self.own {
                    insert(own, doc, &vector);
                }
            }
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
        if let Some(next) = &mut self.next {
            next.done = renumbering.from(next.done);
            next.until = renumbering.from(next.until);
        }
    }

    fn vectors_mut(&mut self) -> impl Iterator<Item = &mut VectorIndex> {
        let next = self.next.as_mut().map(|next| &mut next.texts.vectors);
        std::iter::once(&mut self.texts.vectors)
            .chain(next)
            .chain(&mut self.own)
    }
}

fn insert(index: &mut VectorIndex, doc: DocId, vector: &[f32]) {
    index
        .insert(doc.0, vector)
        .expect("vectors fit, and are checked or made to be finite");
}

/// Hands over the texts of a value with the paths of their fields.
fn with_fields<T>(content: &Content<'_>, take: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    if let Some(text) = content.item().text() {
        return take(&[("", text)]);
    }
    let fields = content.owned_strings();
    let fields: Vec<_> = fields
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    take(&fields)
}
