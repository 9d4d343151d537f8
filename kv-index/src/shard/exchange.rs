//! Exchanges what makes vectors of texts, while searches and changes go on.
//!
//! Documents get a second vector each, those that change meanwhile as they come and the others a few
//! at a time; when all of all shards have one, the second ones become the first in one step.

use std::sync::Arc;

use kv_embed::Embedder;
use parking_lot::{MutexGuard, RwLockWriteGuard};

use super::{CHUNK, Maker, Shard, State};

/// A shard that nobody else looks at.
pub(crate) type Locked<'a> = (MutexGuard<'a, ()>, RwLockWriteGuard<'a, State>);

impl Shard {
    /// From now on documents get a second vector, by `embedder`.
    pub(crate) fn begin_exchange(&self, embedder: &Arc<dyn Embedder>) {
        self.locked().1.begin_next(Arc::clone(embedder));
    }

    /// Gives some documents their second vector; false if all have one.
    pub(crate) fn advance_exchange(&self, embedder: &dyn Embedder, maker: &Maker) -> bool {
        let _turn = self.turn.lock();
        let Some(docs) = self.state.read().next_docs(CHUNK) else {
            return false;
        };
        let made = docs
            .into_iter()
            .filter_map(|(doc, entry)| Some((doc, maker.vector_of_text(&entry, embedder)?)));
        let made = made.collect();
        self.state.write().put_next(made, CHUNK);
        true
    }

    /// The turn and the state; of several shards they are taken shard by shard, or a search that has
    /// the first one's state would wait for the second one's turn for ever.
    pub(crate) fn locked(&self) -> Locked<'_> {
        (self.turn.lock(), self.state.write())
    }
}
