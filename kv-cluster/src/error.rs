//! Why a member cannot be opened.

use kv_node::snapshot::SnapshotError;
use kv_wal::WalError;

/// Why a member cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A setting is out of its bounds.
    #[error("{0}")]
    Settings(&'static str),
    /// The directory cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Dir {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file, relative to the data directory.
        path: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error("{0}")]
    Locked(String),
    /// The directory was made for another node or another cluster, or by another kind of server.
    #[error("{0}")]
    Foreign(String),
    /// A file is damaged, or holds what cannot be.
    #[error("{path} is damaged: {problem}")]
    Corrupt {
        /// Which.
        path: &'static str,
        /// How.
        problem: String,
    },
    /// No snapshot can be used, and the log does not reach back to before them.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] WalError),
}
