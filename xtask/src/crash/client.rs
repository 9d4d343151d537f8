//! A connection that writes until the node is gone, and remembers.

use anyhow::{Context, Result};

use super::REPLY_MAX;
use super::slot::{Kind, Slot};
use crate::random::Random;
use crate::resp::{Command, Connection};

/// Slots of each kind.
const SLOTS: &[(Kind, usize)] = &[
    (Kind::Set, 8),
    (Kind::SetDel, 4),
    (Kind::Incr, 4),
    (Kind::Mset, 4),
    (Kind::Exec, 4),
];

/// Writes to slots of its own.
pub(super) struct Client {
    slots: Vec<Slot>,
    pipeline_max: usize,
    random: Random,
}

impl Client {
    /// A client that sends at most `pipeline_max` writes before it waits.
    pub(super) fn new(id: usize, pipeline_max: usize, seed: u64) -> Client {
        let named = |kind, at| Slot::new(kind, &format!("client:{id}:{at}"));
        let slots = SLOTS
            .iter()
            .flat_map(|(kind, count)| (0..*count).map(|at| named(*kind, at)))
            .collect();
        Client {
            slots,
            pipeline_max,
            random: Random::new(seed),
        }
    }

    /// Writes until the connection breaks.
    ///
    /// # Errors
    ///
    /// When a reply is not what the write must answer.
    pub(super) fn write_until_gone(&mut self, addr: &str) -> Result<()> {
        let Ok(mut connection) = Connection::open(addr, REPLY_MAX) else {
            return Ok(());
        };
        while self.write_batch(&mut connection)? {}
        Ok(())
    }

    /// Writes acknowledged, and sent without an answer.
    pub(super) fn counts(&self) -> (usize, usize) {
        let counts = self.slots.iter().map(Slot::counts);
        counts.fold((0, 0), |sum, slot| (sum.0 + slot.0, sum.1 + slot.1))
    }

    /// Reads every slot back; returns how many keys exist.
    ///
    /// # Errors
    ///
    /// When a slot holds what it may not.
    pub(super) fn verify(&mut self, connection: &mut Connection) -> Result<usize> {
        let reads: Vec<Command> = self.slots.iter().map(Slot::read).collect();
        connection.send(&reads)?;
        let mut key_count = 0;
        for slot in &mut self.slots {
            key_count += slot.verify(&connection.receive().context("reading back")?)?;
        }
        Ok(key_count)
    }

    /// Sends a batch and takes its replies; false once the connection is broken.
    fn write_batch(&mut self, connection: &mut Connection) -> Result<bool> {
        let mut commands = Vec::new();
        let mut writes = Vec::new();
        for _ in 0..=self.random.below(self.pipeline_max) {
            let slot = self.random.below(self.slots.len());
            let write = self.slots[slot].next();
            writes.push((slot, write.len()));
            commands.extend(write);
        }
        // Even if the node is gone by now, it may have answered some of them.
        let sent = connection.send(&commands).is_ok();
        for (slot, reply_count) in writes {
            let replies: std::io::Result<Vec<_>> =
                (0..reply_count).map(|_| connection.receive()).collect();
            match replies {
                Ok(replies) => self.slots[slot].acknowledge(&replies)?,
                Err(_) => return Ok(false),
            }
        }
        Ok(sent)
    }
}
