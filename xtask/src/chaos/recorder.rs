//! What clients asked and were answered, as it happens.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kv_sim::{Action, Event, History, Step};

use crate::clock::now;

/// A history in the making; its clients share it.
pub(super) struct Recorder {
    started: Instant,
    history: Mutex<History>,
}

impl Recorder {
    /// Time begins.
    pub(super) fn start() -> Recorder {
        Recorder {
            started: now(),
            history: Mutex::new(History::default()),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Microseconds since time began.
    pub(super) fn elapsed_us(&self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A client is about to ask.
    pub(super) fn invoke(&self, process: u64, key: &str, action: Action) {
        self.push(process, key, Step::Invoke(action));
    }

    /// A client knows what became of what it asked, or will never know.
    pub(super) fn end(&self, process: u64, key: &str, step: Step) {
        self.push(process, key, step);
    }

    /// What happened so far, leaving nothing.
    pub(super) fn take(&self) -> History {
        std::mem::take(&mut self.history())
    }

    fn push(&self, process: u64, key: &str, step: Step) {
        // The time is read with the history locked, so its order is that of the times.
        let mut history = self.history();
        history.push(Event {
            process,
            time_us: self.elapsed_us(),
            key: key.into(),
            step,
        });
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
