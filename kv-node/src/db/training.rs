//! Models that were asked for: a [`Command::Train`](kv_proto::Command::Train) that was applied declares
//! a cut of the entries at its place, from which somebody learns a model.
//!
//! 1. What is learnt follows from the entries of the cut alone: their texts, without those that are
//!    expired at the command's time. Every node learns the same, and every recovery.
//! 2. From the command until its model is finished no snapshot is begun: a log that still has the
//!    command is what the model can be made from again.
//! 3. A later command takes the place of an earlier one that nobody has begun.

use std::sync::Arc;

use kv_index::content::Content;
use kv_index::embed::{TrainedModel, Trainer};
use kv_proto::Entry;
use parking_lot::Mutex;

use super::{Cut, Db, Stamp};

/// What was asked for, and whether somebody is at work.
#[derive(Default)]
pub(super) struct Training(Mutex<State>);

#[derive(Default)]
struct State {
    wanted: Option<Arc<Cut>>,
    is_running: bool,
}

impl Training {
    pub(super) fn want(&self, cut: Arc<Cut>) {
        self.0.lock().wanted = Some(cut);
    }

    pub(super) fn is_going_on(&self) -> bool {
        let state = self.0.lock();
        state.is_running || state.wanted.is_some()
    }

    pub(super) fn forget(&self) {
        *self.0.lock() = State::default();
    }
}

impl Db {
    /// Whether a model was asked for and is not finished.
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.training.is_going_on()
    }

    /// The place of the model that was asked for last and that nobody has begun.
    #[must_use]
    pub fn wanted_model(&self) -> Option<Stamp> {
        let state = self.training.0.lock();
        Some(state.wanted.as_ref()?.stamp())
    }

    /// The entries to learn the model from that was asked for last. Whoever takes them ends with
    /// [`Db::finish_training`].
    #[must_use]
    pub fn start_training(&self) -> Option<Arc<Cut>> {
        let mut state = self.training.0.lock();
        let cut = state.wanted.take()?;
        state.is_running = true;
        Some(cut)
    }

    /// The model is stored and in use, or will not be.
    pub fn finish_training(&self) {
        self.training.0.lock().is_running = false;
    }

    /// Learns a model from the entries of `cut`. `goes_on` is asked now and then; `None` after it said
    /// no.
    pub fn learn(&self, cut: &Cut, mut goes_on: impl FnMut() -> bool) -> Option<TrainedModel> {
        let mut trainer = Trainer::new();
        for part in 0..Cut::PART_COUNT {
            if !goes_on() {
                return None;
            }
            let entries = cut.take(self, part);
            let alive = |entry: &&Entry| !entry.is_expired(cut.stamp().now_ms);
            for entry in entries.iter().filter(alive) {
                add(&mut trainer, entry);
            }
        }
        Some(trainer.finish())
    }
}

/// An entry without words is no document.
fn add(trainer: &mut Trainer, entry: &Entry) {
    let content = Content::of(entry);
    let text = content.text();
    if !text.is_empty() {
        trainer.add(&text);
    }
}
