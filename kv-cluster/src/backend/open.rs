//! Opens a node: takes the address for its peers, loads its data.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kv_node::peer::{PeerError, PeerListener, PeerSettings};
use kv_node::report::{ExitCode, Report};
use kv_node::secret::Secret;
use kv_node::store::SystemClock;
use kv_wal::{DiskStorage, SyncPolicy, Wal};

use super::Cluster;
use crate::driver::{self, Monotonic, Seat};
use crate::{Member, MemberSettings, OpenError};

/// Where the log is, in the data directory.
const WAL_DIR: &str = "wal";

/// The most that the log takes at once.
const WAL_RECORD_BYTES_MAX: usize = 512 << 20;

/// What a node needs to know.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Where everything is kept; created if need be.
    pub data_dir: PathBuf,
    /// Of the member.
    pub member: MemberSettings,
    /// Of the log. It syncs always: what a node says it has, it must have.
    pub wal: kv_wal::Options,
    /// Longest message to a peer, bytes: the largest entry that requests can make, and what goes
    /// along with it. At least
    /// [`ClusterOptions::MESSAGE_BYTES_MIN`] as a rule.
    pub message_bytes_max: usize,
    /// How fast snapshots are written, in bytes a second; 0: no limit.
    pub snapshot_bytes_per_second: u64,
    /// Where peers connect.
    pub peer_listen: SocketAddr,
    /// What all nodes of the cluster know.
    pub secret: Option<Secret>,
    /// Peers that are to be dialled elsewhere than at their own addresses.
    pub detours: Vec<(u64, String)>,
}

impl ClusterOptions {
    /// Enough for entries of requests within the default limits.
    pub const MESSAGE_BYTES_MIN: usize = 64 << 20;
}

/// Why a node of a cluster does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Its data cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its peers cannot reach it.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Something that all kinds of node have.
    #[error(transparent)]
    Store(kv_node::store::OpenError),
    /// The directory cannot be created.
    #[error("{source}")]
    Dir {
        /// Which.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl Cluster {
    /// Opens the node in `options.data_dir`. Loads its data, which takes a while if there is much
    /// of it.
    ///
    /// # Errors
    /// If an address or the directory cannot be used, or what is in it is damaged, or another
    /// node's.
    pub fn open(options: &ClusterOptions) -> Result<Cluster, ClusterError> {
        let listener = PeerListener::bind(options.peer_listen, options.secret.is_some())?;
        let storage = DiskStorage::open(&options.data_dir).map_err(|source| ClusterError::Dir {
            dir: options.data_dir.clone(),
            source,
        })?;
        let clock = Monotonic::start();
        let wal = wal_options(options);
        let member = Member::open(
            options.member.clone(),
            Arc::new(storage),
            |storage, after, visit| {
                let journal = Wal::open(storage, Path::new(WAL_DIR), wal, after, visit)?;
                Ok(Arc::new(journal))
            },
            Arc::new(SystemClock),
            clock.now_ms(),
        )?;
        let shared = driver::share(&member, clock);
        Cluster::new(shared, seat(options, member, listener), options)
    }
}

/// A record is all that one step of the consensus brings, which is bounded there: by what may be
/// under way, not by what one request may hold.
fn wal_options(options: &ClusterOptions) -> kv_wal::Options {
    kv_wal::Options {
        sync: SyncPolicy::Always,
        record_bytes_max: WAL_RECORD_BYTES_MAX,
        pending_bytes_max: 2 * WAL_RECORD_BYTES_MAX,
        ..options.wal.clone()
    }
}

fn seat(options: &ClusterOptions, member: Member, listener: PeerListener) -> Seat {
    let settings = &options.member;
    let mut peers = PeerSettings::new(settings.cluster_id, settings.id.0);
    peers.secret.clone_from(&options.secret);
    peers.message_bytes_max = options.message_bytes_max;
    Seat {
        member,
        listener,
        peers,
        detours: options.detours.clone(),
        tick: Duration::from_millis(settings.tick_ms),
        snapshot_bytes_per_second: options.snapshot_bytes_per_second,
    }
}

impl ClusterError {
    /// The same for a person.
    #[must_use]
    pub fn report(&self, data_dir: &Path) -> Report {
        let cannot_open = format!("cannot open data dir {}", data_dir.display());
        match self {
            ClusterError::Open(error) => open_report(error, cannot_open),
            ClusterError::Peer(error) => error.report(),
            ClusterError::Store(error) => Report::new(ExitCode::Failure, error.what())
                .cause(error)
                .hint(error.hint()),
            ClusterError::Dir { source, .. } => Report::new(ExitCode::Failure, cannot_open)
                .cause(source)
                .hint("check that the directory is writable, or use --data-dir"),
            ClusterError::Thread(error) => Report::new(ExitCode::Failure, "cannot start a thread")
                .cause(error)
                .hint("see `ulimit -u` and the memory that is left"),
        }
    }
}

fn open_report(error: &OpenError, cannot_open: String) -> Report {
    let (code, what, hint) = match error {
        OpenError::Settings(_) => (
            ExitCode::Usage,
            "the settings contradict each other".to_owned(),
            "see --node-id, --member and --join; --help says what they may be",
        ),
        OpenError::Locked(_) => (
            ExitCode::Conflict,
            cannot_open,
            "stop that process, or use --data-dir",
        ),
        OpenError::Foreign(_) => (
            ExitCode::Conflict,
            cannot_open,
            "use the data dir that this node had, or an empty one and a new number",
        ),
        OpenError::Dir { .. } => (
            ExitCode::Failure,
            cannot_open,
            "check that the directory is writable, or use --data-dir",
        ),
        _ => (
            ExitCode::Failure,
            cannot_open,
            "start with an empty data dir under a new number: the others have all data",
        ),
    };
    Report::new(code, what).cause(error).hint(hint)
}
