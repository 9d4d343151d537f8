//! One connection to a peer, for what this node sends to it: made again whenever it is lost.
//!
//! ```text
//! send ──► buffer ──► flush: one write      what the socket does not take, the link's task
//!                                           writes when it can
//! ```
//!
//! 1. Without a connection nothing is queued: what is old when it leaves is of no use.
//! 2. The buffer is bounded; what finds it full is dropped, and what is in it stays.
//! 3. Between two attempts to connect there is a pause, longer from one to the next, and never the
//!    same for two nodes.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior};

use super::Lane;
use super::error::PeerError;
use super::frame::{Kind, put_frame};
use super::metrics::PeerMetrics;
use super::stream::{self, Identity, PeerStream};

/// An empty buffer larger than this is given back once the link is idle: memory that is given back
/// at once costs more to get again than what is written to it.
const BUFFER_BYTES_KEPT: usize = 256 << 10;

/// What all links of a transport have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) identity: Identity,
    pub(super) metrics: Arc<PeerMetrics>,
}

/// Why a message will not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsent {
    /// Nobody knows such a peer.
    #[error("there is no such peer")]
    Unknown,
    /// There is no connection.
    #[error("the peer is not connected")]
    Disconnected,
    /// Too much waits to be sent already.
    #[error("too much waits to be sent to the peer")]
    Full,
    /// It is longer than a message may be.
    #[error("the message is too long")]
    TooLong,
}

/// The way to one peer on one lane.
pub(super) struct Link {
    shared: Rc<Shared>,
    peer: u64,
    lane: Lane,
    address: String,
    output: RefCell<Output>,
    /// Of the task that writes.
    waker: RefCell<Option<Waker>>,
    /// Something was sent since the last look.
    is_active: Cell<bool>,
}

#[derive(Default)]
struct Output {
    /// Frames that were not written yet.
    buffer: BytesMut,
    stream: Option<Rc<TcpStream>>,
}

