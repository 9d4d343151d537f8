//! The socket of one connection, with its input and its unsent output.
//!
//! 1. Waiting is for everything at once: bytes to read, room to write, messages, being asked to
//!    close. Nothing registers a timer; the sweep looks at the phase that is set here.
//! 2. While a client leaves more unread than the limit, nothing more is read from it, and nothing
//!    that would add output goes on.
//! 3. A buffer that a large request or reply made large is given back.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustix::net::RecvFlags;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

use super::clients::{Client, CloseReason, Phase};
use super::hub::Hub;
use super::spin;

/// Least room for a read; most clients never need more.
const READ_BYTES_MIN: usize = 4 << 10;

/// Most room for a read. Reads that fill their room get more of it the next time, reads that leave
/// most of it unused less.
const READ_BYTES_MAX: usize = 64 << 10;

/// Empty buffers larger than this are given back.
const BUFFER_BYTES_KEPT: usize = 16 << 10;

/// Output is sent on the way once there is this much of it.
const OUTPUT_BYTES_EAGER: usize = 256 << 10;

/// A request in parts gets its time again for each such part.
const PARTIAL_PROGRESS_BYTES: usize = 64 << 10;

/// How much of what a client still sends is thrown away before its connection is closed.
const DISCARD_BYTES_MAX: usize = 4 << 20;

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// There is more input.
    Input,
    /// The client closed its half, and all that it sent was returned before.
    End,
    /// There are messages in the inbox, and maybe more input.
    Messages,
    /// The connection has to close.
    Close(CloseReason),
}

/// A request that is still arriving.
#[derive(Debug, Clone, Copy)]
struct Partial {
    /// When its time began.
    since_ms: u64,
    /// How much of it there was then.
    bytes: usize,
}

/// A socket and its buffers.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// What came and was not decoded yet.
    pub(crate) input: BytesMut,
    /// What is not sent yet.
    pub(crate) output: BytesMut,
    pub(crate) client: Arc<Client>,
    hub: Arc<Hub>,
    /// Which I/O thread this is.
    thread: usize,
    unread_bytes_max: usize,
    /// Room to make for the next read.
    read_bytes: usize,
    /// The last read was cut short for want of room.
    has_more_input: bool,
    /// The request at the front of `input`, while it is incomplete.
    partial: Option<Partial>,
    /// Subscribers may be silent for ever.
    pub(crate) idle_exempt: bool,
}

impl Socket {
    pub(crate) fn new(
        stream: TcpStream,
        client: Arc<Client>,
        hub: Arc<Hub>,
        thread: usize,
    ) -> Socket {
        Socket {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            client,
            unread_bytes_max: hub.settings.unread_output_bytes_max.as_usize(),
            hub,
            thread,
            read_bytes: READ_BYTES_MIN,
            has_more_input: false,
            partial: None,
            idle_exempt: false,
        }
    }

    /// Waits until there is something to do. Sends output meanwhile.
    pub(crate) async fn wait(&mut self) -> Event {
        self.note_partial();
        self.set_waiting_phase();
        let event = std::future::poll_fn(|cx| self.poll_wait(cx)).await;
        spin::note_activity();
        self.set_phase(Phase::Busy);
        event
    }

    /// Whatever is left in the input is the beginning of a request.
    fn note_partial(&mut self) {
        if self.input.is_empty() {
            self.partial = None;
            release(&mut self.input);
            return;
        }
        let bytes = self.input.len();
        let is_late = |partial: Partial| bytes < partial.bytes + PARTIAL_PROGRESS_BYTES;
        self.partial = self
            .partial
            .filter(|partial| is_late(*partial))
            .or(Some(Partial {
                since_ms: self.hub.clock.coarse_ms(),
                bytes,
            }));
    }

    fn set_waiting_phase(&self) {
        match self.partial {
            _ if self.is_stalled() => self.set_phase(Phase::Stalled),
            Some(partial) => self.client.set_phase(Phase::Partial, partial.since_ms),
            None if self.idle_exempt => self.set_phase(Phase::Busy),
            None => self.set_phase(Phase::Idle),
        }
    }

