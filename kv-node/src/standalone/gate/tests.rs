use std::sync::atomic::AtomicUsize;

use bytes::Bytes;
use kv_proto::command::Set;
use kv_proto::{Command, EncodedValue, Reply};
use kv_wal::{Lsn, SimStorage, WalError};
use tokio::task::{LocalSet, yield_now};

use super::*;
use crate::store::{
    Attendance, InlineJournal, Journal, JournalStats, ManualClock, StoreOptions, Submitted,
};

/// Commits just after somebody has looked for the nth time, as another thread might.
struct CommitsBetweenLooks {
    inner: InlineJournal,
    looks_left: AtomicUsize,
}

impl CommitsBetweenLooks {
    fn look<T>(&self, seen: T) -> T {
        let left = self.looks_left.load(Ordering::SeqCst);
        if left > 0 {
            self.looks_left.store(left - 1, Ordering::SeqCst);
            if left == 1 {
                self.inner.flush();
            }
        }
        seen
    }
}

impl Journal for CommitsBetweenLooks {
    fn append(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        self.inner.append(kind, parts)
    }

    fn flush(&self) {}

    fn wait(&self, lsn: Lsn) -> Result<(), WalError> {
        self.inner.wait(lsn)
    }

    fn committed_lsn(&self) -> Lsn {
        self.look(self.inner.committed_lsn())
    }

    fn durable_lsn(&self) -> Lsn {
        self.inner.durable_lsn()
    }

    fn syncs_each_group(&self) -> bool {
        self.inner.syncs_each_group()
    }

    fn health(&self) -> Health {
        self.look(self.inner.health())
    }

    fn purge(&self, through: Lsn) {
        self.inner.purge(through);
    }

    fn stats(&self) -> JournalStats {
        self.inner.stats()
    }

    fn set_observer(&self, observer: Box<dyn Fn() + Send + Sync>) {
        self.inner.set_observer(observer);
    }

    fn close(&self) -> Result<(), WalError> {
        self.inner.close()
    }
}

async fn write(store: Arc<Store>) -> Vec<Reply> {
    let gate = of_thread(&store).expect("this thread has a gate");
    let value = EncodedValue::from_bytes(Bytes::from_static(b"v"));
    let request = Command::Set(Set::new(Bytes::from_static(b"k"), value)).into();
    let Submitted::Queued(ticket) = store.submit(vec![request], Attendance::Caller) else {
        panic!("a write is queued");
    };
    gate.submitted(&ticket);
    let replies = ticket.await;
    gate.answered();
    replies
}

async fn write_often(store: Arc<Store>, delay: usize, count: usize) {
    for _ in 0..delay {
        yield_now().await;
    }
    for _ in 0..count {
        write(Arc::clone(&store)).await;
    }
}

/// Groups that clients need for `count` writes each, who ask again when answered and of whom each
/// begins `delay` turns after the one before.
async fn groups_of(client_count: usize, delay: usize, count: usize) -> u64 {
    let (storage, clock) = (Arc::new(SimStorage::new(1)), Arc::new(ManualClock::new(1)));
    let store = Store::open_inline(storage, clock, &StoreOptions::new("data")).unwrap();
    let before = store.journal().stats().stats.groups;
    let gate = tokio::task::spawn_local(run(Arc::clone(&store)));
    yield_now().await;
    let clients = (0..client_count).map(|n| write_often(Arc::clone(&store), n * delay, count));
    let clients: Vec<_> = clients.map(tokio::task::spawn_local).collect();
    for client in clients {
        client.await.unwrap();
    }
    gate.abort();
    store.journal().stats().stats.groups - before
}

#[test]
fn clients_that_ask_again_at_once_share_every_group() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let groups = LocalSet::new().block_on(&runtime, groups_of(10, 0, 20));
    assert!((20..40).contains(&groups), "{groups} groups for 20 rounds");
}

#[test]
fn a_group_leaves_though_more_keep_coming() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let clients = usize::try_from(3 * GATHERED_MAX).unwrap();
    let groups = LocalSet::new().block_on(&runtime, groups_of(clients, 1, 1));
    assert!(groups >= 2, "{groups} groups");
}

/// Whether a write is answered whose commit comes just after the `look`th look at the log.
async fn is_answered(look: usize) -> bool {
    let storage = Arc::new(SimStorage::new(1));
    let clock = Arc::new(ManualClock::new(1));
    let (store, journal) =
        Store::open_wrapped(storage, clock, &StoreOptions::new("data"), |inner| {
            Arc::new(CommitsBetweenLooks {
                inner,
                looks_left: AtomicUsize::new(0),
            })
        });
    let gate = tokio::task::spawn_local(run(Arc::clone(&store)));
    yield_now().await;
    journal.looks_left.store(look, Ordering::SeqCst);
    let write = tokio::task::spawn_local(write(store));
    // More turns than the two tasks have steps.
    for _ in 0..20 {
        yield_now().await;
    }
    if journal.looks_left.swap(0, Ordering::SeqCst) > 0 {
        // Nobody looked that often: it comes while the thread sleeps.
        journal.inner.flush();
        for _ in 0..20 {
            yield_now().await;
        }
    }
    gate.abort();
    write.is_finished()
}

#[test]
fn no_commit_goes_unnoticed_whenever_it_comes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for look in 1..=8 {
        let answered = LocalSet::new().block_on(&runtime, is_answered(look));
        assert!(answered, "the commit came after look {look}");
    }
}
