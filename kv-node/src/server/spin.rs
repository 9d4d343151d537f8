//! Keeps an I/O thread awake between requests that come in quick succession.
//!
//! Sleeping and being woken costs several microseconds of two processors, more in a virtual
//! machine, and it is the client that pays for the waking. So a thread that was woken soon after it
//! went to sleep looks for more to do for a while before it sleeps again.
//!
//! 1. A thread whose requests are further apart than twice [`SPIN_MAX`] sleeps between them.
//! 2. While it spins, any other thread that wants the processor gets it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

/// Longest time without a request that is spent spinning.
const SPIN_MAX: Duration = Duration::from_micros(30);

thread_local! {
    static ACTIVITY: Activity = const {
        Activity {
            count: Cell::new(0),
            sleeper: RefCell::new(None),
        }
    };
}

/// What the thread's connections did.
struct Activity {
    count: Cell<u64>,
    /// Who sleeps until there is more.
    sleeper: RefCell<Option<Waker>>,
}

/// Takes note that a connection of this thread had something to do.
pub(crate) fn note_activity() {
    ACTIVITY.with(|activity| {
        activity.count.set(activity.count.get() + 1);
        if let Some(waker) = activity.sleeper.take() {
            waker.wake();
        }
    });
}

/// Spins whenever it pays off, for as long as the thread lives.
pub(crate) async fn run() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        // The client needs the only processor there is.
        return;
    }
    let mut idle_since = now();
    loop {
        sleep().await;
        if idle_since.elapsed() <= SPIN_MAX {
            spin().await;
        }
        idle_since = now();
    }
}

/// Waits for activity.
async fn sleep() {
    let count = count();
    poll_fn(|context| {
        if self::count() != count {
            return Poll::Ready(());
        }
        ACTIVITY.with(|activity| activity.sleeper.replace(Some(context.waker().clone())));
        Poll::Pending
    })
    .await;
}

/// Keeps the thread awake until there was nothing to do for [`SPIN_MAX`].
async fn spin() {
    let (mut seen, mut quiet_since) = (count(), now());
    while quiet_since.elapsed() <= SPIN_MAX {
        std::thread::yield_now();
        yield_now().await;
        if count() != seen {
            (seen, quiet_since) = (count(), now());
        }
    }
}

fn count() -> u64 {
    ACTIVITY.with(|activity| activity.count.get())
}

#[expect(clippy::disallowed_methods, reason = "spinning is about real time")]
fn now() -> Instant {
    Instant::now()
}
