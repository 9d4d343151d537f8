//! Threads for searches: one may take milliseconds, which a thread that serves connections has not.
//!
//! 1. There are half as many as processors: searches never take all of them from the writes.
//! 2. Searches that wait are bounded; one more is refused with BUSY.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use kv_proto::{ErrorCode, ErrorReply};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Most searches that wait for a thread.
const WAITING_MAX: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// Runs searches on threads of its own, which end with it.
pub struct Searches {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

/// Why a search has no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Too many wait already.
    Full,
    /// It panicked.
    Failed,
}

impl Searches {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system has none.
    pub fn start() -> io::Result<Searches> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = (0..thread_count()).map(|number| {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name(format!("kv-search-{number}"))
                .spawn(move || work(&waiting))
        });
        Ok(Searches {
            threads: threads.collect::<io::Result<_>>()?,
            jobs: Some(jobs),
        })
    }

    /// Runs `search` on one of the threads.
    ///
    /// # Errors
    /// If too many wait already, or the search panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits for the answer if the client is gone.
            let _ = done.send(search());
        });
        let jobs = self.jobs.as_ref().expect("there until it is dropped");
        match jobs.try_send(job) {
            Ok(()) => result.await.map_err(|_| Unanswered::Failed),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Unanswered::Full),
        }
    }
}

impl std::fmt::Debug for Searches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Searches")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

impl Unanswered {
    /// What to answer instead.
    #[must_use]
    pub fn reply(&self) -> ErrorReply {
        match self {
            Unanswered::Full => {
                ErrorReply::new(ErrorCode::Busy, "too many searches wait, try again later")
            }
            Unanswered::Failed => ErrorReply::new(ErrorCode::Unknown, "the search failed"),
        }
    }
}

impl Drop for Searches {
    fn drop(&mut self) {
        self.jobs.take();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread for searches panicked");
            }
        }
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().recv();
        match job {
            Ok(job) => run_caught(job),
            Err(_) => return,
        }
    }
}

/// A search that panics fails alone.
fn run_caught(job: Job) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
        tracing::error!("a search panicked");
    }
}

fn thread_count() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).clamp(1, 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn a_search_runs_elsewhere_and_is_answered_here() {
        let searches = Searches::start().unwrap();
        let name = block_on(searches.run(|| std::thread::current().name().map(str::to_owned)));
        assert!(name.unwrap().unwrap().starts_with("kv-search-"));
    }

    #[test]
    fn a_search_that_panics_fails_alone() {
        let searches = Searches::start().unwrap();
        let failed = block_on(searches.run(|| assert_eq!(1, 2, "on purpose")));
        assert_eq!(failed, Err(Unanswered::Failed));
        assert_eq!(block_on(searches.run(|| 1)), Ok(1));
    }

    #[test]
    fn one_search_too_many_is_refused() {
        let searches = Searches::start().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let block = |_| {
            let held = Arc::clone(&held);
            searches.run(move || held.lock().recv())
        };
        let threads = searches.threads.len();
        let mut waiting: Vec<_> = (0..=WAITING_MAX + threads)
            .map(block)
            .map(Box::pin)
            .collect();
        let mut refused = 0;
        block_on(std::future::poll_fn(|context| {
            for search in &mut waiting {
                let polled = search.as_mut().poll(context);
                refused += usize::from(matches!(
                    polled,
                    std::task::Poll::Ready(Err(Unanswered::Full))
                ));
            }
            std::task::Poll::Ready(())
        }));
        assert!(refused >= 1);
        drop(release);
    }
}
