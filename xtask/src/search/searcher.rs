//! A connection that looks for what was just acknowledged.

use std::fmt;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};

use anyhow::{Context, Result};

use super::REPLY_MAX;
use super::claim::Claim;
use super::version::Kind;
use crate::resp::Connection;

/// A claim, and whom to tell that it holds.
pub(super) struct Handover {
    pub(super) claim: Claim,
    /// Which of its keys the writer gave.
    pub(super) slot: usize,
    pub(super) verdict: Sender<usize>,
}

/// Searches, by kind.
#[derive(Debug, Default)]
pub(super) struct Counts([u64; 4]);

impl Counts {
    pub(super) fn count(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    pub(super) fn add(&mut self, other: &Counts) {
        for (count, other) in self.0.iter_mut().zip(other.0) {
            *count += other;
        }
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [word, value, field, meaning] = self.0;
        write!(
            f,
            "{word} by word, {value} by value, {field} by field, {meaning} by meaning"
        )
    }
}

/// Checks claims until the connection breaks or nobody writes any more.
///
/// # Errors
///
/// When one does not hold.
pub(super) fn search_until_gone(addr: &str, claims: &Mutex<Receiver<Handover>>) -> Result<Counts> {
    let mut counts = Counts::default();
    let Ok(mut connection) = Connection::open(addr, REPLY_MAX) else {
        return Ok(counts);
    };
    loop {
        let taken = claims.lock().expect("nobody panics with it").recv();
        let Ok(handover) = taken else {
            return Ok(counts);
        };
        match handover.claim.check(&mut connection, &mut counts) {
            Ok(verdict) => verdict?,
            Err(error) if is_gone(&error) => return Ok(counts),
            Err(error) => return Err(error).context("searching"),
        }
        // The writer may have lost its connection.
        let _ = handover.verdict.send(handover.slot);
    }
}

/// Whether the node is gone, rather than silent or talking nonsense.
pub(super) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}
