//! The threads that remove what is expired, write snapshots when they are due, and learn models that
//! were asked for.

use std::sync::Arc;
use std::thread::{JoinHandle, Scope};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::throttle::Throttle;
use crate::snapshot::SnapshotError;
use crate::store::{OpenError, Store};

/// How often it looks. An entry is absent from its expiry on; this is how long it may take memory.
const TICK: Duration = Duration::from_millis(100);

/// Ends its threads when dropped.
pub(super) struct Housekeeper {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// Asks threads to end.
#[derive(Default)]
pub(super) struct Stop {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn set(&self) {
        *self.is_set.lock() = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.is_set.lock()
    }

    /// Waits so long; whether to go on.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let mut is_set = self.is_set.lock();
        if !*is_set {
            self.changed.wait_for(&mut is_set, time);
        }
        !*is_set
    }
}

impl Housekeeper {
    pub(super) fn start(store: &Arc<Store>) -> Result<Housekeeper, OpenError> {
        let name = "kv-housekeeper";
        let (stop, store) = (Arc::<Stop>::default(), Arc::clone(store));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || keep_house(&store, &stopped))
            .map_err(|source| OpenError::Thread { name, source })?;
        Ok(Housekeeper {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.stop.set();
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the housekeeper panicked");
        }
    }
}

fn keep_house(store: &Arc<Store>, stop: &Arc<Stop>) {
    std::thread::scope(|threads| {
        while stop.wait(TICK) {
            store.sweep();
            if store.is_snapshot_due() {
                spawn(threads, "kv-snapshot", || take_snapshot(store, stop));
            }
            if store.is_training_due() && store.db().indexes().is_built() {
                spawn(threads, "kv-trainer", || train(store, stop));
            }
        }
    });
}

fn spawn<'scope>(
    threads: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    if let Err(error) = thread.spawn_scoped(threads, work) {
        tracing::error!(%error, name, "cannot start a thread");
    }
}

fn train(store: &Store, stop: &Stop) {
    lower_priority();
    store.train(|| !stop.is_set());
    tracing::info!(model = store.model_index(), "a model is learnt");
}

fn take_snapshot(store: &Store, stop: &Stop) {
    lower_priority();
    let mut throttle = Throttle::new(store.options().snapshot.bytes_per_second, stop);
    match store.snapshot(&mut throttle) {
        Ok(stamp) => tracing::info!(index = stamp.index, "snapshot written"),
        Err(SnapshotError::Cancelled | SnapshotError::Busy) => {}
        Err(error) => tracing::error!(%error, "cannot write a snapshot"),
    }
}

/// Serving comes first; where the system has no such thing, it is fair.
fn lower_priority() {
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "cannot lower a thread's priority");
    }
}
