//! The log as the store sees it, and the bytes of the records in it.
//!
//! ```text
//! record of kind COMMAND = now_ms u64 | command (see kv-proto)                little-endian
//! ```
//!
//! 1. A record is one command; so its LSN is the index of the write and the version of the entries
//!    it makes.
//! 2. Kinds and layouts are for ever: a log written today is read by every later version.

use bytes::{Buf, Bytes};
use kv_proto::Command;
use kv_proto::command::CommandError;
use kv_wal::{Health, Lsn, Stats, SyncPolicy, Wal, WalError};

use crate::db::Stamp;

/// Kind of a record that holds a stamped command.
pub const KIND_COMMAND: u8 = 1;

/// What a log has done and holds.
#[derive(Debug, Clone, Default)]
pub struct JournalStats {
    /// Counters since it was opened.
    pub stats: Stats,
    /// The last record taken.
    pub last_lsn: u64,
    /// Files it has.
    pub segment_count: usize,
}

/// Makes numbered records durable, in order. The log of a node is one; tests use another that does
/// everything on the caller's thread.
pub trait Journal: Send + Sync + 'static {
    /// Takes a record, which is committed at some time after the next `flush`.
    ///
    /// # Errors
    /// Nothing was logged.
    fn append(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError>;

    /// Takes a record that must not be refused for want of space, as far as the reserve goes.
    ///
    /// # Errors
    /// Nothing was logged.
    fn append_reserved(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        self.append(kind, parts)
    }

    /// Starts to commit everything appended so far; waits no longer than a quick sync takes.
    fn flush(&self);

    /// Waits until a record is committed.
    ///
    /// # Errors
    /// If it never will be.
    fn wait(&self, lsn: Lsn) -> Result<(), WalError>;

    /// Every record up to this one is committed.
    fn committed_lsn(&self) -> Lsn;

    /// Every record up to this one is on the disk.
    fn durable_lsn(&self) -> Lsn;

    /// Whether a commit takes a sync of the disk, so that it pays to commit much at once.
    fn syncs_each_group(&self) -> bool;

    /// Whether records are taken.
    fn health(&self) -> Health;

    /// Allows the log to drop records up to `through`.
    fn purge(&self, through: Lsn);

    /// What the log has done.
    fn stats(&self) -> JournalStats;

    /// Has `observer` called after each commit and each change of health.
    fn set_observer(&self, observer: Box<dyn Fn() + Send + Sync>);

    /// Commits and syncs everything and takes nothing more.
    ///
    /// # Errors
    /// If that failed.
    fn close(&self) -> Result<(), WalError>;
}

impl Journal for Wal {
    fn append(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        Wal::append(self, kind, 0, parts)
    }

    fn append_reserved(&self, kind: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        Wal::append_reserved(self, kind, 0, parts)
    }

    fn flush(&self) {
        Wal::flush(self);
    }

    fn wait(&self, lsn: Lsn) -> Result<(), WalError> {
        Wal::wait(self, lsn)
    }

    fn committed_lsn(&self) -> Lsn {
        Wal::committed_lsn(self)
    }

    fn durable_lsn(&self) -> Lsn {
        Wal::durable_lsn(self)
    }

    fn syncs_each_group(&self) -> bool {
        Wal::sync_policy(self) == SyncPolicy::Always
    }

    fn health(&self) -> Health {
        Wal::health(self)
    }

    fn purge(&self, through: Lsn) {
        Wal::purge(self, through);
    }

    fn stats(&self) -> JournalStats {
        JournalStats {
            stats: Wal::stats(self),
            last_lsn: Wal::last_lsn(self).0,
            segment_count: Wal::segments(self).len(),
        }
    }

    fn set_observer(&self, observer: Box<dyn Fn() + Send + Sync>) {
        Wal::set_observer(self, observer);
    }

    fn close(&self) -> Result<(), WalError> {
        Wal::close(self)
    }
}

/// Why a record is not a write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Written by a later version of this program.
    #[error("record {index} has the unknown kind {kind}")]
    UnknownKind {
        /// Its number.
        index: u64,
        /// Its kind.
        kind: u8,
    },
    /// The body is not a stamp and a command.
    #[error("record {index} is no command: {source}")]
    BadCommand {
        /// Its number.
        index: u64,
        /// What is wrong.
        source: CommandError,
    },
}

/// The write that a record holds.
///
/// # Errors
/// If it holds none.
pub fn decode_record(
    index: u64,
    kind: u8,
    mut body: Bytes,
) -> Result<(Stamp, Command), RecordError> {
    if kind != KIND_COMMAND {
        return Err(RecordError::UnknownKind { index, kind });
    }
    let bad = |source| RecordError::BadCommand { index, source };
    let now_ms = body
        .try_get_u64_le()
        .map_err(|_| bad(CommandError::Truncated))?;
    let command = Command::decode(body).map_err(bad)?;
    Ok((Stamp { index, now_ms }, command))
}
