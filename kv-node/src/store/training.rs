//! Learning the models that were asked for, and using them.
//!
//! A model is read from its file if that is whole, else learnt from the entries as they were at its
//! command, and stored before anything else may forget the command.

use std::sync::Arc;

use kv_index::embed::{Embedder, TrainedEmbedder, TrainedModel};
use kv_wal::Storage;
use parking_lot::Mutex;

use super::Store;
use crate::db::{Db, Stamp};
use crate::model::{self, ModelFileError};

/// What a store knows of its models.
#[derive(Default)]
pub(super) struct Models(Mutex<State>);

#[derive(Default)]
struct State {
    index: u64,
    last_error: Option<String>,
}

impl Models {
    /// Takes up the newest model that the log and the snapshot can have meant, before there are indexes.
    pub(super) fn open(storage: &dyn Storage, db: &Db, learns: bool) -> Models {
        let models = Models::default();
        if let Err(error) = models.take_up(storage, db, learns) {
            models.failed(&error);
        }
        models
    }

    fn take_up(&self, storage: &dyn Storage, db: &Db, learns: bool) -> Result<(), ModelFileError> {
        for index in model::list(storage, db.applied().index)? {
            match model::load(storage, index) {
                Ok((stamp, model)) => {
                    if db.wanted_model() == Some(stamp) {
                        drop(db.start_training());
                        db.finish_training();
                    }
                    self.use_model(db, stamp, model, learns, &mut || true);
                    return Ok(());
                }
                Err(error) => self.failed(&error),
            }
        }
        Ok(())
    }

    fn use_model(
        &self,
        db: &Db,
        stamp: Stamp,
        model: TrainedModel,
        learns: bool,
        goes_on: &mut dyn FnMut() -> bool,
    ) {
        let embedder: Arc<dyn Embedder> = Arc::new(TrainedEmbedder::new(Arc::new(model)));
        if learns && db.indexes().set_embedder(&embedder, goes_on) {
            self.0.lock().index = stamp.index;
        }
    }

    fn failed(&self, error: &ModelFileError) {
        tracing::error!(%error, "a model cannot be used");
        self.0.lock().last_error = Some(error.to_string());
    }
}

impl Store {
    /// Whether a model was asked for that nobody has begun.
    #[must_use]
    pub fn is_training_due(&self) -> bool {
        self.db.wanted_model().is_some()
    }

    /// Learns the model that was asked for last, stores it, and has the indexes use it. Writes and
    /// searches go on meanwhile. `goes_on` is asked now and then; after it said no, the store should
    /// be closed: the model is learnt after the next start.
    pub fn train(&self, mut goes_on: impl FnMut() -> bool) {
        let Some(cut) = self.db.start_training() else {
            return;
        };
        let (stamp, storage) = (cut.stamp(), &*self.storage);
        let stored = model::load(storage, stamp.index).ok();
        let stored = stored.filter(|(found, _)| *found == stamp);
        let is_stored = stored.is_some();
        let learnt = stored.map(|(_, model)| model);
        let Some(model) = learnt.or_else(|| self.db.learn(&cut, &mut goes_on)) else {
            return;
        };
        drop(cut);
        if !is_stored && let Err(error) = model::store(storage, stamp, &model) {
            self.models.failed(&error);
        }
        let learns = self.options.indexes.learns;
        self.models
            .use_model(&self.db, stamp, model, learns, &mut goes_on);
        if let Err(error) = model::remove_before(storage, stamp.index) {
            self.models.failed(&error);
        }
        self.db.finish_training();
    }

    /// The write after which the model was asked for that is in use; 0: none is.
    #[must_use]
    pub fn model_index(&self) -> u64 {
        self.models.0.lock().index
    }

    /// Why a model could not be read or stored, if one could not.
    #[must_use]
    pub fn model_error(&self) -> Option<String> {
        self.models.0.lock().last_error.clone()
    }
}