impl Link {
    pub(super) fn new(shared: Rc<Shared>, peer: u64, lane: Lane, address: String) -> Rc<Link> {
        Rc::new(Link {
            shared,
            peer,
            lane,
            address,
            output: RefCell::default(),
            waker: RefCell::default(),
            is_active: Cell::new(false),
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn is_connected(&self) -> bool {
        self.output.borrow().stream.is_some()
    }

    /// Queues a message, whose payload `write` appends.
    pub(super) fn send(&self, write: impl FnOnce(&mut BytesMut)) -> Result<(), Unsent> {
        let queued = self.queue(write);
        match queued {
            Ok(()) => self.shared.metrics.sent_messages.add(1),
            Err(_) => self.shared.metrics.dropped_messages.add(1),
        }
        queued
    }

    fn queue(&self, write: impl FnOnce(&mut BytesMut)) -> Result<(), Unsent> {
        let settings = &self.shared.identity.settings;
        let bytes_max = match self.lane {
            Lane::Consensus => settings.queue_bytes_max,
            Lane::Bulk => settings.bulk_queue_bytes_max,
        };
        let mut output = self.output.borrow_mut();
        if output.stream.is_none() {
            return Err(Unsent::Disconnected);
        }
        if output.buffer.len() >= bytes_max {
            return Err(Unsent::Full);
        }
        let before = output.buffer.len();
        let len_max = settings.message_bytes_max;
        put_frame(&mut output.buffer, Kind::Message, len_max, write)
            .map_err(|_| Unsent::TooLong)?;
        if before > 0 && output.buffer.len() > bytes_max {
            output.buffer.truncate(before);
            return Err(Unsent::Full);
        }
        Ok(())
    }

    /// Writes what is queued, as far as the socket takes it at once.
    pub(super) fn flush(&self) {
        let mut output = self.output.borrow_mut();
        let Some(stream) = output.stream.clone() else {
            return;
        };
        if self.write(&stream, &mut output.buffer).is_err() || !output.buffer.is_empty() {
            self.wake();
        }
    }

    /// One write.
    fn write(&self, stream: &TcpStream, buffer: &mut BytesMut) -> io::Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let count = match stream.try_write(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        self.is_active.set(true);
        buffer.advance(count);
        self.shared.metrics.writes.add(1);
        self.shared.metrics.sent_bytes.add(count as u64);
        Ok(())
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Connects and writes for ever.
    pub(super) async fn run(self: Rc<Self>) {
        let mut pauses = Pauses::new(&self.shared.identity, self.peer, self.lane);
        let mut said = None;
        loop {
            let error = match self.connect().await {
                Ok(stream) => {
                    pauses.reset();
                    said = None;
                    self.serve(Rc::new(stream)).await
                }
                Err(error) => {
                    self.shared.metrics.refused.add(1);
                    error
                }
            };
            self.note_failure(&error, &mut said);
            tokio::time::sleep(pauses.next()).await;
        }
    }

    /// Says why there is no connection, once for each reason in a row.
    fn note_failure(&self, error: &PeerError, said: &mut Option<String>) {
        let (peer, lane, address) = (self.peer, self.lane, &self.address);
        let is_news = said.as_ref().is_none_or(|said| !is_same(said, error));
        match is_news && self.lane == Lane::Consensus {
            true => tracing::warn!(peer, %lane, address, %error, "no connection to a peer"),
            false => tracing::debug!(peer, %lane, address, %error, "no connection to a peer"),
        }
        if is_news {
            *said = Some(error.to_string());
        }
    }

    async fn connect(&self) -> Result<TcpStream, PeerError> {
        let patience = self.shared.identity.settings.handshake_timeout;
        let met = tokio::time::timeout(patience, self.meet()).await;
        met.unwrap_or(Err(PeerError::Slow))
    }

    async fn meet(&self) -> Result<TcpStream, PeerError> {
        let stream = TcpStream::connect(&self.address).await?;
        let mut stream = PeerStream::new(stream)?;
        stream::introduce(&mut stream, &self.shared.identity, self.peer, self.lane).await?;
        Ok(stream.into_socket())
    }

    /// Writes what is queued until the connection is lost; why it was.
    async fn serve(&self, stream: Rc<TcpStream>) -> PeerError {
        let (peer, lane, address) = (self.peer, self.lane, &self.address);
        match lane {
            Lane::Consensus => tracing::info!(peer, %lane, address, "connected to a peer"),
            Lane::Bulk => tracing::debug!(peer, %lane, address, "connected to a peer"),
        }
        self.shared.metrics.dialled.add(1);
        let _connected = Connected::new(self, Rc::clone(&stream));
        let interval = self.shared.identity.settings.ping_interval;
        let mut pings = tokio::time::interval(interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll_fn(|cx| self.poll_serve(cx, &stream, &mut pings)).await
    }

    fn poll_serve(
        &self,
        cx: &mut Context<'_>,
        stream: &TcpStream,
        pings: &mut Interval,
    ) -> Poll<PeerError> {
        self.register(cx.waker());
        if let Poll::Ready(error) = poll_end(cx, stream) {
            return Poll::Ready(error);
        }
        while pings.poll_tick(cx).is_ready() {
            self.ping();
        }
        while !self.output.borrow().buffer.is_empty() {
            if let Err(error) = ready!(stream.poll_write_ready(cx)) {
                return Poll::Ready(error.into());
            }
            let mut output = self.output.borrow_mut();
            if let Err(error) = self.write(stream, &mut output.buffer) {
                return Poll::Ready(error.into());
            }
        }
        Poll::Pending
    }

    fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        match &mut *slot {
            Some(known) => known.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Says that this node is still there, unless it has said something.
    fn ping(&self) {
        if self.is_active.take() {
            return;
        }
        let mut output = self.output.borrow_mut();
        if output.buffer.is_empty() {
            release(&mut output.buffer);
            let put = put_frame(&mut output.buffer, Kind::Ping, 0, |_| {});
            put.expect("nothing is no longer than nothing");
        }
    }
}

/// Gives an empty buffer's memory back if it is large.
fn release(buffer: &mut BytesMut) {
    // Its capacity counts from where it was written to last; this makes it count from the start.
    buffer.reserve(1);
    if buffer.capacity() > BUFFER_BYTES_KEPT {
        *buffer = BytesMut::new();
    }
}

/// Ready when the other side has closed the connection, or broken it.
fn poll_end(cx: &mut Context<'_>, stream: &TcpStream) -> Poll<PeerError> {
    loop {
        if let Err(error) = ready!(stream.poll_read_ready(cx)) {
            return Poll::Ready(error.into());
        }
        match stream.try_read(&mut [0; 16]) {
            Ok(0) => return Poll::Ready(PeerError::Closed),
            Ok(_) => return Poll::Ready(PeerError::Protocol("it answers where nothing is asked")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(error.into()),
        }
    }
}

/// Whether `error` is what was said, but for the numbers in it.
fn is_same(said: &str, error: &PeerError) -> bool {
    let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    letters(said) == letters(&error.to_string())
}

/// The link is connected until this is dropped.
struct Connected<'a>(&'a Link);

impl Connected<'_> {
    fn new(link: &Link, stream: Rc<TcpStream>) -> Connected<'_> {
        link.is_active.set(false);
        link.output.replace(Output {
            buffer: BytesMut::new(),
            stream: Some(stream),
        });
        Connected(link)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.shared.metrics.lost.add(1);
        self.0.output.replace(Output::default());
    }
}

/// How long to wait between attempts to connect.
struct Pauses {
    min: Duration,
    max: Duration,
    next: Duration,
    /// State of a generator of numbers that need not be good, only different.
    random: u64,
}

impl Pauses {
    fn new(identity: &Identity, peer: u64, lane: Lane) -> Pauses {
        let settings = &identity.settings;
        Pauses {
            min: settings.backoff_min,
            max: settings.backoff_max,
            next: settings.backoff_min,
            random: identity.instance ^ (peer << 1) ^ u64::from(lane.number()),
        }
    }

    fn reset(&mut self) {
        self.next = self.min;
    }

    /// Between half of what it should be and all of it.
    fn next(&mut self) -> Duration {
        let whole = self.next;
        self.next = (2 * whole).min(self.max);
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let share = u32::from(mixed.to_be_bytes()[0]);
        whole / 2 + (whole / 2) * share / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::PeerSettings;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_a_success() {
        let identity = Identity::new(PeerSettings::new(1, 1)).unwrap();
        let mut pauses = Pauses::new(&identity, 2, Lane::Bulk);
        let (min, max) = (identity.settings.backoff_min, identity.settings.backoff_max);
        for attempt in 0..20 {
            let whole = (min * 2_u32.pow(attempt.min(10))).min(max);
            let pause = pauses.next();
            assert!(pause >= whole / 2 && pause <= whole, "{attempt}: {pause:?}");
        }
        pauses.reset();
        assert!(pauses.next() <= min);
    }

    #[test]
    fn a_large_buffer_is_given_back_though_it_was_read_to_its_end() {
        let mut buffer = BytesMut::from(&vec![0; 4 << 20][..]);
        buffer.advance(4 << 20);
        release(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
        buffer.extend_from_slice(b"short");
        buffer.clear();
        release(&mut buffer);
        assert!(buffer.capacity() >= 5);
    }

    #[test]
    fn the_same_failure_with_other_numbers_is_no_news() {
        let slow = |heard_ms| {
            PeerError::RefusedByPeer(super::super::Refused::AlreadyConnected { id: 1, heard_ms })
        };
        assert!(is_same(&slow(5).to_string(), &slow(77)));
        assert!(!is_same(&slow(5).to_string(), &PeerError::Closed));
    }
}
