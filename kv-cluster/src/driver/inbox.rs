//! What other threads have for the driver's.

use std::collections::VecDeque;

use kv_proto::{ErrorCode, ErrorReply};
use parking_lot::Mutex;

use super::claim::{Claim, Debt};
use super::signal::Signal;
use crate::{Administration, Batch, SnapshotWritten};

/// Submissions that wait; one more is refused with BUSY.
const WAITING_MAX: usize = 65_536;

/// Something for the driver.
pub(super) enum Submission {
    /// Requests of a client whose connection is on another thread.
    Batch(Batch, Debt),
    /// What an operator asks.
    Administration(Administration, Debt),
    /// What became of a snapshot.
    Snapshot(SnapshotWritten),
    /// The end.
    Close,
}

/// A bounded queue with one wake-up for all that waits in it.
#[derive(Default)]
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    pub(super) signal: Signal,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Submission>,
    /// Nobody will take what is put in.
    is_closed: bool,
}

impl Inbox {
    /// Hands a batch over.
    pub(super) fn submit(&self, batch: Batch) -> Claim {
        let count = batch.requests.len();
        self.hand_over(count, |debt| Submission::Batch(batch, debt))
    }

    /// Hands an operator's request over.
    pub(super) fn administer(&self, request: Administration) -> Claim {
        self.hand_over(1, |debt| Submission::Administration(request, debt))
    }

    fn hand_over(&self, count: usize, make: impl FnOnce(Debt) -> Submission) -> Claim {
        let mut queue = self.queue.lock();
        if queue.is_closed {
            let text = "this node is stopping";
            return Claim::refused(count, &ErrorReply::new(ErrorCode::NoLeader, text));
        }
        if queue.waiting.len() >= WAITING_MAX {
            let text = "too many requests are waiting; try again";
            return Claim::refused(count, &ErrorReply::new(ErrorCode::Busy, text));
        }
        let (claim, debt) = Claim::new(count);
        queue.waiting.push_back(make(debt));
        drop(queue);
        self.signal.notify();
        claim
    }

    /// Hands over what is never refused.
    pub(super) fn push(&self, submission: Submission) {
        self.queue.lock().waiting.push_back(submission);
        self.signal.notify();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.lock().waiting.is_empty()
    }

    /// All that waits.
    pub(super) fn take(&self) -> VecDeque<Submission> {
        std::mem::take(&mut self.queue.lock().waiting)
    }

    /// Nothing is taken from now on; what waited is answered: it was never asked.
    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        for submission in std::mem::take(&mut queue.waiting) {
            if let Submission::Batch(_, debt) | Submission::Administration(_, debt) = submission {
                let text = "this node is stopping";
                debt.fail(&ErrorReply::new(ErrorCode::NoLeader, text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use kv_proto::{Command, Reply};

    use super::*;

    fn batch() -> Batch {
        Batch {
            requests: vec![Command::Flush.into()],
            ..Batch::default()
        }
    }

    /// The kind of error that a claim was answered with, if it was.
    fn refusal(claim: Claim) -> Option<ErrorCode> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(claim).poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(completed) => match &completed.replies[..] {
                [Reply::Error(error)] => Some(error.code),
                other => panic!("one error for one request, not {other:?}"),
            },
        }
    }

    #[test]
    fn one_batch_too_many_is_refused() {
        let inbox = Inbox::default();
        let claims: Vec<Claim> = (0..WAITING_MAX).map(|_| inbox.submit(batch())).collect();
        assert_eq!(refusal(inbox.submit(batch())), Some(ErrorCode::Busy));
        assert_eq!(inbox.take().len(), claims.len());
        assert!(inbox.is_empty());
        assert_eq!(refusal(inbox.submit(batch())), None);
    }

    #[test]
    fn what_waits_when_it_closes_and_what_comes_later_is_told_that_nothing_happened() {
        let inbox = Inbox::default();
        let waiting = inbox.submit(batch());
        inbox.close();
        assert_eq!(refusal(waiting), Some(ErrorCode::NoLeader));
        assert_eq!(refusal(inbox.submit(batch())), Some(ErrorCode::NoLeader));
    }
}
