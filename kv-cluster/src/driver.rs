//! Feeds the member with messages, requests and time, and does what it says.
//!
//! ```text
//! connections of this thread ── submit ──┐
//! other threads ────────────── inbox ────┤            ┌─► transport: one write a peer
//! peers ─────────────────────── receive ─┼─► Member ──┼─► journal: flush
//! ticks ─────────────────────────────────┤            └─► claims: replies
//! journal ── progress ───────────────────┘
//! ```
//!
//! A thread that hands something to another costs it a wake-up, which here is a good part of what a
//! small write costs in all. So the member, the sockets of the peers and a share of the clients'
//! connections live on one thread, the first that serves connections; the others hand over through
//! one queue, with one wake-up for all that waits.
//!
//! 1. Messages leave before the log is asked to sync what they announce.
//! 2. Writes are gathered before they are proposed: an entry costs every node a record and its
//!    share of a sync, and the leader a message to each. So a proposal waits until the clients that
//!    were just answered are back, unless they take longer than they would if they were. Messages
//!    and the log's progress do not wait.
//! 3. Nothing is lost between looking for something to do and sleeping: the signal is armed first,
//!    and then it looks once more.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kv_node::peer::{PeerListener, PeerSettings, Transport};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

mod chronicle;
mod claim;
mod gather;
mod inbox;
mod perform;
mod receive;
mod shared;
mod signal;
mod snapshots;

use crate::{Batch, Member, MemberAddress, MemberStatus, Output};
use chronicle::Chronicle;
pub(crate) use chronicle::role_name;
use claim::Debt;
use gather::Pending;
use inbox::{Inbox, Submission};
use receive::Door;
pub(crate) use shared::{Monotonic, Shared};

thread_local! {
    /// The driver that lives on this thread, if one does: one a process, but for tests.
    static DRIVERS: RefCell<Vec<Rc<Driver>>> = const { RefCell::new(Vec::new()) };
}

/// Rounds of work after which others on the thread get their turn.
const ROUNDS_MAX: usize = 4;

/// Entries that a node that is ready may lack.
const READY_LAG_MAX: u64 = 1000;

/// All that the driver needs, until the thread that it will live on is there.
pub(crate) struct Seat {
    pub(crate) member: Member,
    pub(crate) listener: PeerListener,
    pub(crate) peers: PeerSettings,
    /// Where peers are dialled that are to be reached otherwise than by their own addresses.
    pub(crate) detours: Vec<(u64, String)>,
    pub(crate) tick: Duration,
    pub(crate) snapshot_bytes_per_second: u64,
}

/// Drives one member.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    member: RefCell<Member>,
    transport: Transport,
    detours: Vec<(u64, String)>,
    snapshot_bytes_per_second: u64,
    claims: RefCell<HashMap<u64, Debt>>,
    last_ticket: Cell<u64>,
    /// Batches of this thread's connections that the member does not have yet.
    pending: RefCell<Vec<Pending>>,
    /// One of them is a write.
    has_writes: Cell<bool>,
    /// The member was given something since it last worked.
    has_inputs: Cell<bool>,
    is_closed: Cell<bool>,
    /// Batches answered whose clients have not asked again.
    away: Cell<usize>,
    /// When the log was asked to sync something, and what it had synced then.
    syncing: Cell<Option<(u64, Instant)>>,
    chronicle: RefCell<Chronicle>,
    waker: RefCell<Option<Waker>>,
}

/// The state that all threads see, before the driver's is there.
pub(crate) fn share(member: &Member, clock: Monotonic) -> Arc<Shared> {
    let shared = Arc::new(Shared {
        inbox: Inbox::default(),
        view: watch::Sender::new(member.status(clock.now_ms())),
        db: Arc::clone(member.db()),
        journal: Arc::clone(member.journal()),
        stages: crate::metrics::Stages::default(),
        peers: Arc::default(),
        clock,
    });
    let observed = Arc::downgrade(&shared);
    shared.journal.set_observer(Box::new(move || {
        if let Some(shared) = observed.upgrade() {
            shared.inbox.signal.notify();
        }
    }));
    shared
}

/// The driver of `shared`, if it lives on the calling thread.
pub(crate) fn of_thread(shared: &Arc<Shared>) -> Option<Rc<Driver>> {
    DRIVERS.with_borrow(|drivers| {
        let mut drivers = drivers.iter();
        drivers
            .find(|driver| Arc::ptr_eq(&driver.shared, shared))
            .cloned()
    })
}

/// Drives the member on the calling thread, until it is closed or the future is dropped.
///
/// # Errors
/// If the runtime does not take the peers' listener.
pub(crate) async fn run(shared: Arc<Shared>, seat: Seat) -> io::Result<()> {
    let tick = seat.tick;
    let driver = Driver::start(shared, seat)?;
    let _open = Open::new(Rc::clone(&driver));
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !driver.is_closed.get() {
        poll_fn(|context| driver.poll_inputs(context, &mut ticks)).await;
        driver.gather().await;
        driver.submit_pending();
        driver.work();
    }
    Ok(())
}

/// The driver can be found on its thread until this is dropped.
struct Open(Rc<Driver>);

impl Open {
    fn new(driver: Rc<Driver>) -> Open {
        DRIVERS.with_borrow_mut(|drivers| drivers.push(Rc::clone(&driver)));
        Open(driver)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        DRIVERS.with_borrow_mut(|drivers| {
            drivers.retain(|driver| !Rc::ptr_eq(driver, &self.0));
        });
        self.0.shared.inbox.close();
        self.0.forget_claims();
    }
}

