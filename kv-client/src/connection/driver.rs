//! The task that owns a connection's socket.
//!
//! Reads and writes whenever either is possible, so that neither side can block the other. Writes
//! as much at once as has come in since the last write.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::mux::Mux;
use super::{Submission, lost};
use crate::config::Config;
use crate::connect::Stream;
use crate::error::Error;

/// Read from the socket at once.
const READ_BYTES: usize = 64 * 1024;
/// Taken from the channel at once.
const SUBMISSIONS_AT_ONCE: usize = 256;
/// Timeouts are measured in quarters.
const TICKS: u32 = 4;

/// See the module.
pub(super) struct Driver {
    addr: Arc<str>,
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    incoming: BytesMut,
    submissions: mpsc::UnboundedReceiver<Submission>,
    arrived: Vec<Submission>,
    permits: Arc<Semaphore>,
    mux: Mux,
    quiet: Quiet,
    /// All handles are gone: finish and close.
    closing: bool,
}

/// What one turn of the loop found.
enum Event {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Submitted(usize),
    Tick,
}

impl Driver {
    pub(super) fn new(
        stream: Box<dyn Stream>,
        addr: Arc<str>,
        submissions: mpsc::UnboundedReceiver<Submission>,
        permits: Arc<Semaphore>,
        mux: Mux,
        config: &Config,
    ) -> Driver {
        let (reader, writer) = tokio::io::split(stream);
        Driver {
            addr,
            reader,
            writer,
            incoming: BytesMut::new(),
            submissions,
            arrived: Vec::new(),
            permits,
            mux,
            quiet: Quiet::new(config.request_timeout, config.idle_timeout),
            closing: false,
        }
    }

    /// Serves until the connection is lost or no longer needed.
    pub(super) async fn run(mut self) {
        let error = match self.serve().await {
            Ok(()) => lost(&self.addr, io::ErrorKind::NotConnected.into()),
            Err(error) => error,
        };
        self.submissions.close();
        self.mux.fail(&error);
        while let Ok(submission) = self.submissions.try_recv() {
            self.mux.submit(submission);
            self.mux.fail(&error);
        }
        self.permits.close();
        // The peer may be gone already; then there is nobody to tell.
        let _ = self.writer.shutdown().await;
    }

    async fn serve(&mut self) -> Result<(), Error> {
        let mut clock = self.quiet.clock();
        loop {
            match self.event(&mut clock).await {
                Event::Read(read) => self.read(read)?,
                Event::Wrote(wrote) => self.wrote(wrote)?,
                Event::Submitted(count) => self.submitted(count),
                Event::Tick => match self.quiet.tick(self.mux.is_idle()) {
                    Verdict::Fine => {}
                    Verdict::Idle => return Ok(()),
                    Verdict::Stalled => return Err(self.lost(io::ErrorKind::TimedOut.into())),
                },
            }
            self.permits.add_permits(self.mux.take_answered_count());
            if self.closing && self.mux.is_idle() {
                return Ok(());
            }
        }
    }

    async fn event(&mut self, clock: &mut Interval) -> Event {
        let outgoing = self.mux.outgoing();
        self.incoming.reserve(READ_BYTES);
        tokio::select! {
            biased;
            read = self.reader.read_buf(&mut self.incoming) => Event::Read(read),
            count = self.submissions.recv_many(&mut self.arrived, SUBMISSIONS_AT_ONCE),
                if !self.closing && !self.mux.is_full() => Event::Submitted(count),
            wrote = self.writer.write(outgoing), if !outgoing.is_empty() => Event::Wrote(wrote),
            _ = clock.tick() => Event::Tick,
        }
    }

    fn read(&mut self, read: io::Result<usize>) -> Result<(), Error> {
        match read {
            Ok(0) => Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.lost(error)),
            Ok(_) => {
                self.quiet.heard();
                self.mux
                    .receive(&mut self.incoming)
                    .map_err(|error| Error::Protocol {
                        addr: self.addr.clone(),
                        message: error.to_string(),
                    })
            }
        }
    }

    fn wrote(&mut self, wrote: io::Result<usize>) -> Result<(), Error> {
        match wrote {
            Ok(0) => Err(self.lost(io::ErrorKind::WriteZero.into())),
            Err(error) => Err(self.lost(error)),
            Ok(count) => {
                self.mux.wrote(count);
                Ok(())
            }
        }
    }

    fn submitted(&mut self, count: usize) {
        self.closing = count == 0;
        for submission in self.arrived.drain(..) {
            self.mux.submit(submission);
        }
    }

    fn lost(&self, source: io::Error) -> Error {
        lost(&self.addr, source)
    }
}

/// How long the connection has been quiet, in ticks, so that no clock is read per message.
struct Quiet {
    tick: Duration,
    stalled_ticks_max: u32,
    idle_ticks_max: u32,
    stalled_ticks: u32,
    idle_ticks: u32,
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Fine,
    /// Nothing to do for too long.
    Idle,
    /// Something is asked, and nothing was heard for too long.
    Stalled,
}

impl Quiet {
    fn new(stalled: Duration, idle: Duration) -> Quiet {
        let tick = (stalled.min(idle) / TICKS).max(Duration::from_millis(1));
        let ticks = |limit: Duration| {
            let count = limit.as_millis() / tick.as_millis().max(1);
            u32::try_from(count).unwrap_or(u32::MAX - 1).max(TICKS)
        };
        Quiet {
            tick,
            stalled_ticks_max: ticks(stalled),
            idle_ticks_max: ticks(idle),
            stalled_ticks: 0,
            idle_ticks: 0,
        }
    }

    fn clock(&self) -> Interval {
        let mut clock = interval(self.tick);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock
    }

    fn heard(&mut self) {
        self.stalled_ticks = 0;
        self.idle_ticks = 0;
    }

    fn tick(&mut self, is_idle: bool) -> Verdict {
        self.stalled_ticks = if is_idle { 0 } else { self.stalled_ticks + 1 };
        self.idle_ticks = if is_idle { self.idle_ticks + 1 } else { 0 };
        // The first tick may come right after the last event: one more than the limit.
        if self.stalled_ticks > self.stalled_ticks_max {
            Verdict::Stalled
        } else if self.idle_ticks > self.idle_ticks_max {
            Verdict::Idle
        } else {
            Verdict::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Quiet {
        Quiet::new(Duration::from_millis(400), Duration::from_millis(1000))
    }

    fn ticks_until(quiet: &mut Quiet, is_idle: bool) -> (u32, Verdict) {
        let mut count = 0;
        loop {
            count += 1;
            match quiet.tick(is_idle) {
                Verdict::Fine => {}
                verdict => return (count, verdict),
            }
        }
    }

    #[test]
    fn silence_while_something_is_asked_is_a_stall() {
        assert_eq!(ticks_until(&mut quiet(), false), (5, Verdict::Stalled));
    }

    #[test]
    fn silence_while_nothing_is_asked_ends_in_idle() {
        assert_eq!(ticks_until(&mut quiet(), true), (11, Verdict::Idle));
    }

    #[test]
    fn every_answer_starts_the_count_anew() {
        let mut quiet = quiet();
        for _ in 0..4 {
            assert_eq!(quiet.tick(false), Verdict::Fine);
        }
        quiet.heard();
        assert_eq!(ticks_until(&mut quiet, false), (5, Verdict::Stalled));
    }
}
