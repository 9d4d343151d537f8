//! What can be made of a change before the indexes are locked.

use std::sync::Arc;

use kv_embed::Embedder;
use kv_proto::Entry;

use crate::buffer::Change;
use crate::content::Content;
use crate::kinds::{Kinds, Rules};
use crate::text::Stemming;
use crate::value::ValueHasher;

/// Makes what the indexes of all shards need.
pub(crate) struct Maker {
    pub(crate) rules: Rules,
    pub(crate) hasher: ValueHasher,
    /// How many numbers vectors have that come with values; 0: they are passed over.
    pub(crate) vector_dims: usize,
    pub(crate) stemming: Stemming,
}

/// A change that is ready to be applied.
pub(crate) enum Prepared {
    Put { entry: Entry, meaning: Meaning },
    Remove(Entry),
}

/// The vector that an entry is found by.
pub(crate) enum Meaning {
    /// None.
    None,
    /// Made from its text, by each of the [`Embedders`].
    OfText {
        now: Vec<f32>,
        next: Option<Vec<f32>>,
    },
    /// The one that came with its value.
    Own(Vec<f32>),
}

/// What makes vectors of texts, and what is to take its place.
pub(crate) struct Embedders {
    pub(crate) now: Arc<dyn Embedder>,
    pub(crate) next: Option<Arc<dyn Embedder>>,
}

impl Maker {
    pub(crate) fn prepare(&self, change: Change, embedders: &Embedders) -> Prepared {
        match change {
            Change::Remove(entry) => Prepared::Remove(entry),
            Change::Put(entry) => Prepared::Put {
                meaning: self.meaning(&entry, embedders),
                entry,
            },
        }
    }

    pub(crate) fn kinds(&self, entry: &Entry) -> Kinds {
        self.rules.of(entry.key())
    }

    fn meaning(&self, entry: &Entry, embedders: &Embedders) -> Meaning {
        if !self.kinds(entry).has(Kinds::SEMANTIC) {
            return Meaning::None;
        }
        if self.has_own_vector(entry) {
            return entry.vector().map_or(Meaning::None, Meaning::Own);
        }
        let (content, next) = (Content::of(entry), embedders.next.as_ref());
        let text = content.text();
        Meaning::OfText {
            now: vector(&*embedders.now, &text),
            next: next.map(|next| vector(&**next, &text)),
        }
    }

    fn has_own_vector(&self, entry: &Entry) -> bool {
        entry.dimensions() > 0 && entry.dimensions() == self.vector_dims
    }

    /// The vector of an entry's text, if that is what it is found by.
    pub(crate) fn vector_of_text(&self, entry: &Entry, by: &dyn Embedder) -> Option<Vec<f32>> {
        let is_by_text = self.kinds(entry).has(Kinds::SEMANTIC) && !self.has_own_vector(entry);
        is_by_text.then(|| vector(by, &Content::of(entry).text()))
    }
}

fn vector(embedder: &dyn Embedder, text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; embedder.dims()];
    embedder.embed_document(text, &mut vector);
    vector
}
