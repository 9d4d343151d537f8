//! What can go wrong, each variant because some caller acts differently on it.

use std::{io, path::PathBuf, sync::Arc};

use crate::Lsn;

/// What a visitor of recovered records may return; it stops the recovery.
pub type VisitError = Box<dyn std::error::Error + Send + Sync>;

/// Why a log could not be opened, or did not take or confirm a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalError {
    /// Another process, or another log in this one, has the directory.
    #[error("cannot lock {path}: {holder}")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as `locked by kv-node pid 4121`.
        holder: String,
    },
    /// The operating system refused while the log was being opened.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file or directory, relative to the storage's root.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Bytes that must be whole are not. The log stays closed and untouched.
    #[error("corrupt log: {path} at byte {offset}: {damage}")]
    Corrupt {
        /// The segment, relative to the storage's root.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// Records that the caller still needs are in no segment.
    #[error(
        "records are missing from {path}: the next one needed is {expected}, the log goes on at {found}"
    )]
    Gap {
        /// The directory or the segment after the gap.
        path: PathBuf,
        /// The first record that is needed.
        expected: Lsn,
        /// The first that is there; [`Lsn::ZERO`] if there is none at all.
        found: Lsn,
    },
    /// The visitor of recovered records gave up.
    #[error("record {lsn} could not be applied: {source}")]
    Visit {
        /// The record it was given.
        lsn: Lsn,
        /// Its reason.
        source: VisitError,
    },
    /// The options are out of their bounds.
    #[error("invalid log options: {0}")]
    InvalidOptions(&'static str),
    /// No room for the next segment; nothing was logged. Heals by itself once there is room.
    #[error("no room for the next log segment: {0}")]
    StorageFull(Arc<str>),
    /// More is pending than `pending_bytes_max`; nothing was logged.
    #[error("the log is busy: too many bytes are waiting to be written")]
    Busy,
    /// The record is longer than `record_bytes_max`; nothing was logged.
    #[error("a record of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// The length of the body.
        bytes: usize,
        /// The limit it is over.
        limit: usize,
    },
    /// A write or sync failed earlier: whether the records since the last commit are on disk is
    /// unknown, and nothing more is logged.
    #[error("the log is poisoned: {0}")]
    Poisoned(Arc<str>),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// How the bytes of a segment are wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file's name is not one that the log gives.
    #[error("the file name is not that of a segment")]
    Name,
    /// The first sector is no segment header, or its checksum does not match.
    #[error("the segment header is damaged")]
    SegmentHeader,
    /// The header is whole but was written for another name.
    #[error("the segment header belongs to another file")]
    Misplaced,
    /// The file is shorter or longer than it was made.
    #[error("the file has {found} bytes, expected {expected}")]
    Length {
        /// Bytes there are.
        found: u64,
        /// Bytes the header says.
        expected: u64,
    },
    /// Where a group must be, there is none or its header is broken.
    #[error("a group header is damaged; record {expected} was acknowledged")]
    GroupHeader {
        /// The first record that is lost.
        expected: Lsn,
    },
    /// A group's payload does not match its checksum.
    #[error("payload crc {found:#010x}, expected {expected:#010x}")]
    Payload {
        /// The checksum of the bytes there are.
        found: u32,
        /// The checksum that was written.
        expected: u32,
    },
    /// The payload is what was written, but not a sequence of records.
    #[error("the records of a group do not fill it exactly")]
    Records,
    /// A whole group that holds other records than the ones due here.
    #[error("the group starts at record {found}, expected {expected}")]
    Order {
        /// The record that is due.
        expected: Lsn,
        /// The first record of the group.
        found: Lsn,
    },
}

/// What a caller can do about a [`WalError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Try again in a moment; nothing was logged.
    Busy,
    /// Free some space; nothing was logged.
    StorageFull,
    /// The request or the configuration is wrong.
    Invalid,
    /// The files need an operator.
    Corrupt,
    /// This process cannot go on writing.
    Fatal,
}

impl WalError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            WalError::Busy => ErrorKind::Busy,
            WalError::StorageFull(_) => ErrorKind::StorageFull,
            WalError::TooLarge { .. } | WalError::InvalidOptions(_) => ErrorKind::Invalid,
            WalError::Corrupt { .. } | WalError::Gap { .. } => ErrorKind::Corrupt,
            _ => ErrorKind::Fatal,
        }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> WalError {
        let path = path.into();
        move |source| WalError::Io {
            action,
            path,
            source,
        }
    }
}
