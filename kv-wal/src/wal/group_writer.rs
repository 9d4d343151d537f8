//! Takes what is pending and writes it, a group at a time.
//!
//! Behind one mutex: the log's writer thread has it, or, where a group is written without a sync or
//! the disk is quick ([`Options::caller_sync_max`]), a caller that flushes and finds it free.
//!
//! 1. Groups are taken and written under the same hold of that mutex: their order on disk is the
//!    order of their numbers.
//! 2. What was taken and not written is written next, before anything is taken or sealed.
//! 3. Nobody is told of a commit while the mutex is held: who is told may close the log.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::shared::Shared;
use crate::{
    SyncPolicy, WalError,
    options::Options,
    staging::Batch,
    writer::{Syncer, Writer},
};

#[derive(Debug)]
pub(super) struct GroupWriter {
    shared: Arc<Shared>,
    writer: Writer,
    syncer: Syncer,
    options: Options,
    /// Taken, and not written yet.
    batches: VecDeque<Batch>,
    taken: Vec<Batch>,
    /// Whether something was written since the last seal.
    is_unsealed: bool,
}

/// What writing a group came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A group is committed, which has to be told; there may be more.
    Committed,
    /// There is nothing to write.
    Idle,
    /// There is nothing to write, and never will be.
    Closing,
}

impl GroupWriter {
    pub(super) fn new(
        shared: Arc<Shared>,
        writer: Writer,
        syncer: Syncer,
        options: Options,
    ) -> GroupWriter {
        GroupWriter {
            shared,
            writer,
            syncer,
            options,
            batches: VecDeque::new(),
            taken: Vec::new(),
            is_unsealed: false,
        }
    }

    /// Writes one group, if a flush was asked for.
    ///
    /// # Errors
    /// `Poisoned`.
    pub(super) fn step(&mut self) -> Result<Step, WalError> {
        self.shared.progress.check_poison()?;
        let is_closing = self.batches.is_empty() && self.take();
        match self.batches.pop_front() {
            Some(batch) => self.write(batch).map(|()| Step::Committed),
            None if is_closing => Ok(Step::Closing),
            None => Ok(Step::Idle),
        }
    }

    /// Whether a step is one write of some bytes, with a sync that is likely not to take long.
    pub(super) fn is_quick(&self) -> bool {
        (self.options.sync != SyncPolicy::Always || self.is_disk_quick())
            && self.batches.is_empty()
            && !self.shared.stage.lock().staging.starts_segment()
    }

    /// Whether the last sync took no longer than callers wait for one.
    fn is_disk_quick(&self) -> bool {
        let patience = self.options.caller_sync_max;
        let last = Duration::from_nanos(self.shared.progress.counters.sync_ns_last());
        !patience.is_zero() && last <= patience
    }

    /// Whether groups were taken that are not written yet.
    pub(super) fn has_more(&self) -> bool {
        !self.batches.is_empty()
    }

    pub(super) fn is_unsealed(&self) -> bool {
        self.is_unsealed
    }

    /// Takes everything pending if it is to be written; whether the log is closing.
    fn take(&mut self) -> bool {
        // Before the lock: what is appended before a flush is asked for is taken with it.
        let is_flush_asked = self.shared.take_flush();
        let mut stage = self.shared.stage.lock();
        if is_flush_asked || stage.is_closing {
            stage.staging.take(&mut self.taken);
        }
        if stage.is_preparer_idle && stage.staging.wants_spare().is_some() {
            self.shared.demand.notify_one();
        }
        self.batches.extend(self.taken.drain(..));
        stage.is_closing
    }

    fn write(&mut self, mut batch: Batch) -> Result<(), WalError> {
        self.is_unsealed = true;
        self.writer.write(&mut batch)?;
        // Full segments are synced in the background, whatever the interval.
        if self.options.sync != SyncPolicy::Always && self.syncer.files() > 1 {
            self.shared.wake_syncer();
        }
        self.shared.stage.lock().staging.reuse(batch);
        Ok(())
    }

    /// Syncs, and writes an empty group that proves it to the next recovery; not in front of groups
    /// that wait.
    ///
    /// # Errors
    /// `Poisoned`.
    pub(super) fn seal(&mut self) -> Result<(), WalError> {
        if self.has_more() {
            return Ok(());
        }
        self.syncer.sync()?;
        self.is_unsealed = false;
        let seal = self.shared.stage.lock().staging.seal();
        if let Some(mut seal) = seal {
            self.writer.write(&mut seal)?;
            self.syncer.sync()?;
        }
        Ok(())
    }
}
