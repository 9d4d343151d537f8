//! The thread that writes: takes everything pending, writes and syncs it, tells, and again.
//!
//! Only when asked to: a caller that appends a run of records wants one group for them, and the
//! writer that helped itself in the middle would make two syncs of it.

use std::{sync::Arc, thread};

use super::shared::{PoisonOnPanic, Shared};
use crate::{
    SyncPolicy, WalError,
    options::Options,
    staging::Batch,
    writer::{Syncer, Writer},
};

pub(super) struct WriterThread {
    shared: Arc<Shared>,
    writer: Writer,
    syncer: Syncer,
    options: Options,
    batches: Vec<Batch>,
    /// Whether something was written since the last seal.
    is_unsealed: bool,
}

impl WriterThread {
    pub(super) fn new(
        shared: Arc<Shared>,
        writer: Writer,
        syncer: Syncer,
        options: Options,
    ) -> WriterThread {
        WriterThread {
            shared,
            writer,
            syncer,
            options,
            batches: Vec::new(),
            is_unsealed: false,
        }
    }

    pub(super) fn run(mut self) {
        self.shared.set_writer(thread::current());
        let guard = PoisonOnPanic(Arc::clone(&self.shared));
        // A failure is in the poison already; there is nobody to return it to.
        drop(self.write_until_closed());
        self.shared.finish();
        drop(guard);
    }

    fn write_until_closed(&mut self) -> Result<(), WalError> {
        loop {
            let is_closing = self.take();
            if !self.batches.is_empty() {
                self.write_taken()?;
            } else if is_closing {
                return self.seal();
            } else {
                self.rest()?;
            }
        }
    }

    /// Takes everything pending if it is to be written; whether the log is closing.
    fn take(&mut self) -> bool {
        // Before the lock: what is appended before a flush is asked for is taken with it.
        let is_flush_asked = self.shared.take_flush();
        let mut stage = self.shared.stage.lock();
        if is_flush_asked || stage.is_closing {
            stage.staging.take(&mut self.batches);
        }
        if stage.is_preparer_idle && stage.staging.wants_spare().is_some() {
            self.shared.demand.notify_one();
        }
        stage.is_closing
    }

    fn write_taken(&mut self) -> Result<(), WalError> {
        self.is_unsealed = true;
        let mut batches = std::mem::take(&mut self.batches);
        for batch in &mut batches {
            self.writer.write(batch)?;
            self.shared.announce_commit();
        }
        self.wake_syncer_after_roll();
        let mut stage = self.shared.stage.lock();
        batches
            .drain(..)
            .for_each(|batch| stage.staging.reuse(batch));
        self.batches = batches;
        Ok(())
    }

    /// Full segments are synced in the background, whatever the interval.
    fn wake_syncer_after_roll(&self) {
        if self.options.sync != SyncPolicy::Always && self.syncer.files() > 1 {
            self.shared.wake_syncer();
        }
    }

    /// Sleeps until there is work; after a while seals the log first.
    fn rest(&mut self) -> Result<(), WalError> {
        self.shared.announce_parked();
        if self.has_work() {
            self.shared.was_woken();
            return Ok(());
        }
        if self.is_unsealed && self.options.sync != SyncPolicy::Never {
            thread::park_timeout(self.options.seal_after);
        } else {
            thread::park();
        }
        if self.shared.was_woken() {
            Ok(())
        } else {
            self.seal_if_idle()
        }
    }

    fn has_work(&self) -> bool {
        self.shared.is_flush_asked() || self.shared.is_closing()
    }

    fn seal_if_idle(&mut self) -> Result<(), WalError> {
        if self.is_unsealed && !self.has_work() {
            self.seal()
        } else {
            Ok(())
        }
    }

    fn seal(&mut self) -> Result<(), WalError> {
        self.syncer.sync()?;
        self.is_unsealed = false;
        let seal = self.shared.stage.lock().staging.seal();
        if let Some(mut seal) = seal {
            self.writer.write(&mut seal)?;
            self.syncer.sync()?;
        }
        self.shared.observe();
        Ok(())
    }
}
