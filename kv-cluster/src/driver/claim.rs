//! A claim on what becomes of one batch.
//!
//! 1. Completed at most once; a batch that never will be is completed when the driver ends.
//! 2. Waiting costs no channel: the claim is the slot that the outcome is put in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use kv_node::store::unconfirmed;
use kv_proto::{ErrorReply, Reply};
use parking_lot::Mutex;

use crate::Completed;

/// Resolves to what became of a batch.
#[derive(Debug)]
pub(crate) struct Claim(Arc<Slot>);

/// The other end of a [`Claim`].
#[derive(Debug)]
pub(super) struct Debt(Arc<Slot>);

#[derive(Debug)]
struct Slot {
    request_count: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Done(Completed),
    Taken,
}

impl Claim {
    /// A claim on the replies to so many requests, and its other end.
    pub(super) fn new(request_count: usize) -> (Claim, Debt) {
        let slot = Arc::new(Slot {
            request_count,
            state: Mutex::new(State::Waiting(None)),
        });
        (Claim(Arc::clone(&slot)), Debt(slot))
    }

    /// One that is answered at once: every request with the same error.
    pub(super) fn refused(request_count: usize, error: &ErrorReply) -> Claim {
        let (claim, debt) = Claim::new(request_count);
        debt.fail(error);
        claim
    }
}

impl Debt {
    pub(super) fn complete(self, completed: Completed) {
        let state = &mut *self.0.state.lock();
        if let State::Waiting(Some(waker)) = std::mem::replace(state, State::Done(completed)) {
            waker.wake();
        }
    }

    /// Answers every request with `error`.
    pub(super) fn fail(self, error: &ErrorReply) {
        let replies = vec![Reply::Error(error.clone()); self.0.request_count];
        self.complete(Completed {
            ticket: 0,
            replies,
            ordinal: 0,
            age_ms: None,
        });
    }

    /// Nobody knows what becomes of the batch.
    pub(super) fn forget(self) {
        self.fail(&unconfirmed());
    }
}

impl Future for Claim {
    type Output = Completed;

    /// # Panics
    /// If the outcome was taken already.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Completed> {
        let mut state = self.0.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(completed) => Poll::Ready(completed),
            State::Waiting(_) => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
            State::Taken => panic!("a claim was polled after its outcome was taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_waits_is_woken_once_and_gets_what_it_became() {
        let (mut claim, debt) = Claim::new(1);
        let wakes = Arc::<Wakes>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut claim).poll(&mut context).is_pending());
        let completed = Completed {
            ticket: 5,
            replies: vec![Reply::Ok],
            ordinal: 6,
            age_ms: None,
        };
        debt.complete(completed.clone());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        let polled = Pin::new(&mut claim).poll(&mut context);
        assert_eq!(polled, Poll::Ready(completed));
    }

    #[test]
    fn a_batch_that_is_forgotten_is_answered_that_nobody_knows() {
        let (mut claim, debt) = Claim::new(3);
        debt.forget();
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(completed) = Pin::new(&mut claim).poll(&mut context) else {
            panic!("it is answered");
        };
        assert_eq!(completed.replies, vec![Reply::Error(unconfirmed()); 3]);
    }
}
