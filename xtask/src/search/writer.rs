//! A connection that changes keys of its own, and has each change looked for.

use std::sync::mpsc::{Receiver, SyncSender, channel};

use anyhow::{Context, Result, ensure};

use super::REPLY_MAX;
use super::claim::Claim;
use super::searcher::{Counts, Handover, is_gone};
use super::version::Version;
use crate::random::Random;
use crate::resp::{Command, Connection, command};

/// So many of 100 changes of a key that exists delete it.
const DELETE_PERCENT: usize = 20;

/// Writes to keys of its own.
pub(super) struct Writer {
    slots: Vec<Slot>,
    random: Random,
    acknowledged: u64,
}

/// One key.
struct Slot {
    claim: Claim,
    /// Its number among all keys.
    key: u32,
    /// The number of its last change.
    number: u32,
    /// What it holds if the change that was sent last and not answered was made.
    unanswered: Option<Option<Version>>,
}

impl Writer {
    /// A writer to `key_count` keys, which do not exist yet.
    pub(super) fn new(id: usize, key_count: usize, seed: u64) -> Writer {
        let slots = (0..key_count).map(|at| Slot::new(id, at, id * key_count + at));
        Writer {
            slots: slots.collect(),
            random: Random::new(seed),
            acknowledged: 0,
        }
    }

    /// Writes that were acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Writes and hands over until the connection breaks or nobody searches any more.
    ///
    /// # Errors
    ///
    /// When a reply is not what the write must answer.
    pub(super) fn write_until_gone(
        &mut self,
        addr: &str,
        claims: &SyncSender<Handover>,
    ) -> Result<()> {
        let Ok(mut connection) = Connection::open(addr, REPLY_MAX) else {
            return Ok(());
        };
        let (verdict, verdicts) = channel();
        let mut free: Vec<usize> = (0..self.slots.len()).collect();
        loop {
            let slot = free.swap_remove(self.random.below(free.len()));
            if !self.write(slot, &mut connection)? {
                return Ok(());
            }
            let handover = Handover {
                claim: self.slots[slot].claim.clone(),
                slot,
                verdict: verdict.clone(),
            };
            if claims.send(handover).is_err() {
                return Ok(());
            }
            take_back(&verdicts, &mut free);
        }
    }

    /// Looks for each key; returns how many exist.
    ///
    /// # Errors
    ///
    /// When one is not found, or something is found that is gone.
    pub(super) fn verify(
        &mut self,
        connection: &mut Connection,
        counts: &mut Counts,
    ) -> Result<usize> {
        for slot in &mut self.slots {
            slot.settle(connection, counts)?;
            slot.claim.check(connection, counts)??;
        }
        let exist = self.slots.iter().filter(|slot| slot.claim.now.is_some());
        Ok(exist.count())
    }

    /// Changes a key; false once the connection is broken.
    fn write(&mut self, slot: usize, connection: &mut Connection) -> Result<bool> {
        let deletes = self.random.chance(DELETE_PERCENT);
        let slot = &mut self.slots[slot];
        let (next, change) = slot.change(deletes);
        slot.unanswered = Some(next);
        let reply = match connection.call(&change) {
            Ok(reply) => reply,
            Err(error) if is_gone(&error) => return Ok(false),
            Err(error) => return Err(error).context("writing"),
        };
        let is_right = match next {
            Some(_) => reply.is_status("OK") || reply.integer().is_some(),
            None => reply.integer() == Some(1),
        };
        ensure!(is_right, "{}: {reply:?} for {next:?}", slot.claim.key);
        slot.advance();
        self.acknowledged += 1;
        Ok(true)
    }
}

/// At most as many keys are with searchers as there are searchers, so some are always free.
fn take_back(verdicts: &Receiver<usize>, free: &mut Vec<usize>) {
    free.extend(verdicts.try_iter());
}

impl Slot {
    fn new(writer: usize, at: usize, number: usize) -> Slot {
        let prefix = format!("search:{writer}:");
        Slot {
            claim: Claim {
                key: format!("{prefix}{at}"),
                prefix,
                now: None,
                before: None,
            },
            key: u32::try_from(number).expect("there are not so many keys"),
            number: 0,
            unanswered: None,
        }
    }

    /// What comes next, and the command that brings it.
    fn change(&mut self, deletes: bool) -> (Option<Version>, Command) {
        if deletes && self.claim.now.is_some() {
            return (None, command(&["DEL", &self.claim.key]));
        }
        self.number += 1;
        let next = Version {
            key: self.key,
            number: self.number,
        };
        (Some(next), next.write(&self.claim.key))
    }

    /// The change that was sent was made.
    fn advance(&mut self) {
        if let Some(next) = self.unanswered.take() {
            self.claim.before = self.claim.now;
            self.claim.now = next;
        }
    }

    /// Finds out whether the change that was not answered was made.
    fn settle(&mut self, connection: &mut Connection, counts: &mut Counts) -> Result<()> {
        let Some(next) = self.unanswered else {
            return Ok(());
        };
        let made = Claim {
            now: next,
            before: self.claim.now,
            ..self.claim.clone()
        };
        let not_made = Claim {
            before: next.or(self.claim.before),
            ..self.claim.clone()
        };
        self.unanswered = None;
        self.claim = match made.check(connection, counts)? {
            Ok(()) => made,
            Err(_) => not_made,
        };
        Ok(())
    }
}
