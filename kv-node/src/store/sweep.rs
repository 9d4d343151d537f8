//! Removal of what is expired: a write like any other, so that every replica and every recovery
//! removes the same.

use kv_proto::{Command, Reply};

use super::Store;

/// Entries removed by one log record; writes that wait behind it wait that much longer.
const SWEEP_ENTRIES_MAX: u64 = 1000;

impl Store {
    /// Removes everything that is expired; how many entries that were.
    pub fn sweep(&self) -> u64 {
        let mut removed = 0;
        while self.is_sweep_due() {
            match self.execute(Command::Sweep {
                limit: SWEEP_ENTRIES_MAX,
            }) {
                Reply::Int(count) if count > 0 => removed += count.unsigned_abs(),
                _ => break,
            }
        }
        removed
    }

    fn is_sweep_due(&self) -> bool {
        self.db
            .next_deadline_ms()
            .is_some_and(|deadline_ms| deadline_ms <= self.now_ms())
    }
}
