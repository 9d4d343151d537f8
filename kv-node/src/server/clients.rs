//! The connections of the server, as seen from outside of them.
//!
//! Each connection is a task on one I/O thread and touches nothing of the others; what others
//! need of it (the list of clients, the sweep for timeouts, publishers, the shutdown) is in its
//! [`Client`], which all threads share.
//!
//! 1. Nobody outside closes a socket: they ask ([`Client::ask_to_close`]) and wake the task.
//! 2. The first reason to close is the one that counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::inbox::Inbox;

/// All connections.
#[derive(Debug)]
pub(crate) struct Clients {
    count_max: usize,
    inbox_bytes_max: usize,
    last_id: AtomicU64,
    present: Mutex<Present>,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Present {
    by_id: BTreeMap<u64, Arc<Client>>,
    is_closed: bool,
}

/// There are as many clients as the limit allows, or no more are taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyClients;

/// A client's place among the others; gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    clients: Arc<Clients>,
    client: Arc<Client>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) connected_at_ms: u64,
    /// Messages from other connections.
    pub(crate) inbox: Inbox,
    /// What `CLIENT LIST` shows of it.
    pub(crate) profile: Mutex<Profile>,
    /// A [`Phase`] in the low three bits, the time it began, in coarse milliseconds, above.
    phase: AtomicU64,
    /// Place in the table of commands.
    last_command: AtomicUsize,
    /// A [`CloseReason`], or 0.
    close: AtomicU8,
    /// Whether its time to finish is over.
    cut_off: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// What a connection tells about itself; changed by rare commands only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) library: String,
    pub(crate) library_version: String,
    /// 2 or 3; 0: the native protocol, or nothing said yet.
    pub(crate) resp_version: u8,
    pub(crate) channel_count: usize,
    pub(crate) pattern_count: usize,
    pub(crate) watch_count: usize,
    /// Commands queued by MULTI; `None` outside of one.
    pub(crate) queued_count: Option<usize>,
}

/// What a connection waits for; decides which timeout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is being served, or has subscriptions: no timeout.
    Busy = 0,
    /// For the next request.
    Idle = 1,
    /// For the rest of a request.
    Partial = 2,
    /// For the client to read its replies.
    Stalled = 3,
    /// For the client to read its last replies and to close.
    Finishing = 4,
}

macro_rules! close_reasons {
    ($($variant:ident = $number:literal, $name:literal, $doc:literal;)*) => {
        /// Why a connection ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum CloseReason {
            $(#[doc = $doc] $variant = $number,)*
        }

        impl CloseReason {
            pub(crate) const ALL: &'static [CloseReason] = &[$(CloseReason::$variant,)*];

            /// Its name in metrics and logs.
            pub(crate) fn name(self) -> &'static str {
                match self { $(CloseReason::$variant => $name,)* }
            }

            fn from_u8(byte: u8) -> Option<CloseReason> {
                CloseReason::ALL.iter().copied().find(|reason| *reason as u8 == byte)
            }
        }
    };
}

close_reasons! {
    Peer = 1, "peer", "The client closed it.";
    Quit = 2, "quit", "The client asked for it.";
    Error = 3, "error", "The socket failed.";
    Protocol = 4, "protocol", "The client broke the protocol.";
    Idle = 5, "idle", "The client sent nothing for too long.";
    Partial = 6, "partial_frame", "A request did not arrive in time.";
    Unread = 7, "unread_output", "The client did not read its replies.";
    SlowSubscriber = 8, "slow_subscriber", "Messages came faster than the client read them.";
    Killed = 9, "killed", "Another client asked for it.";
    Shutdown = 10, "shutdown", "The server stops.";
}

impl Clients {
    /// None so far, and at most `count_max`, each with at most `inbox_bytes_max` of messages.
    pub(crate) fn new(count_max: usize, inbox_bytes_max: usize) -> Arc<Clients> {
        Arc::new(Clients {
            count_max,
            inbox_bytes_max,
            last_id: AtomicU64::new(0),
            present: Mutex::default(),
            emptied: Notify::new(),
        })
    }

    /// Takes a new connection in.
    pub(crate) fn admit(
        self: &Arc<Self>,
        peer: SocketAddr,
        local: SocketAddr,
        now_ms: u64,
    ) -> Result<Admission, TooManyClients> {
        let mut present = self.present.lock();
        if present.is_closed || present.by_id.len() >= self.count_max {
            return Err(TooManyClients);
        }
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client {
            id,
            peer,
            local,
            connected_at_ms: now_ms,
            inbox: Inbox::new(self.inbox_bytes_max),
            profile: Mutex::default(),
            phase: AtomicU64::new(0),
            last_command: AtomicUsize::new(usize::MAX),
            close: AtomicU8::new(0),
            cut_off: AtomicBool::new(false),
            waker: Mutex::new(None),
        });
        client.set_phase(Phase::Idle, now_ms);
        present.by_id.insert(id, client.clone());
        Ok(Admission {
            clients: self.clone(),
            client,
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.present.lock().by_id.len()
    }

    /// Does something with each of them, oldest first. They cannot leave meanwhile.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Client)) {
        let present = self.present.lock();
        present.by_id.values().for_each(|client| visit(client));
    }

