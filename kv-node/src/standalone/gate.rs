//! Gathers the writes of one I/O thread, so that all its ready connections share one group of the
//! log, and learns of commits with one wake-up for the thread, not one a write.
//!
//! ```text
//! connections ── submit ──► queue          gate: after all ready connections ran, flush once
//! connections ◄── complete ── advance ◄── gate ◄── one wake-up ── log
//! ```
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

use kv_wal::Health;
use parking_lot::Mutex;

use crate::store::{Store, Ticket, Watcher};

thread_local! {
    /// The gates of this thread: one for each store it serves, so one as a rule.
    static GATES: RefCell<Vec<Rc<Gate>>> = const { RefCell::new(Vec::new()) };
}

/// One thread's way to one store's log.
pub(super) struct Gate {
    store: Arc<Store>,
    signal: Arc<Signal>,
    is_unflushed: Cell<bool>,
    /// Of the batches submitted on this thread.
    last_lsn: Cell<u64>,
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
        is_unflushed: Cell::new(false),
        last_lsn: Cell::new(0),
    });
    gate.store.watch(&gate.signal);
    let _open = Open::new(Rc::clone(&gate));
    poll_fn(|context| gate.poll(context)).await
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
        if !self.is_unflushed.replace(true) {
            self.signal.wake();
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        self.signal.listen(context.waker());
        if self.is_unflushed.replace(false) {
            self.store.flush();
        }
        loop {
            let committed = self.store.journal().committed_lsn();
            if committed.0 > self.store.db().applied().index {
                self.store.advance();
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

#[cfg(test)]
mod tests;
