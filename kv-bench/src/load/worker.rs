//! One generating thread: many connections on one epoll.
//!
//! Readiness is edge-triggered, and a read that leaves room in the buffer has drained the socket,
//! so a batch costs one wait, one read and one write.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token};

use super::connection::Connection;
use super::control::Control;
use super::pace::Pace;
use super::tally::Tally;
use crate::clock::now;
use crate::protocol::Protocol;

/// How long a quiet thread may overlook that it should stop.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
const EVENT_COUNT_MAX: usize = 1024;

/// How a thread sends.
#[derive(Debug, Clone)]
pub(super) struct Rhythm {
    /// Requests written together.
    pub(super) pipeline: u64,
    /// When batches are due; as soon as the last one is answered if absent.
    pub(super) pace: Option<Pace>,
    /// Longest wait for any answer.
    pub(super) timeout: Duration,
}

/// A generating thread's state.
pub(super) struct Worker<P> {
    poll: Poll,
    connections: Vec<Option<Connection<P>>>,
    /// Connections that wait for the next batch to be due.
    idle: Vec<usize>,
    /// Connections that may still send.
    live_count: usize,
    rhythm: Rhythm,
    control: Arc<Control>,
    tally: Tally,
    answered_at: Instant,
    last_error: Option<io::Error>,
}

impl<P: Protocol> Worker<P> {
    /// Takes over `connections`.
    ///
    /// # Errors
    ///
    /// If they cannot be watched.
    pub(super) fn new(
        mut connections: Vec<Connection<P>>,
        rhythm: Rhythm,
        control: Arc<Control>,
    ) -> Result<Worker<P>> {
        let poll = Poll::new().context("cannot create an epoll")?;
        for (index, connection) in connections.iter_mut().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut connection.stream, Token(index), interest)
                .context("cannot watch a connection")?;
        }
        Ok(Worker {
            poll,
            idle: (0..connections.len()).collect(),
            live_count: connections.len(),
            connections: connections.into_iter().map(Some).collect(),
            rhythm,
            control,
            tally: Tally::new(),
            answered_at: now(),
            last_error: None,
        })
    }

    /// Generates load until it is stopped, the budget is used up or the operations are done.
    ///
    /// # Errors
    ///
    /// If all connections are lost, or no answer comes for too long.
    pub(super) fn run(mut self) -> Result<Tally> {
        let mut events = Events::with_capacity(EVENT_COUNT_MAX);
        self.answered_at = now();
        while self.live_count > 0 && !self.control.is_stopped() {
            self.begin_due();
            match self.poll.poll(&mut events, Some(self.wait())) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => result.context("cannot wait for answers")?,
            }
            for event in &events {
                self.handle(event.token().0, event.is_read_closed());
            }
            if events.is_empty() {
                self.check_timeout()?;
            }
        }
        self.finish()
    }

    fn finish(self) -> Result<Tally> {
        let lost_all = self.tally.lost_connections == self.connections.len() as u64;
        if let (true, Some(error)) = (lost_all, self.last_error) {
            return Err(anyhow::Error::new(error).context("all connections were lost"));
        }
        Ok(self.tally)
    }

    /// Starts batches on idle connections, all of them or as many as are due.
    fn begin_due(&mut self) {
        let moment = now();
        while !self.idle.is_empty() {
            if let Some(pace) = &mut self.rhythm.pace
                && pace.take(moment).is_none()
            {
                return;
            }
            if let Some(index) = self.idle.pop() {
                self.begin(index, moment);
            }
        }
    }

    fn wait(&self) -> Duration {
        match &self.rhythm.pace {
            Some(pace) if !self.idle.is_empty() => pace.wait(now()).min(CHECK_INTERVAL),
            _ => CHECK_INTERVAL,
        }
    }

    fn begin(&mut self, index: usize, due: Instant) {
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        let grant = self.control.take(self.rhythm.pipeline);
        match connection.begin(grant, due) {
            Ok(true) => {}
            Ok(false) => self.close(index),
            Err(error) => self.lose(index, error),
        }
    }

    fn handle(&mut self, index: usize, hung_up: bool) {
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        if connection.is_idle() {
            return self.handle_idle(index, hung_up);
        }
        let moment = now();
        let tally = self.control.is_recording().then_some(&mut self.tally);
        let received = connection
            .flush()
            .and_then(|()| connection.receive(moment, hung_up, tally));
        let progress = match received {
            Ok(progress) => progress,
            Err(error) => return self.lose(index, error),
        };
        let is_done = connection.is_idle();
        if progress.answers > 0 {
            self.control.count_answers(progress.answers);
            self.answered_at = moment;
        }
        if progress.is_closed {
            self.lose(index, io::ErrorKind::ConnectionReset.into());
        } else if is_done {
            self.begin_next(index, moment);
        }
    }

    /// An idle connection expects nothing; anything that comes is its end.
    fn handle_idle(&mut self, index: usize, hung_up: bool) {
        let Some(connection) = &mut self.connections[index] else {
            return;
        };
        match connection.receive(now(), hung_up, None) {
            Ok(progress) if !progress.is_closed => {}
            Ok(_) => self.lose(index, io::ErrorKind::ConnectionReset.into()),
            Err(error) => self.lose(index, error),
        }
    }

    fn begin_next(&mut self, index: usize, moment: Instant) {
        let due = match &mut self.rhythm.pace {
            None => Some(moment),
            Some(pace) if self.idle.is_empty() => pace.take(moment),
            Some(_) => None,
        };
        match due {
            Some(due) => self.begin(index, due),
            None => self.idle.push(index),
        }
    }

    fn lose(&mut self, index: usize, error: io::Error) {
        self.close(index);
        self.tally.lost_connections += 1;
        self.last_error = Some(error);
    }

    fn close(&mut self, index: usize) {
        self.connections[index] = None;
        self.idle.retain(|idle| *idle != index);
        self.live_count -= 1;
    }

    fn check_timeout(&self) -> Result<()> {
        let is_waiting = self
            .connections
            .iter()
            .flatten()
            .any(|connection| !connection.is_idle());
        let quiet = now().saturating_duration_since(self.answered_at);
        if is_waiting && quiet > self.rhythm.timeout {
            bail!("no answer for {} s", self.rhythm.timeout.as_secs());
        }
        Ok(())
    }
}