    /// Takes no more clients in, and asks those that there are to close.
    pub(crate) fn close(&self, reason: CloseReason) {
        let mut present = self.present.lock();
        present.is_closed = true;
        for client in present.by_id.values() {
            client.ask_to_close(reason);
        }
    }

    /// Whether no more are taken in.
    pub(crate) fn is_closed(&self) -> bool {
        self.present.lock().is_closed
    }

    /// Returns when there is none.
    pub(crate) async fn all_gone(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Admission {
    /// The client that was admitted.
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut present = self.clients.present.lock();
        present.by_id.remove(&self.client.id);
        if present.by_id.is_empty() {
            self.clients.emptied.notify_waiters();
        }
    }
}

impl Client {
    /// Says what it waits for since `now_ms`.
    pub(crate) fn set_phase(&self, phase: Phase, now_ms: u64) {
        self.phase
            .store(now_ms << 3 | phase as u64, Ordering::Relaxed);
    }

    /// What it waits for, and since when.
    pub(crate) fn phase(&self) -> (Phase, u64) {
        let bits = self.phase.load(Ordering::Relaxed);
        let phase = match bits & 7 {
            0 => Phase::Busy,
            1 => Phase::Idle,
            2 => Phase::Partial,
            3 => Phase::Stalled,
            _ => Phase::Finishing,
        };
        (phase, bits >> 3)
    }

    /// Remembers the last command's place in the table of commands.
    pub(crate) fn set_last_command(&self, index: usize) {
        self.last_command.store(index, Ordering::Relaxed);
    }

    /// The last command's place in the table of commands; beyond it: there was none.
    pub(crate) fn last_command(&self) -> usize {
        self.last_command.load(Ordering::Relaxed)
    }

    /// Asks the connection to close, and wakes it; false if it was asked before.
    pub(crate) fn ask_to_close(&self, reason: CloseReason) -> bool {
        let asked =
            self.close
                .compare_exchange(0, reason as u8, Ordering::Release, Ordering::Relaxed);
        if asked.is_ok() {
            self.wake();
        }
        asked.is_ok()
    }

    /// Why it has to close, if it has to.
    pub(crate) fn close_asked(&self) -> Option<CloseReason> {
        match self.close.load(Ordering::Acquire) {
            0 => None,
            byte => CloseReason::from_u8(byte),
        }
    }

    /// Lets the connection end at once, and wakes it.
    pub(crate) fn cut_off(&self) {
        self.cut_off.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the connection has to end at once.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Acquire)
    }

    /// From now on `waker` wakes the connection's task. Look at what it may be woken for after
    /// this, not before.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        match slot.as_mut() {
            Some(known) => known.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    #[test]
    fn clients_beyond_the_limit_are_refused_until_one_leaves() {
        let clients = Clients::new(1, 1024);
        let first = clients.admit(address(), address(), 0).unwrap();
        assert_eq!(
            clients.admit(address(), address(), 0).unwrap_err(),
            TooManyClients
        );
        drop(first);
        let second = clients.admit(address(), address(), 0).unwrap();
        assert_eq!(second.client().id, 2, "ids are not used twice");
    }

    #[test]
    fn the_first_reason_to_close_counts() {
        let clients = Clients::new(2, 1024);
        let admission = clients.admit(address(), address(), 0).unwrap();
        assert_eq!(admission.client().close_asked(), None);
        assert!(admission.client().ask_to_close(CloseReason::Killed));
        assert!(!admission.client().ask_to_close(CloseReason::Idle));
        clients.close(CloseReason::Shutdown);
        assert_eq!(admission.client().close_asked(), Some(CloseReason::Killed));
        assert!(clients.admit(address(), address(), 0).is_err());
    }

    #[test]
    fn phase_keeps_its_time() {
        let clients = Clients::new(1, 1024);
        let admission = clients.admit(address(), address(), 7).unwrap();
        assert_eq!(admission.client().phase(), (Phase::Idle, 7));
        admission.client().set_phase(Phase::Stalled, 1 << 40);
        assert_eq!(admission.client().phase(), (Phase::Stalled, 1 << 40));
    }
}
