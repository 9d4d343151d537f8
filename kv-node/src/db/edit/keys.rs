//! Commands about whole keys: DEL, GETDEL, RENAME, COPY, FLUSHALL.

use kv_proto::command::Key;
use kv_proto::{ErrorCode, ErrorReply, Reply};

use super::{Edit, Slot};
use crate::db::keyspace::SHARD_COUNT;

impl Edit<'_> {
    pub(super) fn del(&mut self, keys: &[Key]) -> Reply {
        let removed = keys.iter().filter(|key| self.del_one(key)).count();
        Reply::count(removed)
    }

    fn del_one(&mut self, key: &[u8]) -> bool {
        let slot = self.slot(key);
        let present = slot.entry.is_some();
        if present {
            self.remove(&slot);
        }
        present
    }

    pub(super) fn get_del(&mut self, key: &[u8]) -> Reply {
        let slot = self.slot(key);
        if slot.entry.is_some() {
            self.remove(&slot);
        }
        slot.entry.map_or(Reply::Nil, Reply::Entry)
    }

    pub(super) fn rename(
        &mut self,
        from: &[u8],
        to: &[u8],
        only_if_absent: bool,
    ) -> Result<Reply, ErrorReply> {
        let (from, to) = (self.slot(from), self.slot(to));
        if from.entry.is_none() {
            return Err(ErrorReply::new(ErrorCode::Err, "no such key"));
        }
        if only_if_absent && to.entry.is_some() {
            return Ok(Reply::Int(0));
        }
        if from.key != to.key {
            self.copy_entry(&from, &to);
            self.remove(&from);
        }
        Ok(match only_if_absent {
            true => Reply::Int(1),
            false => Reply::Ok,
        })
    }

    pub(super) fn copy(
        &mut self,
        from: &[u8],
        to: &[u8],
        replace: bool,
    ) -> Result<Reply, ErrorReply> {
        if from == to {
            return Err(ErrorReply::new(
                ErrorCode::Err,
                "source and destination objects are the same",
            ));
        }
        let (from, to) = (self.slot(from), self.slot(to));
        if from.entry.is_none() || (to.entry.is_some() && !replace) {
            return Ok(Reply::Int(0));
        }
        self.copy_entry(&from, &to);
        Ok(Reply::Int(1))
    }

    fn copy_entry(&mut self, from: &Slot<'_>, to: &Slot<'_>) {
        if let Some(entry) = &from.entry {
            self.store(to, entry, entry.expires_at_ms());
        }
    }

    pub(super) fn flush(&mut self) -> Reply {
        if self.without_effect {
            return Reply::Ok;
        }
        for shard in 0..SHARD_COUNT {
            self.preserve(shard);
            self.db.keyspace.clear_shard(shard);
        }
        self.db.indexes.clear();
        self.state.deadlines.clear();
        self.db.publish_deadlines(&self.state.deadlines);
        Reply::Ok
    }
}
