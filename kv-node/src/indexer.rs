//! The threads that build the indexes at the start and keep them up with the writes: one a shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::db::Db;
use crate::store::OpenError;

/// How long a thread waits for changes before it looks whether it is to end.
const TICK: Duration = Duration::from_millis(100);

/// Ends its threads when dropped.
#[derive(Debug)]
pub struct Indexer {
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Indexer {
    /// Starts them for the data that `owner` has.
    ///
    /// # Errors
    /// If the system has no threads for it.
    pub fn start<T>(owner: &Arc<T>) -> Result<Indexer, OpenError>
    where
        T: AsRef<Db> + Send + Sync + 'static,
    {
        let mut indexer = Indexer {
            is_stopped: Arc::default(),
            threads: Vec::new(),
        };
        for shard in 0..(**owner).as_ref().indexes().shard_count() {
            indexer.threads.push(indexer.spawn(owner, shard)?);
        }
        Ok(indexer)
    }

    fn spawn<T>(&self, owner: &Arc<T>, shard: usize) -> Result<JoinHandle<()>, OpenError>
    where
        T: AsRef<Db> + Send + Sync + 'static,
    {
        let (owner, is_stopped) = (Arc::clone(owner), Arc::clone(&self.is_stopped));
        let name = "kv-indexer";
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run((*owner).as_ref(), shard, &is_stopped))
            .map_err(|source| OpenError::Thread { name, source })
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread for the indexes panicked");
            }
        }
    }
}

fn run(db: &Db, shard: usize, is_stopped: &AtomicBool) {
    let goes_on = || !is_stopped.load(Ordering::Relaxed);
    db.build_index(shard, goes_on);
    if db.indexes().is_built() && db.key_count() > 0 {
        tracing::info!(keys = db.key_count(), "the indexes are built");
    }
    while goes_on() {
        db.indexes().work(shard, TICK);
    }
}
