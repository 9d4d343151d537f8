//! From requests to log records and a queued batch.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::Ordering;

use kv_proto::command::Set;
use kv_proto::{Command, Reply, Request};
use kv_wal::{Lsn, WalError};

use super::admission::{self, Admission};
use super::planted::Bug;
use super::{Attendance, Batch, Intake, KIND_COMMAND, Refused, Store, Submitted, Ticket};

thread_local! {
    /// Commands are encoded here before the queue is locked.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Scratch space beyond this is given back, so one huge value does not pin memory for good.
const SCRATCH_BYTES_KEPT: usize = 1 << 20;

/// A request that passed the checks: its place in the batch, and its bytes in the scratch space.
struct Encoded {
    request: usize,
    bytes: Range<usize>,
}

impl Store {
    /// Appends the writes among `requests` to the log and queues the batch, or answers it if there
    /// is nothing to log. The caller flushes.
    pub fn submit(&self, mut requests: Vec<Request>, attendance: Attendance) -> Submitted {
        if !requests.iter().any(|request| request.command.is_write()) {
            return Submitted::Done(self.read_all(&requests));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let now_ms = self.now_ms();
            let mut refused = Vec::new();
            let encoded = self.encode(&mut requests, now_ms, scratch, &mut refused);
            let submitted = self.log(requests, now_ms, &encoded, scratch, refused, attendance);
            scratch.clear();
            if scratch.capacity() > SCRATCH_BYTES_KEPT {
                *scratch = Vec::new();
            }
            submitted
        })
    }

    fn encode(
        &self,
        requests: &mut [Request],
        now_ms: u64,
        scratch: &mut Vec<u8>,
        refused: &mut Vec<Refused>,
    ) -> Vec<Encoded> {
        let admission = Admission {
            learns: self.options.indexes.learns,
            limits: &self.options.limits,
            db: &self.db,
            queued_bytes: self.queued_bytes.load(Ordering::Relaxed),
            now_ms,
        };
        let mut encoded = Vec::with_capacity(requests.len());
        for (request, item) in requests.iter_mut().enumerate() {
            if !item.command.is_write() {
                continue;
            }
            match admission.check(item) {
                Ok(()) => {
                    let start = scratch.len();
                    item.command.stamp(now_ms);
                    item.command.encode(scratch);
                    let bytes = start..scratch.len();
                    encoded.push(Encoded { request, bytes });
                }
                Err(error) => refused.push((request, error)),
            }
        }
        encoded
    }

    fn log(
        &self,
        requests: Vec<Request>,
        now_ms: u64,
        encoded: &[Encoded],
        scratch: &[u8],
        mut refused: Vec<Refused>,
        attendance: Attendance,
    ) -> Submitted {
        let intake = &mut *self.intake.lock();
        self.expect_attention(attendance);
        intake.last_stamp_ms = intake.last_stamp_ms.max(now_ms);
        let stamp = intake.last_stamp_ms.to_le_bytes();
        let (mut last_lsn, mut record_count, mut lost) = (None, 0, Vec::new());
        for Encoded { request, bytes } in encoded {
            let body = &scratch[bytes.clone()];
            match self.append(&requests[*request].command, &stamp, body) {
                Ok(lsn) => {
                    last_lsn = Some(lsn.0);
                    record_count += 1;
                    if intake.loses(requests[*request].fault) {
                        lost.push(*request);
                    }
                }
                Err(error) => refused.push((*request, admission::not_logged(&error))),
            }
        }
        refused.sort_unstable_by_key(|(request, _)| *request);
        let Some(last_lsn) = last_lsn else {
            self.withdraw_attention(attendance);
            return Submitted::Done(self.answer_unlogged(&requests, &refused));
        };
        let ticket = Ticket::new(last_lsn);
        let bytes = scratch.len() as u64;
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        intake.queue.push_back(Batch {
            requests,
            last_lsn,
            record_count,
            now_ms: intake.last_stamp_ms,
            bytes,
            refused,
            lost,
            attendance,
            ticket: ticket.clone(),
        });
        Submitted::Queued(ticket)
    }

    fn append(&self, command: &Command, stamp: &[u8], body: &[u8]) -> Result<Lsn, WalError> {
        if self.options.plants(Bug::TornBatch)
            && let Command::MSet { pairs, .. } = command
        {
            for (key, value) in pairs {
                let mut body = Vec::new();
                Command::Set(Set::new(key.clone(), value.clone())).encode(&mut body);
                self.journal.append(KIND_COMMAND, &[stamp, &body])?;
                self.journal.flush();
            }
        }
        self.journal.append(KIND_COMMAND, &[stamp, body])
    }

    /// Before the first append: the log may commit, and look whether anybody waits, at any moment.
    fn expect_attention(&self, attendance: Attendance) {
        if attendance == Attendance::Log {
            self.unattended.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn withdraw_attention(&self, attendance: Attendance) {
        if attendance == Attendance::Log {
            self.unattended.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn read_all(&self, requests: &[Request]) -> Vec<Reply> {
        let now_ms = self.now_ms();
        let replies = requests
            .iter()
            .map(|request| self.db.read(now_ms, &request.command));
        replies.collect()
    }

    /// Every write among them was refused.
    fn answer_unlogged(&self, requests: &[Request], refused: &[Refused]) -> Vec<Reply> {
        let mut refused = refused.iter();
        let replies = requests
            .iter()
            .map(|request| match request.command.is_write() {
                true => match refused.next() {
                    Some((_, error)) => Reply::Error(error.clone()),
                    None => unreachable!("a write is either logged or refused"),
                },
                false => self.db.read(self.now_ms(), &request.command),
            });
        replies.collect()
    }
}

impl Intake {
    /// Throws the dice of debug mode.
    fn loses(&mut self, chance: Option<f64>) -> bool {
        let Some(chance) = chance else {
            return false;
        };
        self.fault_state = self
            .fault_state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(1);
        let uniform = (self.fault_state >> 40) as f64 / (1u64 << 24) as f64;
        uniform < chance
    }
}
