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
    pub(crate) embedder: Arc<dyn Embedder>,
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
    /// Made from its text.
    OfText(Vec<f32>),
    /// The one that came with its value.
    Own(Vec<f32>),
}

impl Maker {
    pub(crate) fn prepare(&self, change: Change) -> Prepared {
        match change {
            Change::Remove(entry) => Prepared::Remove(entry),
            Change::Put(entry) => Prepared::Put {
                meaning: self.meaning(&entry),
                entry,
            },
        }
    }

    pub(crate) fn kinds(&self, entry: &Entry) -> Kinds {
        self.rules.of(entry.key())
    }

    fn meaning(&self, entry: &Entry) -> Meaning {
        if !self.kinds(entry).has(Kinds::SEMANTIC) {
            return Meaning::None;
        }
        if entry.dimensions() == self.vector_dims
            && let Some(vector) = entry.vector()
        {
            return Meaning::Own(vector);
        }
        Meaning::OfText(self.vector(entry))
    }

    /// Of all texts in the value, one after the other.
    fn vector(&self, entry: &Entry) -> Vec<f32> {
        let content = Content::of(entry);
        let mut vector = vec![0.0; self.embedder.dims()];
        match content.item().text() {
            Some(text) => self.embedder.embed_document(text, &mut vector),
            None => self
                .embedder
                .embed_document(&all_text(&content), &mut vector),
        }
        vector
    }
}

fn all_text(content: &Content<'_>) -> String {
    let mut all = String::new();
    content.strings(|_, text| {
        all.push_str(text);
        all.push(' ');
    });
    all
}
