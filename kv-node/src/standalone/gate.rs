//! Gathers the writes of one I/O thread, so that all its ready connections share one group of the
//! log, and learns of commits with one wake-up for the thread, not one a write.
//!
//! ```text
//! connections ── submit ──► queue          gate: once no connection has more to submit, flush
//! connections ◄── complete ── advance ◄── gate ◄── one wake-up ── log
//! ```
//!
//! A sync costs as much processor time as a dozen small requests, and a group that leaves without
//! the clients that are about to ask makes them wait for the next one. So a group waits until the
//! clients of the last one are back, unless they take longer than they would if they were.
//!
//! 1. Lives on one thread; only its [`Signal`] is shared.
//! 2. Before it sleeps with batches outstanding the signal is armed, and then it looks once more:
//!    no commit goes unnoticed.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kv_wal::{Health, Lsn};
use parking_lot::Mutex;
use tokio::task::yield_now;

use crate::store::{Store, Ticket, Watcher};

mod crowd;

use crowd::Crowd;

thread_local! {
    /// The gates of this thread: one for each store it serves, so one as a rule.
    static GATES: RefCell<Vec<Rc<Gate>>> = const { RefCell::new(Vec::new()) };
}

/// Batches after which a group is written though more keep coming. A sync costs about as much
/// processor time as twenty small requests, so more than this would spare next to nothing.
const GATHERED_MAX: u64 = 128;

/// How long nobody may ask before those who were just answered are no longer waited for.
const QUIET_MAX: Duration = Duration::from_micros(30);

/// One thread's way to one store's log.
pub(super) struct Gate {
    store: Arc<Store>,
    signal: Arc<Signal>,
    /// Batches submitted on this thread, ever.
    submitted: Cell<u64>,
    /// How many of them were flushed.
    flushed: Cell<u64>,
    /// Batches answered whose clients have not asked again.
    away: Cell<u64>,
    /// Of the batches submitted on this thread.
    last_lsn: Cell<u64>,
    crowd: Crowd,
}

/// How the log reaches the thread.
#[derive(Default)]
struct Signal {
    is_armed: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Watcher for Signal {
    fn on_progress(&self) {
        if self.is_armed.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }
}

impl Signal {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.lock() {
            waker.wake_by_ref();
        }
    }

    fn listen(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }
}

/// The calling thread's gate to `store`, if it has one.
pub(super) fn of_thread(store: &Arc<Store>) -> Option<Rc<Gate>> {
    GATES.with_borrow(|gates| {
        let mut gates = gates.iter();
        gates.find(|gate| Arc::ptr_eq(&gate.store, store)).cloned()
    })
}

/// Gives the calling thread a gate to `store`, and keeps it until the future is dropped.
pub(super) async fn run(store: Arc<Store>) {
    let gate = Rc::new(Gate {
        signal: Arc::default(),
        store,
        submitted: Cell::new(0),
        flushed: Cell::new(0),
        away: Cell::new(0),
        last_lsn: Cell::new(0),
        crowd: Crowd::default(),
    });
    gate.store.watch(&gate.signal);
    let _open = Open::new(Rc::clone(&gate));
    loop {
        poll_fn(|context| gate.poll_unflushed(context)).await;
        if gate.store.journal().syncs_each_group() {
            gate.gather().await;
        }
        gate.flush();
    }
}

/// Closes the gate when dropped.
struct Open(Rc<Gate>);

impl Open {
    fn new(gate: Rc<Gate>) -> Open {
        GATES.with_borrow_mut(|gates| gates.push(Rc::clone(&gate)));
        Open(gate)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        GATES.with_borrow_mut(|gates| gates.retain(|gate| !Rc::ptr_eq(gate, &self.0)));
    }
}

impl Gate {
    /// Takes note of a batch that was submitted on this thread.
    pub(super) fn submitted(&self, ticket: &Ticket) {
        self.last_lsn.set(ticket.last_lsn());
        if self.unflushed() == 0 {
            self.signal.wake();
        }
        self.submitted.set(self.submitted.get() + 1);
        self.away.set(self.away.get().saturating_sub(1));
    }

    fn unflushed(&self) -> u64 {
        self.submitted.get() - self.flushed.get()
    }

    fn flush(&self) {
        self.flushed.set(self.submitted.get());
        self.store.flush();
    }

    /// Takes note that a batch of this thread was answered: its client is likely to ask again.
    pub(super) fn answered(&self) {
        self.away.set(self.away.get() + 1);
    }

    /// Lets every connection that has requests submit them, and the clients that were just answered
    /// ask again, for as long as that brings more.
    async fn gather(&self) {
        let mut quiet_since = now();
        while self.unflushed() < GATHERED_MAX {
            let came = self.let_connections_run().await;
            if came > 0 {
                quiet_since = now();
            } else if self.away.get() == 0 || self.crowd.is_near(quiet_since) {
                return;
            } else if quiet_since.elapsed() > QUIET_MAX {
                self.away.set(0);
                return;
            }
        }
    }

    /// Gives the connections of this thread a turn, and before them their clients, which may run on
    /// this processor; how many batches came of it.
    async fn let_connections_run(&self) -> u64 {
        let (before, start) = (self.submitted.get(), now());
        let is_courteous = !self.crowd.is_near(start);
        if is_courteous {
            std::thread::yield_now();
        }
        let end = now();
        yield_now().await;
        self.advance();
        let came = self.submitted.get() - before;
        if is_courteous {
            self.crowd.judge(start, end, came);
        }
        came
    }

    /// Applies what is committed; what had been committed then.
    fn advance(&self) -> Lsn {
        let committed = self.store.journal().committed_lsn();
        if committed.0 > self.store.db().applied().index {
            self.store.advance();
        }
        committed
    }

    /// Applies what becomes committed, until there is something to flush.
    fn poll_unflushed(&self, context: &Context<'_>) -> Poll<()> {
        self.signal.listen(context.waker());
        loop {
            let committed = self.advance();
            if self.unflushed() > 0 {
                return Poll::Ready(());
            }
            if self.is_done() {
                return Poll::Pending;
            }
            self.signal.is_armed.store(true, Ordering::SeqCst);
            if let Health::Poisoned(_) = self.store.journal().health() {
                self.store.advance();
                return Poll::Pending;
            }
            if self.store.journal().committed_lsn() == committed {
                return Poll::Pending;
            }
        }
    }

    /// Whether every batch of this thread is applied. That it is committed does not do: it may have
    /// become so since this thread last advanced.
    fn is_done(&self) -> bool {
        self.store.db().applied().index >= self.last_lsn.get()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to wait is about real time"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
