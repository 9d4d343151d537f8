//! What can be made of a change before the indexes are locked.

use std::sync::Arc;

use kv_embed::Embedder;
use kv_proto::Entry;

use crate::buffer::Change;
use crate::content::Content;
use crate::kinds::{Kinds, Rules};
use crate::value::ValueHasher;

/// Makes what the indexes of all shards need.
pub(crate) struct Maker {
    pub(crate) rules: Rules,
    pub(crate) hasher: ValueHasher,
    pub(crate) embedder: Arc<dyn Embedder>,
}

/// A change that is ready to be applied.
pub(crate) enum Prepared {
    Put {
        entry: Entry,
        /// Its vector, if it is to have one.
        vector: Option<Vec<f32>>,
    },
    Remove(Entry),
}

impl Maker {
    pub(crate) fn prepare(&self, change: Change) -> Prepared {
        match change {
            Change::Remove(entry) => Prepared::Remove(entry),
            Change::Put(entry) => Prepared::Put {
                vector: self
                    .kinds(&entry)
                    .has(Kinds::SEMANTIC)
                    .then(|| self.vector(&entry)),
                entry,
            },
        }
    }

    pub(crate) fn kinds(&self, entry: &Entry) -> Kinds {
        self.rules.of(entry.key())
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
