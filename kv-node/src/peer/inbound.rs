//! The connections that peers have made to this node: what they send is read here.
//!
//! 1. At most one connection a peer and lane. A new one from the same process takes the place of
//!    the old one, which that process must have given up. One from another process with the same
//!    number is refused as long as the old one is alive: two nodes with one number would each
//!    acknowledge what the other forgets.
//! 2. Alive is who was heard within `silence_max`: a dialler with nothing to say says so.
//! 3. Handshakes in progress are bounded in number and in time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker, ready};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::Lane;
use super::error::{PeerError, Refused};
use super::frame::{Frame, Kind};
use super::handshake::Hello;
use super::link::Shared;
use super::stream::{self, PeerStream};
use crate::server::spin;

/// Handshakes in progress; who comes when there are as many is turned away.
const HANDSHAKES_MAX: usize = 64;

/// Connections of peers.
const SEATS_MAX: usize = 256;

/// Pause after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who takes what the peers send.
pub trait Receiver: 'static {
    /// Takes a message that `from` sent. What it keeps of it, it has to bound.
    ///
    /// # Errors
    /// If it is no message: the connection is closed with what is returned as the reason.
    fn receive(&self, from: u64, lane: Lane, payload: &[u8]) -> Result<(), &'static str>;
}

/// The connections of peers, by whose they are.
pub(super) struct Inbound {
    shared: Rc<Shared>,
    receiver: Rc<dyn Receiver>,
    seats: RefCell<BTreeMap<(u64, Lane), Rc<Seat>>>,
    handshakes: Cell<usize>,
    /// What was said last about connections that came to nothing.
    said: RefCell<Option<String>>,
}

/// One connection of a peer.
struct Seat {
    instance: u64,
    heard: Cell<Instant>,
    /// Why it has to end.
    end: Cell<Option<End>>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Replaced,
    Silent,
    Closed,
}

impl Seat {
    fn new(instance: u64) -> Seat {
        Seat {
            instance,
            heard: Cell::new(now()),
            end: Cell::new(None),
            waker: RefCell::default(),
        }
    }

    fn end(&self, end: End) {
        self.end.set(Some(end));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Inbound {
    pub(super) fn new(shared: Rc<Shared>, receiver: Rc<dyn Receiver>) -> Rc<Inbound> {
        Rc::new(Inbound {
            shared,
            receiver,
            seats: RefCell::default(),
            handshakes: Cell::new(0),
            said: RefCell::default(),
        })
    }

    /// Accepts connections for ever, and ends those that are silent.
    pub(super) async fn run(self: Rc<Self>, listener: TcpListener) {
        let silence_max = self.shared.identity.settings.silence_max;
        let mut sweeps = tokio::time::interval(silence_max / 4);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => self.accept(stream, address),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept connections of peers; trying again");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                _ = sweeps.tick() => self.sweep(silence_max),
            }
        }
    }

    fn accept(self: &Rc<Self>, stream: TcpStream, address: SocketAddr) {
        if self.handshakes.get() >= HANDSHAKES_MAX {
            self.shared.metrics.refused.add(1);
            return;
        }
        self.handshakes.set(self.handshakes.get() + 1);
        let inbound = Rc::clone(self);
        spawn_local(async move { inbound.serve(stream, address).await });
    }

    async fn serve(&self, stream: TcpStream, address: SocketAddr) {
        let patience = self.shared.identity.settings.handshake_timeout;
        let met = tokio::time::timeout(patience, self.meet(stream)).await;
        self.handshakes.set(self.handshakes.get() - 1);
        match met.unwrap_or(Err(PeerError::Slow)) {
            Ok((stream, hello, seat)) => self.read(stream, hello, &seat).await,
            Err(error) => self.note_refusal(address, &error),
        }
    }

    async fn meet(&self, stream: TcpStream) -> Result<(PeerStream, Hello, Rc<Seat>), PeerError> {
        let mut stream = PeerStream::new(stream)?;
        let admit = |hello: &Hello| self.admit(hello);
        let (hello, seat) = stream::receive(&mut stream, &self.shared.identity, admit).await?;
        Ok((stream, hello, seat))
    }

