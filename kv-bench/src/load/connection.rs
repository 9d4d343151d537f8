//! One connection of a closed loop: a batch of requests is written together, and the next one
//! follows once all of it is answered.
//!
//! Never waits: sends and receives what the socket takes and gives.

use std::io::{self, Write};
use std::time::Instant;

use mio::net::TcpStream;

use super::control::Grant;
use super::input::{Input, Received};
use super::ledger::Ledger;
use super::tally::Tally;
use crate::protocol::Protocol;
use crate::workload::{KeySpace, Kind, Operation, Operations};

/// Room for framing and error messages beside a value.
const ANSWER_OVERHEAD_BYTES: usize = 64 * 1024;

/// A connection and the operations it is to do.
#[derive(Debug)]
pub(super) struct Connection<P> {
    pub(super) stream: TcpStream,
    protocol: P,
    space: KeySpace,
    operations: Operations,
    ledger: Option<Ledger>,
    output: Vec<u8>,
    sent_bytes: usize,
    input: Input,
    batch: Vec<Operation>,
    answered_count: usize,
    is_counted: bool,
    due: Instant,
}

/// What a readable socket led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Answers that came.
    pub(super) answers: u64,
    /// The server closed the connection.
    pub(super) is_closed: bool,
}

impl<P: Protocol> Connection<P> {
    pub(super) fn new(
        stream: TcpStream,
        protocol: P,
        space: KeySpace,
        operations: Operations,
        verify: bool,
        now: Instant,
    ) -> Connection<P> {
        Connection {
            stream,
            protocol,
            operations,
            ledger: verify.then(Ledger::default),
            output: Vec::new(),
            sent_bytes: 0,
            input: Input::new(space.value_bytes() + ANSWER_OVERHEAD_BYTES),
            space,
            batch: Vec::new(),
            answered_count: 0,
            is_counted: false,
            due: now,
        }
    }

    /// Whether every request sent is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.answered_count == self.batch.len()
    }

    /// Writes the operations granted, whose latency counts from `due`; false if there are none
    /// left.
    pub(super) fn begin(&mut self, grant: Grant, due: Instant) -> io::Result<bool> {
        assert!(self.is_idle(), "a batch begins before the last one ended");
        self.batch.clear();
        self.answered_count = 0;
        self.output.clear();
        self.sent_bytes = 0;
        self.is_counted = grant.is_counted;
        self.due = due;
        for _ in 0..grant.count {
            let Some(operation) = self.operations.next() else {
                break;
            };
            self.protocol
                .encode(&self.space, &operation, &mut self.output);
            self.batch.push(operation);
        }
        self.flush()?;
        Ok(!self.batch.is_empty())
    }

    /// Writes what is left of the batch, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.sent_bytes < self.output.len() {
            match self.stream.write(&self.output[self.sent_bytes..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent_bytes += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads and counts the answers that came by `now`; those go to `tally` if there is one.
    /// If the server `hung_up`, its end is behind them and no later event will say so.
    ///
    /// # Errors
    ///
    /// If the connection failed, or the bytes are no answers.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        hung_up: bool,
        tally: Option<&mut Tally>,
    ) -> io::Result<Progress> {
        let mut tally = tally.filter(|_| self.is_counted);
        let mut progress = Progress::default();
        loop {
            let received = self.input.receive(&mut self.stream)?;
            progress.answers += self.decode(now, tally.as_deref_mut())?;
            match received {
                Received::More => {}
                Received::All if hung_up => {}
                Received::All | Received::Nothing => return Ok(progress),
                Received::End => {
                    progress.is_closed = true;
                    return Ok(progress);
                }
            }
        }
    }

    fn decode(&mut self, now: Instant, mut tally: Option<&mut Tally>) -> io::Result<u64> {
        let (mut reads, mut writes) = (0, 0);
        while !self.is_idle() {
            let decoded = self
                .protocol
                .decode(self.input.waiting())
                .map_err(invalid)?;
            let Some((answer, used)) = decoded else {
                break;
            };
            let operation = self.batch[self.answered_count];
            let ledger = self.ledger.as_mut();
            let agrees =
                ledger.is_none_or(|ledger| ledger.agrees(&self.space, &operation, &answer));
            if let Some(tally) = tally.as_deref_mut() {
                tally.count_oddities(&answer, agrees);
            }
            match operation.kind {
                Kind::Read => reads += 1,
                Kind::Write => writes += 1,
            }
            self.input.consume(used);
            self.answered_count += 1;
        }
        if self.is_idle() && !self.input.waiting().is_empty() {
            return Err(invalid("more answers than requests"));
        }
        if let Some(tally) = tally {
            let latency = now.saturating_duration_since(self.due);
            tally.count(Kind::Read, latency, reads);
            tally.count(Kind::Write, latency, writes);
        }
        Ok(reads + writes)
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
