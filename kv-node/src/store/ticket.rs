//! A claim on the replies of one batch.
//!
//! 1. Completed exactly once, by whoever applied the batch, or found that the log failed.
//! 2. Its replies are taken at most once.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use kv_proto::Reply;
use parking_lot::Mutex;

/// Resolves to the replies of a batch once its writes are durable and applied.
#[derive(Debug, Clone)]
pub struct Ticket(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    last_lsn: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Done(Vec<Reply>),
    Taken,
}

impl Ticket {
    pub(super) fn new(last_lsn: u64) -> Ticket {
        Ticket(Arc::new(Shared {
            last_lsn,
            state: Mutex::new(State::Waiting(None)),
        }))
    }

    /// The log record that must be durable for the replies to be there.
    #[must_use]
    pub fn last_lsn(&self) -> u64 {
        self.0.last_lsn
    }

    /// The replies, if they are there and nobody has taken them.
    #[must_use]
    pub fn try_take(&self) -> Option<Vec<Reply>> {
        let mut state = self.0.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(replies) => Some(replies),
            other => {
                *state = other;
                None
            }
        }
    }

    pub(super) fn complete(&self, replies: Vec<Reply>) {
        let before = std::mem::replace(&mut *self.0.state.lock(), State::Done(replies));
        match before {
            State::Waiting(Some(waker)) => waker.wake(),
            State::Waiting(None) => {}
            State::Done(_) | State::Taken => panic!("a batch was applied twice"),
        }
    }
}

impl Future for Ticket {
    type Output = Vec<Reply>;

    /// # Panics
    /// If the replies were taken already.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<Reply>> {
        let mut state = self.0.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(replies) => Poll::Ready(replies),
            State::Waiting(_) => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
            State::Taken => panic!("a ticket was polled after its replies were taken"),
        }
    }
}
