//! From committed records to memory and replies.

use std::sync::atomic::Ordering;

use kv_proto::Reply;
use kv_wal::Health;

use super::planted::Bug;
use super::{Batch, Store, admission};
use crate::db::{Stamp, Writer};

impl Store {
    /// Applies every queued batch whose records are committed, in the order of the log, and
    /// completes its ticket. When this returns, all batches that were committed before the call
    /// are done, whoever did them.
    pub fn advance(&self) {
        let mut writer = self.db.writer();
        loop {
            let ready = self.take_committed();
            if ready.is_empty() {
                break;
            }
            let requests = ready.iter().flat_map(|batch| &batch.requests);
            self.db.prepare(requests.map(|request| &request.command));
            for batch in ready {
                let replies = self.apply(&mut writer, &batch);
                self.finish(&batch, replies);
            }
        }
        if matches!(self.journal.health(), Health::Poisoned(_)) {
            self.fail_queued();
        }
    }

    fn take_committed(&self) -> Vec<Batch> {
        let mut intake = self.intake.lock();
        let committed = match self.options.plants(Bug::AckBeforeCommit) {
            true => u64::MAX,
            false => self.journal.committed_lsn().0,
        };
        let ready = intake
            .queue
            .iter()
            .take_while(|batch| batch.last_lsn <= committed)
            .count();
        intake.queue.drain(..ready).collect()
    }

    fn apply(&self, writer: &mut Writer<'_>, batch: &Batch) -> Vec<Reply> {
        let mut index = batch.last_lsn + 1 - batch.record_count;
        let replies = self.answer(batch, |request| {
            let stamp = Stamp {
                index,
                now_ms: batch.now_ms,
            };
            index += 1;
            let command = &batch.requests[request].command;
            match batch.lost.contains(&request) {
                true => writer.apply_without_effect(stamp, command),
                false => writer.apply(stamp, command),
            }
        });
        assert_eq!(index, batch.last_lsn + 1, "a batch's records have no gaps");
        replies
    }

    /// Nobody knows which of these writes are in the log.
    fn fail_queued(&self) {
        let failed = std::mem::take(&mut self.intake.lock().queue);
        for batch in failed {
            let replies = self.answer(&batch, |_| Reply::Error(admission::unconfirmed()));
            self.finish(&batch, replies);
        }
    }

    /// Answers refused requests and reads, and has `write` answer the others.
    fn answer(&self, batch: &Batch, mut write: impl FnMut(usize) -> Reply) -> Vec<Reply> {
        let mut refused = batch.refused.iter().peekable();
        let mut replies = Vec::with_capacity(batch.requests.len());
        for (request, item) in batch.requests.iter().enumerate() {
            replies.push(match refused.next_if(|(at, _)| *at == request) {
                Some((_, error)) => Reply::Error(error.clone()),
                None if item.command.is_write() => write(request),
                None => self.db.read(self.now_ms(), &item.command),
            });
        }
        replies
    }

    fn finish(&self, batch: &Batch, replies: Vec<Reply>) {
        self.queued_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        self.withdraw_attention(batch.attendance);
        batch.ticket.complete(replies);
    }
}