impl Driver {
    fn start(shared: Arc<Shared>, seat: Seat) -> io::Result<Rc<Driver>> {
        let door = Rc::<Door>::default();
        let (receiver, metrics) = (Rc::clone(&door), Arc::clone(&shared.peers));
        let driver = Rc::new(Driver {
            transport: Transport::start(seat.peers, seat.listener, receiver, metrics)?,
            detours: seat.detours,
            snapshot_bytes_per_second: seat.snapshot_bytes_per_second,
            claims: RefCell::default(),
            last_ticket: Cell::new(0),
            pending: RefCell::default(),
            has_writes: Cell::new(false),
            has_inputs: Cell::new(true),
            is_closed: Cell::new(false),
            away: Cell::new(0),
            syncing: Cell::new(None),
            chronicle: RefCell::default(),
            waker: RefCell::default(),
            member: RefCell::new(seat.member),
            shared,
        });
        door.open(&driver);
        driver.meet_members();
        Ok(driver)
    }

    fn now_ms(&self) -> u64 {
        self.shared.clock.now_ms()
    }

    fn note_input(&self) {
        self.has_inputs.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Ready once there is something to do. Lets time pass.
    fn poll_inputs(&self, context: &mut Context<'_>, ticks: &mut Interval) -> Poll<()> {
        let signal = &self.shared.inbox.signal;
        signal.listen(context.waker());
        while ticks.poll_tick(context).is_ready() {
            self.tick();
        }
        if self.has_something() {
            return Poll::Ready(());
        }
        signal.arm();
        self.waker.replace(Some(context.waker().clone()));
        match self.has_something() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn has_something(&self) -> bool {
        self.shared.inbox.signal.take_news()
            || self.has_inputs.get()
            || !self.pending.borrow().is_empty()
    }

    fn tick(&self) {
        self.member.borrow_mut().tick(self.now_ms());
        self.show();
        self.has_inputs.set(true);
    }

    /// Shows the member's state to the other threads.
    fn show(&self) {
        let mut status = self.member.borrow().status(self.now_ms());
        let was_ready = self.shared.view.borrow().is_ready;
        status.is_ready |= was_ready && is_close(&status);
        self.chronicle.borrow_mut().note_status(&status);
        self.shared.view.send_replace(status);
    }

    fn give(&self, mut batch: Batch, debt: Debt) {
        batch.ticket = self.next_ticket(debt);
        self.member.borrow_mut().submit(batch, self.now_ms());
        self.has_inputs.set(true);
    }

    fn next_ticket(&self, debt: Debt) -> u64 {
        let ticket = self.last_ticket.get() + 1;
        self.last_ticket.set(ticket);
        self.claims.borrow_mut().insert(ticket, debt);
        ticket
    }

    /// Takes what other threads have.
    fn take_submissions(&self) {
        if self.shared.inbox.is_empty() {
            return;
        }
        for submission in self.shared.inbox.take() {
            match submission {
                Submission::Batch(batch, debt) => self.give(batch, debt),
                Submission::Administration(request, debt) => {
                    let ticket = self.next_ticket(debt);
                    let mut member = self.member.borrow_mut();
                    member.administer(ticket, request, self.now_ms());
                }
                Submission::Snapshot(written) => {
                    let mut member = self.member.borrow_mut();
                    member.finish_snapshot(written, self.now_ms());
                }
                Submission::Close => self.is_closed.set(true),
            }
        }
    }

    /// Has the member do what there is to do, and does what it says.
    fn work(&self) {
        self.take_submissions();
        self.note_synced();
        for _ in 0..ROUNDS_MAX {
            self.has_inputs.set(false);
            let begun = shared::now();
            let output = self.member.borrow_mut().work(self.now_ms());
            self.shared.stages.work.record(begun.elapsed());
            let is_idle = is_empty(&output);
            self.perform(output);
            let has_more = self.has_inputs.get() || self.member.borrow().has_work();
            // What waits for a leader is work that only messages and time can do.
            if is_idle || !has_more {
                return;
            }
        }
        self.has_inputs.set(true);
    }

    /// Answers whoever waits: nobody knows what became of his requests.
    fn forget_claims(&self) {
        let claims = std::mem::take(&mut *self.claims.borrow_mut());
        claims.into_values().for_each(Debt::forget);
        let pending = std::mem::take(&mut *self.pending.borrow_mut());
        pending.into_iter().for_each(|one| one.debt.forget());
    }

    /// Connects to every member, and to nobody else.
    fn meet_members(&self) {
        let member = self.member.borrow();
        let own = member.status(self.now_ms()).id;
        let members: Vec<MemberAddress> = member.members();
        drop(member);
        let others = members.iter().filter(|member| member.id != own);
        for known in self.transport.peers() {
            if !members.iter().any(|member| member.id.0 == known) {
                self.transport.disconnect(known);
            }
        }
        for member in others {
            let detour = self.detours.iter().find(|(id, _)| *id == member.id.0);
            let address = detour.map_or(&member.peer, |(_, address)| address);
            self.transport.connect(member.id.0, address);
        }
    }
}

/// Whether a round of work came to nothing.
fn is_empty(output: &Output) -> bool {
    !output.flush && output.messages.is_empty() && output.replies.is_empty()
}

/// Whether a node that was ready still is. A moment in which something that is committed is not
/// applied is no reason to send clients away.
fn is_close(status: &MemberStatus) -> bool {
    let lag = status.commit.saturating_sub(status.applied);
    status.leader.is_some() && lag <= READY_LAG_MAX
}
