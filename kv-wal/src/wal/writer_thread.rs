//! The thread that writes: takes everything pending, writes and syncs it, tells, and again.
//!
//! Only when asked to: a caller that appends a run of records wants one group for them, and the
//! writer that helped itself in the middle would make two syncs of it.

use std::{sync::Arc, thread};

use parking_lot::Mutex;

use super::{
    group_writer::{GroupWriter, Step},
    monotonic_ns,
    shared::{PoisonOnPanic, Shared},
};
use crate::{SyncPolicy, WalError, options::Options};

pub(super) struct WriterThread {
    shared: Arc<Shared>,
    groups: Arc<Mutex<GroupWriter>>,
    options: Options,
}

impl WriterThread {
    pub(super) fn new(
        shared: Arc<Shared>,
        groups: Arc<Mutex<GroupWriter>>,
        options: Options,
    ) -> WriterThread {
        WriterThread {
            shared,
            groups,
            options,
        }
    }

    pub(super) fn run(self) {
        self.shared.set_writer(thread::current());
        let guard = PoisonOnPanic(Arc::clone(&self.shared));
        // A failure is in the poison already; there is nobody to return it to.
        drop(self.write_until_closed());
        self.shared.finish();
        drop(guard);
    }

    fn write_until_closed(&self) -> Result<(), WalError> {
        loop {
            let step = self.groups.lock().step()?;
            match step {
                Step::Committed => self.shared.announce_commit(),
                Step::Idle => self.rest()?,
                Step::Closing => return self.seal(),
            }
        }
    }

    /// Sleeps until there is work; after a while seals the log first.
    fn rest(&self) -> Result<(), WalError> {
        self.shared.announce_parked();
        if self.has_work() {
            self.shared.was_woken();
            return Ok(());
        }
        let was_idle = self.park();
        if self.shared.was_woken() || !was_idle || self.has_work() {
            Ok(())
        } else {
            self.seal()
        }
    }

    /// Sleeps; whether for so long that the log is to be sealed. A wake-up that was meant for an
    /// earlier sleep may end it at once.
    fn park(&self) -> bool {
        if !self.is_unsealed() || self.options.sync == SyncPolicy::Never {
            thread::park();
            return false;
        }
        let start_ns = monotonic_ns();
        thread::park_timeout(self.options.seal_after);
        let slept_ns = monotonic_ns().saturating_sub(start_ns);
        u128::from(slept_ns) >= self.options.seal_after.as_nanos()
    }

    fn has_work(&self) -> bool {
        self.shared.is_flush_asked()
            || self.shared.is_closing()
            || self.shared.progress.poisoned().is_some()
            || self.groups.lock().has_more()
    }

    fn is_unsealed(&self) -> bool {
        self.groups.lock().is_unsealed()
    }

    fn seal(&self) -> Result<(), WalError> {
        self.groups.lock().seal()?;
        self.shared.observe();
        Ok(())
    }
}