    fn admit(&self, hello: &Hello) -> Result<Rc<Seat>, Refused> {
        let mut seats = self.seats.borrow_mut();
        let silence_max = self.shared.identity.settings.silence_max;
        for lane in Lane::ALL {
            let Some(old) = seats.get(&(hello.from, lane)) else {
                continue;
            };
            let silence = old.heard.get().elapsed();
            if old.instance != hello.instance && silence <= silence_max {
                return Err(Refused::AlreadyConnected {
                    id: hello.from,
                    heard_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
                });
            }
        }
        if seats.len() >= SEATS_MAX {
            return Err(Refused::TooMany);
        }
        let seat = Rc::new(Seat::new(hello.instance));
        if let Some(old) = seats.insert((hello.from, hello.lane), Rc::clone(&seat)) {
            old.end(End::Replaced);
        }
        Ok(seat)
    }

    /// Says why a connection came to nothing, once for each reason in a row.
    fn note_refusal(&self, address: SocketAddr, error: &PeerError) {
        self.shared.metrics.refused.add(1);
        let text = format!("{} {}", address.ip(), kind(error));
        if !error.needs_a_person() || self.said.borrow().as_ref() == Some(&text) {
            tracing::debug!(%address, %error, "a connection came to nothing");
            return;
        }
        tracing::warn!(%address, %error, "a connection from a peer came to nothing");
        self.said.replace(Some(text));
    }

    async fn read(&self, mut stream: PeerStream, hello: Hello, seat: &Rc<Seat>) {
        let (peer, lane) = (hello.from, hello.lane);
        self.shared.metrics.accepted.add(1);
        self.said.replace(None);
        tracing::debug!(peer, %lane, "a peer has connected");
        let error = self.read_until_end(&mut stream, &hello, seat).await;
        self.shared.metrics.lost.add(1);
        match error.needs_a_person() {
            true => tracing::warn!(peer, %lane, %error, "a connection from a peer is closed"),
            false => tracing::debug!(peer, %lane, %error, "a connection from a peer ended"),
        }
        self.leave(&hello, seat);
    }

    async fn read_until_end(
        &self,
        stream: &mut PeerStream,
        hello: &Hello,
        seat: &Seat,
    ) -> PeerError {
        let len_max = self.shared.identity.settings.message_bytes_max;
        loop {
            let take = |frame: Frame<'_>| self.take(hello, frame);
            if let Err(error) = stream.drain(len_max, take) {
                return error;
            }
            match self.fill(stream, seat).await {
                // The others get their turn while one sends without end.
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => {}
                Err(error) => return error,
            }
        }
    }

    /// Reads once; whether there may be more.
    async fn fill(&self, stream: &mut PeerStream, seat: &Seat) -> Result<bool, PeerError> {
        let fill = poll_fn(|cx| {
            match seat.end.get() {
                Some(End::Replaced | End::Closed) => return Poll::Ready(Err(PeerError::Closed)),
                Some(End::Silent) => return Poll::Ready(Err(PeerError::Silent)),
                None => {}
            }
            let mut waker = seat.waker.borrow_mut();
            match &mut *waker {
                Some(known) => known.clone_from(cx.waker()),
                None => *waker = Some(cx.waker().clone()),
            }
            Poll::Ready(ready!(stream.poll_fill(cx)))
        })
        .await?;
        spin::note_activity();
        seat.heard.set(now());
        self.shared.metrics.received_bytes.add(fill.count as u64);
        Ok(fill.is_full)
    }

    fn take(&self, hello: &Hello, frame: Frame<'_>) -> Result<(), PeerError> {
        match frame.kind {
            Kind::Ping => Ok(()),
            Kind::Message => {
                self.shared.metrics.received_messages.add(1);
                let received = self.receiver.receive(hello.from, hello.lane, frame.payload);
                received.map_err(PeerError::Protocol)
            }
            _ => Err(PeerError::Protocol("a handshake within a connection")),
        }
    }

    fn leave(&self, hello: &Hello, seat: &Rc<Seat>) {
        let mut seats = self.seats.borrow_mut();
        let key = (hello.from, hello.lane);
        if seats.get(&key).is_some_and(|found| Rc::ptr_eq(found, seat)) {
            seats.remove(&key);
        }
    }

    /// Ends all connections.
    pub(super) fn close(&self) {
        for seat in self.seats.borrow().values() {
            seat.end(End::Closed);
        }
    }

    fn sweep(&self, silence_max: Duration) {
        for seat in self.seats.borrow().values() {
            if seat.heard.get().elapsed() > silence_max {
                seat.end(End::Silent);
            }
        }
    }
}

/// What kind of error it is, without the numbers that change each time.
fn kind(error: &PeerError) -> String {
    match error {
        PeerError::Refused(Refused::AlreadyConnected { id, .. }) => format!("connected {id}"),
        other => other.to_string(),
    }
}

#[expect(clippy::disallowed_methods, reason = "who is alive is about real time")]
fn now() -> Instant {
    Instant::now()
}
