//! The backend of a node that stands alone: a [`Store`] on the disk, served on I/O threads.
//!
//! Its reads are always linearizable, whatever a request would put up with. It remembers nobody's
//! writes: one that is sent again is applied again, whatever its identity. Exactly once takes a
//! cluster.

use std::sync::Arc;

use kv_proto::{Position, Reply, Request};
use parking_lot::Mutex;

mod gate;
mod health_log;
mod housekeeper;
mod status;
mod throttle;

use crate::backend::{Backend, Session};
use crate::indexer::Indexer;
use crate::searches::Searches;
use crate::status::Status;
use crate::store::{Attendance, OpenError, Store, StoreOptions, Submitted};
use health_log::HealthLog;
use housekeeper::Housekeeper;

/// A store on the disk with the threads it needs.
pub struct Standalone {
    store: Arc<Store>,
    threads: Mutex<Option<Threads>>,
    searches: Searches,
    /// The store only knows its watchers weakly.
    _health_log: Arc<HealthLog>,
}

/// What works beside the requests.
struct Threads {
    _housekeeper: Housekeeper,
    _indexer: Indexer,
}

impl Standalone {
    /// Opens the store in `options.data_dir`, which is created if need be.
    ///
    /// # Errors
    /// If the directory cannot be used, or holds data that is damaged.
    pub fn open(options: &StoreOptions) -> Result<Standalone, OpenError> {
        let store = Store::open(options)?;
        let threads = Threads {
            _housekeeper: Housekeeper::start(&store)?,
            _indexer: Indexer::start(&store)?,
        };
        let searches = Searches::start().map_err(|source| OpenError::Thread {
            name: "kv-search",
            source,
        })?;
        Ok(Standalone {
            _health_log: HealthLog::start(&store),
            store,
            threads: Mutex::new(Some(threads)),
            searches,
        })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        drop(self.threads.lock().take());
        close(&self.store);
    }
}

impl Backend for Standalone {
    async fn call(&self, session: &mut Session, requests: Vec<Request>) -> Vec<Reply> {
        let asks_position = requests.iter().any(|request| request.asks_position);
        let replies = self.answer(requests).await;
        if asks_position {
            session.position = Some(Position {
                applied: self.store.db().applied().index,
                age_ms: 0,
            });
        }
        replies
    }

    fn status(&self) -> Status {
        status::of(&self.store)
    }

    fn request_snapshot(&self) -> bool {
        self.store.request_snapshot();
        true
    }

    async fn run_on_io_thread(self: Arc<Self>) {
        gate::run(Arc::clone(&self.store)).await;
    }

    async fn shutdown(&self) {
        let store = Arc::clone(&self.store);
        let threads = self.threads.lock().take();
        let (done, finished) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            drop(threads);
            close(&store);
            let _ = done.send(());
        });
        let _ = finished.await;
    }
}

impl Standalone {
    async fn answer(&self, requests: Vec<Request>) -> Vec<Reply> {
        if requests.iter().any(|request| request.command.is_search()) {
            return self.search(requests).await;
        }
        match self.submit(requests) {
            Submitted::Done(replies) => replies,
            Submitted::Queued(ticket) => {
                let replies = ticket.await;
                if let Some(gate) = gate::of_thread(&self.store) {
                    gate.answered();
                }
                replies
            }
        }
    }

    /// A batch with a search in it is answered as a whole on a thread for searches.
    async fn search(&self, requests: Vec<Request>) -> Vec<Reply> {
        let (store, count) = (Arc::clone(&self.store), requests.len());
        let answered = self.searches.run(move || store.execute_batch(requests));
        answered
            .await
            .unwrap_or_else(|why| vec![Reply::Error(why.reply()); count])
    }

    /// On a thread with a gate, the gate flushes and advances; elsewhere the log's thread does.
    fn submit(&self, requests: Vec<Request>) -> Submitted {
        if let Some(gate) = gate::of_thread(&self.store) {
            let submitted = self.store.submit(requests, Attendance::Caller);
            if let Submitted::Queued(ticket) = &submitted {
                gate.submitted(ticket);
            }
            return submitted;
        }
        let submitted = self.store.submit(requests, Attendance::Log);
        if matches!(submitted, Submitted::Queued(_)) {
            self.store.flush();
        }
        submitted
    }
}

/// Finishes what was accepted and makes it durable. Waits for the disk.
fn close(store: &Store) {
    if let Err(error) = store.close() {
        tracing::error!(%error, "the log did not end well");
    }
}

#[cfg(test)]
mod tests;