    fn set_phase(&self, phase: Phase) {
        self.client.set_phase(phase, self.hub.clock.coarse_ms());
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        self.client.register(cx.waker());
        if let Some(reason) = self.client.close_asked() {
            return Poll::Ready(Event::Close(reason));
        }
        if !self.output.is_empty() {
            let was_stalled = self.is_stalled();
            if let Poll::Ready(Err(_)) = self.poll_flush(cx) {
                return Poll::Ready(Event::Close(CloseReason::Error));
            }
            if self.is_stalled() {
                return Poll::Pending;
            }
            if was_stalled {
                self.set_waiting_phase();
            }
        }
        if self.client.inbox.any() {
            return Poll::Ready(Event::Messages);
        }
        self.poll_input(cx)
    }

    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        self.input.reserve(self.read_bytes);
        let room = self.input.capacity() - self.input.len();
        let event = match ready!(self.poll_read(cx)) {
            Ok(0) => Event::End,
            Ok(count) => {
                self.has_more_input = count == room;
                self.read_bytes = next_read_bytes(self.read_bytes, count, room);
                Event::Input
            }
            Err(_) => Event::Close(CloseReason::Error),
        };
        Poll::Ready(event)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.input);
        if let Poll::Ready(Ok(count)) = &read {
            let metrics = self.hub.metrics.thread(self.thread);
            metrics.input_bytes.add(*count as u64);
        }
        read
    }

    /// Sends what can be sent; ready when all is.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output))?;
            self.output.advance(sent);
            let metrics = self.hub.metrics.thread(self.thread);
            metrics.output_bytes.add(sent as u64);
            if self.is_stalled() {
                self.set_phase(Phase::Stalled);
            }
        }
        release(&mut self.output);
        Poll::Ready(Ok(()))
    }

    /// Whether the client leaves too much unread to be served further.
    fn is_stalled(&self) -> bool {
        self.output.len() > self.unread_bytes_max
    }

    /// Whether the last read was cut short for want of room.
    pub(crate) fn has_more_input(&self) -> bool {
        self.has_more_input
    }

    /// Sends what the socket takes now, without waiting.
    pub(crate) async fn send(&mut self) {
        if self.output.is_empty() {
            return;
        }
        std::future::poll_fn(|cx| {
            // What was not sent, an error as well, shows again at the next wait.
            let _ = self.poll_flush(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Whether so much output waits that [`Socket::make_room`] should be called before more is
    /// added.
    pub(crate) fn wants_room(&self) -> bool {
        self.output.len() >= OUTPUT_BYTES_EAGER
    }

    /// Makes room for more output: sends what the socket takes now; if the client leaves too much
    /// unread, waits until it has read some.
    pub(crate) async fn make_room(&mut self) -> Result<(), CloseReason> {
        if self.is_stalled() {
            self.set_phase(Phase::Stalled);
        }
        let room = std::future::poll_fn(|cx| self.poll_room(cx)).await;
        self.set_phase(Phase::Busy);
        room
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        self.client.register(cx.waker());
        if let Poll::Ready(Err(_)) = self.poll_flush(cx) {
            return Poll::Ready(Err(CloseReason::Error));
        }
        if !self.is_stalled() {
            return Poll::Ready(Ok(()));
        }
        match self.client.close_asked() {
            // What was accepted is answered as long as the client reads.
            None | Some(CloseReason::Shutdown) if !self.client.is_cut_off() => Poll::Pending,
            reason => Poll::Ready(Err(reason.unwrap_or(CloseReason::Unread))),
        }
    }

    /// Reads what has already arrived, without waiting; whether there was anything.
    pub(crate) async fn read_arrived(&mut self) -> bool {
        self.input.reserve(self.read_bytes);
        std::future::poll_fn(|cx| {
            let read = self.poll_read(cx);
            Poll::Ready(matches!(read, Poll::Ready(Ok(count)) if count > 0))
        })
        .await
    }

    /// The same, but asks the operating system itself: the runtime may not have noticed yet.
    pub(crate) fn take_arrived(&mut self) -> bool {
        self.input.resize(self.input.len() + READ_BYTES_MAX, 0);
        let start = self.input.len() - READ_BYTES_MAX;
        let room = &mut self.input[start..];
        let received = rustix::net::recv(&self.stream, room, RecvFlags::DONTWAIT);
        let count = received.map_or(0, |(count, _)| count);
        self.input.truncate(start + count);
        count > 0
    }

    /// Sends all output and tells the client that there is no more.
    ///
    /// If it `lingers`, it also throws away what the client still sends, until that closes too:
    /// closing a socket with unread input destroys replies that are on their way. Ends when the
    /// sweep cuts the client off at the latest.
    pub(crate) async fn finish(mut self, lingers: bool) {
        self.set_phase(Phase::Finishing);
        let mut discard_bytes = if lingers { DISCARD_BYTES_MAX } else { 0 };
        std::future::poll_fn(|cx| self.poll_finish(cx, &mut discard_bytes)).await;
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>, discard_bytes: &mut usize) -> Poll<()> {
        self.client.register(cx.waker());
        if self.client.is_cut_off() || ready!(self.poll_flush(cx)).is_err() {
            return Poll::Ready(());
        }
        if ready!(Pin::new(&mut self.stream).poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        while *discard_bytes > 0 {
            self.input.clear();
            self.input.reserve(READ_BYTES_MIN);
            match ready!(self.poll_read(cx)) {
                Ok(count) if count > 0 => *discard_bytes = discard_bytes.saturating_sub(count),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// Room for the read after one that brought `count` bytes into a room of `room`.
fn next_read_bytes(read_bytes: usize, count: usize, room: usize) -> usize {
    if count == room {
        (4 * read_bytes).min(READ_BYTES_MAX)
    } else if count < read_bytes / 4 {
        (read_bytes / 2).max(READ_BYTES_MIN)
    } else {
        read_bytes
    }
}

/// Gives an empty buffer's memory back if it is large.
fn release(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.capacity() > BUFFER_BYTES_KEPT {
        *buffer = BytesMut::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_reads_follows_what_is_read() {
        const KIB: usize = 1 << 10;
        assert_eq!(next_read_bytes(4 * KIB, 100, 4 * KIB), 4 * KIB);
        assert_eq!(next_read_bytes(4 * KIB, 4 * KIB, 4 * KIB), 16 * KIB);
        assert_eq!(next_read_bytes(16 * KIB, 13 * KIB, 16 * KIB), 16 * KIB);
        assert_eq!(next_read_bytes(64 * KIB, 64 * KIB, 64 * KIB), 64 * KIB);
        assert_eq!(next_read_bytes(64 * KIB, 100, 64 * KIB), 32 * KIB);
    }

    #[test]
    fn large_empty_buffers_are_given_back() {
        let mut buffer = BytesMut::with_capacity(1 << 20);
        buffer.extend_from_slice(b"x");
        release(&mut buffer);
        assert_eq!(buffer.capacity(), 1 << 20);
        buffer.clear();
        release(&mut buffer);
        assert_eq!(buffer.capacity(), 0);
        let mut small = BytesMut::with_capacity(READ_BYTES_MIN);
        release(&mut small);
        assert_eq!(small.capacity(), READ_BYTES_MIN);
    }
}
