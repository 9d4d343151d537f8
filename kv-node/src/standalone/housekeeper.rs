//! The thread that removes what is expired and has snapshots written when they are due.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::store::{OpenError, Store};

/// How often it looks. An entry is absent from its expiry on; this is how long it may take memory.
const TICK: Duration = Duration::from_millis(100);

/// Ends its thread when dropped.
pub(super) struct Housekeeper {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Waits a tick; whether to go on.
    fn wait(&self) -> bool {
        let mut is_set = self.is_set.lock();
        if !*is_set {
            self.changed.wait_for(&mut is_set, TICK);
        }
        !*is_set
    }
}

impl Housekeeper {
    pub(super) fn start(store: &Arc<Store>) -> Result<Housekeeper, OpenError> {
        let (stop, store) = (Arc::<Stop>::default(), Arc::clone(store));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("kv-housekeeper".to_owned())
            .spawn(move || {
                while stopped.wait() {
                    store.sweep();
                }
            })
            .map_err(|source| OpenError::Thread {
                name: "kv-housekeeper",
                source,
            })?;
        Ok(Housekeeper {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        *self.stop.is_set.lock() = true;
        self.stop.changed.notify_all();
        let thread = self.thread.take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the housekeeper panicked");
        }
    }
}
