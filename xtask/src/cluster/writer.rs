//! A client in the background that writes all the time, and looks for what it was told is stored.
//!
//! It has a few slots, keys of its own. Each write to a slot is a higher number, so a slot must
//! never hold a lower one than was last acknowledged; nor a higher one than was last sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::now;
use crate::random::Random;
use crate::resp::{Connection, command};

/// Keys.
const SLOT_COUNT: usize = 64;

/// How long an answer may take before another node is asked.
const REPLY_MAX: Duration = Duration::from_secs(2);

/// Between two writes: it should be seen, not felt.
const PAUSE: Duration = Duration::from_millis(5);

/// A slot is read back after so many writes.
const CHECK_EVERY: u64 = 4;

/// What it did so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: AtomicU64,
    pub(super) unanswered: AtomicU64,
    pub(super) checked: AtomicU64,
    pub(super) lost: AtomicU64,
    /// Longest time between two acknowledged writes.
    pub(super) gap_ms_max: AtomicU64,
    /// What was lost first.
    pub(super) first_loss: Mutex<Option<String>>,
}

/// Writes until it is dropped.
pub(super) struct Writer {
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Writes to whichever of `addrs` answers.
    pub(super) fn start(addrs: Vec<String>) -> Writer {
        let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
        let work = Work {
            addrs,
            at: 0,
            connection: None,
            slots: vec![Slot::default(); SLOT_COUNT],
            random: Random::new(Random::fresh_seed()),
            tally: tally.clone(),
        };
        let stopped = stop.clone();
        Writer {
            tally,
            stop,
            thread: Some(thread::spawn(move || work.run(&stopped))),
        }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has been reported.
            let _ = thread.join();
        }
    }
}

impl Tally {
    /// In one line.
    pub(super) fn line(&self) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let first = self.first_loss().map(|loss| format!(" ({loss})"));
        let first = first.unwrap_or_default();
        format!(
            "writer: {} acknowledged, {} checked, {} lost{first}; {} unanswered, longest gap {} ms",
            count(&self.acknowledged),
            count(&self.checked),
            count(&self.lost),
            count(&self.unanswered),
            count(&self.gap_ms_max),
        )
    }

    /// What was lost first, if anything was.
    pub(super) fn first_loss(&self) -> Option<String> {
        self.loss().clone()
    }

    fn lose(&self, what: String) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.loss().get_or_insert(what);
    }

    fn loss(&self) -> MutexGuard<'_, Option<String>> {
        let first = self.first_loss.lock();
        first.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers of one key; 0: nothing is known of it yet.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    acknowledged: u64,
    sent: u64,
}

struct Work {
    addrs: Vec<String>,
    /// Which of them is asked.
    at: usize,
    connection: Option<Connection>,
    slots: Vec<Slot>,
    random: Random,
    tally: Arc<Tally>,
}

impl Work {
    fn run(mut self, stopped: &AtomicBool) {
        let mut last_acknowledged = now();
        let mut count = 0;
        while !stopped.load(Ordering::Relaxed) {
            let slot = self.random.below(SLOT_COUNT);
            if self.write(slot) {
                let gap = last_acknowledged.elapsed().as_millis();
                let gap = u64::try_from(gap).unwrap_or(u64::MAX);
                self.tally.gap_ms_max.fetch_max(gap, Ordering::Relaxed);
                self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                last_acknowledged = now();
            }
            count += 1;
            if count % CHECK_EVERY == 0 {
                let slot = self.random.below(SLOT_COUNT);
                self.check(slot);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether it was acknowledged.
    fn write(&mut self, slot: usize) -> bool {
        // What an earlier run left may be higher than anything we know of.
        if self.slots[slot].sent == 0 && !self.learn(slot) {
            return false;
        }
        self.slots[slot].sent += 1;
        let sent = self.slots[slot].sent;
        let reply = self.ask(&["SET", &key(slot), &sent.to_string()]);
        let is_acknowledged = reply.as_ref().is_some_and(|reply| reply.is_status("OK"));
        if is_acknowledged {
            self.slots[slot].acknowledged = sent;
        } else if reply.is_none() {
            self.tally.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        is_acknowledged
    }

    fn learn(&mut self, slot: usize) -> bool {
        let Some(found) = self.read(slot) else {
            return false;
        };
        self.slots[slot] = Slot {
            acknowledged: found,
            sent: found.max(1),
        };
        true
    }

    fn check(&mut self, slot: usize) {
        let Slot { acknowledged, sent } = self.slots[slot];
        if sent == 0 {
            return;
        }
        let Some(found) = self.read(slot) else {
            return;
        };
        self.tally.checked.fetch_add(1, Ordering::Relaxed);
        if found < acknowledged || found > sent {
            let key = key(slot);
            self.tally.lose(format!(
                "{key} holds {found}, though {acknowledged} is acknowledged and {sent} was sent"
            ));
        }
    }

    /// What a slot holds; 0 is nothing. `None` if nobody tells.
    fn read(&mut self, slot: usize) -> Option<u64> {
        let reply = self.ask(&["GET", &key(slot)])?;
        match (reply.bytes(), reply.error()) {
            (Some(bytes), _) => str::from_utf8(bytes).ok()?.parse().ok(),
            (None, None) => Some(0),
            (None, Some(_)) => None,
        }
    }

    /// A reply, if there is one; a node that gives none or refuses is not asked again next time.
    fn ask(&mut self, words: &[&str]) -> Option<crate::resp::Reply> {
        let addr = &self.addrs[self.at];
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match Connection::open(addr, REPLY_MAX) {
                Ok(connection) => connection,
                Err(_) => {
                    self.at = (self.at + 1) % self.addrs.len();
                    return None;
                }
            },
        };
        let reply = connection.call(&command(words)).ok();
        match &reply {
            Some(reply) if reply.error().is_none() => self.connection = Some(connection),
            _ => self.at = (self.at + 1) % self.addrs.len(),
        }
        reply
    }
}

fn key(slot: usize) -> String {
    format!("xtask:writer:{slot}")
}
