//! One shard of the indexes: the changes that wait, and what they are applied to.
//!
//! ```text
//! writers ── add ──► buffer ── take ──► prepare (no lock) ──► apply (state locked) ──► state
//!                                 └──────── one at a time: `turn` ────────┘
//! ```
//!
//! 1. Changes are taken and applied in one turn: whoever has the turn next finds everything applied
//!    that was taken before.
//! 2. Locks are taken in the order turn, state, buffer, and of several shards in the order of their
//!    numbers.

use std::time::Duration;

use foldhash::fast::RandomState;
use kv_proto::Entry;
use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard};

use crate::buffer::{Buffer, CHANGES_MAX, Change};

mod exchange;
mod prepared;
mod state;

pub(crate) use prepared::Maker;
pub(crate) use state::State;

/// Changes applied between two moments at which searches get at the state.
const CHUNK: usize = 256;

/// How long changes wait for others to be drained with, when nobody searches.
const LINGER: Duration = Duration::from_millis(5);

/// Changes that are reason enough to drain.
const ENOUGH: usize = CHANGES_MAX / 8;

pub(crate) struct Shard {
    buffer: Mutex<Buffer>,
    /// Signalled when the buffer gets its first change, and when it has enough.
    arrived: Condvar,
    turn: Mutex<()>,
    state: RwLock<State>,
}

impl Shard {
    pub(crate) fn new(state: State) -> Shard {
        Shard {
            buffer: Mutex::default(),
            arrived: Condvar::new(),
            turn: Mutex::default(),
            state: RwLock::new(state),
        }
    }

    /// Takes note of a change to a key with the hash `hash`. If too many wait, applies them.
    pub(crate) fn add(&self, hash: u64, change: Change, hasher: &RandomState, maker: &Maker) {
        let mut buffer = self.buffer.lock();
        let was_empty = buffer.add(hash, change, hasher);
        let (count, is_full) = (buffer.len(), buffer.is_full());
        drop(buffer);
        if was_empty || count == ENOUGH {
            self.arrived.notify_one();
        }
        if is_full {
            self.drain(maker);
        }
    }

    /// How many changes wait.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.lock().len()
    }

    /// Applies everything that waits.
    pub(crate) fn drain(&self, maker: &Maker) {
        let _turn = self.turn.lock();
        self.drain_in_turn(maker);
    }

    fn drain_in_turn(&self, maker: &Maker) {
        let mut changes = self.buffer.lock().take().into_iter();
        while changes.len() > 0 {
            self.apply(changes.by_ref().take(CHUNK), maker);
        }
    }

    /// For who has the turn, so that the embedders stay the same.
    fn apply(&self, changes: impl Iterator<Item = Change>, maker: &Maker) {
        let embedders = self.state.read().embedders();
        let prepared: Vec<_> = changes
            .map(|change| maker.prepare(change, &embedders))
            .collect();
        let mut state = self.state.write();
        for change in prepared {
            state.apply(change, maker);
        }
        state.compact_if_due();
    }

    /// The state with every change in it that was added before the call.
    pub(crate) fn fresh(&self, maker: &Maker, skips_barrier: bool) -> RwLockReadGuard<'_, State> {
        if skips_barrier {
            return self.state.read();
        }
        let _turn = self.turn.lock();
        self.drain_in_turn(maker);
        self.state.read()
    }

    /// The state as it is.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    /// Adds entries that `copy` reads from the map, in one turn: a change made after it was read
    /// comes after it. Whether there were any.
    pub(crate) fn load(&self, copy: &mut dyn FnMut() -> Option<Vec<Entry>>, maker: &Maker) -> bool {
        let _turn = self.turn.lock();
        self.drain_in_turn(maker);
        let Some(entries) = copy() else {
            return false;
        };
        self.apply(entries.into_iter().map(Change::Put), maker);
        true
    }

    /// Forgets everything, what waits included.
    pub(crate) fn clear(&self, maker: &Maker) {
        let _turn = self.turn.lock();
        let mut state = self.state.write();
        drop(self.buffer.lock().take());
        state.clear(maker);
    }

    /// Waits until there are changes, and a little longer for more; at most for `time`.
    pub(crate) fn wait(&self, time: Duration) {
        let mut buffer = self.buffer.lock();
        if buffer.is_empty() {
            self.arrived.wait_for(&mut buffer, time);
        }
        if !buffer.is_empty() && buffer.len() < ENOUGH {
            self.arrived.wait_for(&mut buffer, LINGER);
        }
    }
}
