//! How the log and other threads wake the driver's: once, however much they have for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

/// Wakes the driver, if it sleeps.
#[derive(Debug, Default)]
pub(super) struct Signal {
    /// There is something new since the driver last looked.
    has_news: AtomicBool,
    /// The driver sleeps, or is about to.
    is_armed: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Signal {
    /// Tells the driver that there is something new.
    pub(super) fn notify(&self) {
        self.has_news.store(true, Ordering::SeqCst);
        if self.is_armed.swap(false, Ordering::SeqCst)
            && let Some(waker) = &*self.waker.lock()
        {
            waker.wake_by_ref();
        }
    }

    /// From now on `waker` is the driver's.
    pub(super) fn listen(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Asks to be woken. Whoever does has to look for news once more before he sleeps.
    pub(super) fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
    }

    /// Whether there was something new since this was asked last.
    pub(super) fn take_news(&self) -> bool {
        self.has_news.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
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
    fn much_news_is_one_wake_up_and_none_for_who_is_awake() {
        let (signal, wakes) = (Signal::default(), Arc::<Wakes>::default());
        signal.listen(&Waker::from(Arc::clone(&wakes)));
        signal.notify();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
        assert!(signal.take_news());
        assert!(!signal.take_news());
        signal.arm();
        signal.notify();
        signal.notify();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        assert!(signal.take_news());
    }
}
