//! Requests and answers of one connection, without the socket.
//!
//! ```text
//! submit → backlog → encode → outgoing → (socket)      (socket) → receive → answers
//!                       └──────────── pending ────────────────────┘
//! ```
//!
//! 1. Each question is answered exactly once.
//! 2. It is answered `NotSent` only if not all bytes of its frame were taken by the socket: a
//!    server cannot execute a frame it does not have whole.
//! 3. At most [`OUTGOING_BYTES_MAX`] are encoded ahead of the socket, and one frame more.
//! 4. A question nobody waits for any more is not sent.

use std::collections::{HashMap, VecDeque};

use bytes::{Buf, BytesMut};

use tokio::sync::oneshot;

use super::{Outcome, Question, Submission};
use crate::error::Error;
use crate::retry::Failure;
use crate::wire::{Frames, WireError};

pub(super) const OUTGOING_BYTES_MAX: usize = 256 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Mux {
    frames: Frames,
    backlog: VecDeque<Question>,
    pending: HashMap<u64, Pending>,
    outgoing: BytesMut,
    encoded_bytes: u64,
    next_id: u64,
    answered_count: usize,
}

#[derive(Debug)]
struct Pending {
    answer: oneshot::Sender<Outcome>,
    /// How many bytes the connection has sent once this frame is out.
    frame_end: u64,
}

impl Mux {
    pub(super) fn new(frames: Frames) -> Mux {
        Mux {
            frames,
            ..Mux::default()
        }
    }

    /// Takes questions over.
    pub(super) fn submit(&mut self, submission: Submission) {
        match submission {
            Submission::One(question) => self.backlog.push_back(question),
            Submission::Many(questions) => self.backlog.extend(questions),
        }
        self.encode();
    }

    /// Bytes for the socket.
    pub(super) fn outgoing(&self) -> &[u8] {
        &self.outgoing
    }

    /// The socket took that many of [`Mux::outgoing`].
    pub(super) fn wrote(&mut self, count: usize) {
        self.outgoing.advance(count);
        if self.outgoing.is_empty() && self.outgoing.capacity() > 4 * OUTGOING_BYTES_MAX {
            self.outgoing = BytesMut::new();
        }
        self.encode();
    }

    /// Whether no more questions should be taken for now.
    pub(super) fn is_full(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.pending.is_empty()
    }

    /// How many questions were answered since this was last asked.
    pub(super) fn take_answered_count(&mut self) -> usize {
        std::mem::take(&mut self.answered_count)
    }

    /// Gives every whole answer in `incoming` to its call.
    ///
    /// # Errors
    /// If the bytes are not answers to what was asked.
    pub(super) fn receive(&mut self, incoming: &mut BytesMut) -> Result<(), WireError> {
        while let Some((id, reply)) = self.frames.decode(incoming)? {
            let Some(pending) = self.pending.remove(&id) else {
                return Err(WireError::Unasked(id));
            };
            self.answer(pending.answer, Ok(reply));
        }
        Ok(())
    }

    /// The connection is gone: answers everything that is left.
    pub(super) fn fail(&mut self, error: &Error) {
        let written_bytes = self.encoded_bytes - self.outgoing.len() as u64;
        for (_, pending) in std::mem::take(&mut self.pending) {
            let failure = match pending.frame_end <= written_bytes {
                true => Failure::Unanswered(error.clone()),
                false => Failure::NotSent(error.clone()),
            };
            self.answer(pending.answer, Err(failure));
        }
        for question in std::mem::take(&mut self.backlog) {
            self.answer(question.answer, Err(Failure::NotSent(error.clone())));
        }
    }

    fn encode(&mut self) {
        while self.outgoing.len() < OUTGOING_BYTES_MAX {
            match self.backlog.pop_front() {
                Some(question) => self.encode_one(question),
                None => return,
            }
        }
    }

    fn encode_one(&mut self, question: Question) {
        if question.answer.is_closed() {
            self.answered_count += 1;
            return;
        }
        let before = self.outgoing.len();
        let (id, answer) = (self.next_id, question.answer);
        if let Err(error) = self.frames.encode(id, question.call, &mut self.outgoing) {
            let error = Error::Invalid(error.to_string());
            return self.answer(answer, Err(Failure::Final(error)));
        }
        self.encoded_bytes += (self.outgoing.len() - before) as u64;
        let frame_end = self.encoded_bytes;
        self.pending.insert(id, Pending { answer, frame_end });
        self.next_id += 1;
    }

    fn answer(&mut self, answer: oneshot::Sender<Outcome>, outcome: Outcome) {
        self.answered_count += 1;
        // Whoever asked may have stopped waiting.
        let _ = answer.send(outcome);
    }
}

#[cfg(test)]
mod tests;
