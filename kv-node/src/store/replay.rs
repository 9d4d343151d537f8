//! Replays the log on two threads: one reads, checks and decodes records, the other applies them.
//!
//! 1. Records are applied in the order of the log, all of them before the replay ends.
//! 2. What waits between the threads is bounded in records and in bytes.

use std::sync::mpsc::{SyncSender, sync_channel};

use bytes::Bytes;
use kv_proto::Command;
use kv_wal::{Lsn, RecordRef};

use super::{RecordError, decode_record};
use crate::db::{Db, Stamp};

/// Records that go from one thread to the other at once; fewer if they are large.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 1 << 20;

/// Batches that may wait.
const BATCHES_MAX: usize = 8;

/// Writes whose entries are fetched into the processor's cache before they are applied.
const PREPARED_COUNT: usize = 64;

type Write = (Stamp, Command);

/// Takes records as the log reads them.
pub(super) struct Replay {
    batches: SyncSender<Vec<Write>>,
    batch: Vec<Write>,
    batch_bytes: usize,
    /// Of all records.
    pub(super) bytes: u64,
}

/// Calls `read` with what takes the records; what it returns, once all of them are applied, and how
/// many bytes they had.
pub(super) fn replay<T>(db: &Db, read: impl FnOnce(&mut Replay) -> T) -> (T, u64) {
    std::thread::scope(|threads| {
        let (batches, arriving) = sync_channel::<Vec<Write>>(BATCHES_MAX);
        let applier = threads.spawn(move || {
            let mut writer = db.writer();
            for batch in arriving {
                for writes in batch.chunks(PREPARED_COUNT) {
                    db.prepare(writes.iter().map(|(_, command)| command));
                    for (stamp, command) in writes {
                        writer.apply(*stamp, command);
                    }
                }
            }
        });
        let mut replay = Replay {
            batches,
            batch: Vec::new(),
            batch_bytes: 0,
            bytes: 0,
        };
        let result = read(&mut replay);
        replay.hand_over();
        let bytes = replay.bytes;
        drop(replay);
        if let Err(panic) = applier.join() {
            std::panic::resume_unwind(panic);
        }
        (result, bytes)
    })
}

impl Replay {
    /// Takes the next record.
    ///
    /// # Errors
    /// If it holds no write.
    pub(super) fn take(&mut self, lsn: Lsn, record: &RecordRef<'_>) -> Result<(), RecordError> {
        let body = Bytes::copy_from_slice(record.body);
        self.bytes += body.len() as u64;
        self.batch_bytes += body.len();
        self.batch.push(decode_record(lsn.0, record.kind, body)?);
        if self.batch.len() >= BATCH_RECORDS || self.batch_bytes >= BATCH_BYTES {
            self.hand_over();
        }
        Ok(())
    }

    /// If the other thread is gone it panicked, which shows when it is joined.
    fn hand_over(&mut self) {
        self.batch_bytes = 0;
        let _ = self.batches.send(std::mem::take(&mut self.batch));
    }
}
