//! How far into the order of all writes a client has seen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kv_proto::Position;

/// What replies said of their position, from all connections of a client.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whether any reply said it.
    any: AtomicBool,
    /// The furthest.
    applied: AtomicU64,
    /// The last.
    age_ms: AtomicU64,
}

impl Seen {
    /// A reply follows these writes. Called before the reply is handed to its call, so that
    /// whatever the caller does then is after it.
    pub(crate) fn note(&self, position: Position) {
        self.applied.fetch_max(position.applied, Ordering::AcqRel);
        self.age_ms.store(position.age_ms, Ordering::Release);
        self.any.store(true, Ordering::Release);
    }

    /// The furthest write that any reply followed, with the age that the last one had.
    pub(crate) fn position(&self) -> Option<Position> {
        self.any.load(Ordering::Acquire).then(|| Position {
            applied: self.applied.load(Ordering::Acquire),
            age_ms: self.age_ms.load(Ordering::Acquire),
        })
    }
}
