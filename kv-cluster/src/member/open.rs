//! Opens a data directory: locks it, loads the newest snapshot, replays the log after it.
//!
//! ```text
//! data dir = LOCK | IDENTITY | MANIFEST | wal/ | snapshot/
//! ```

use std::path::Path;
use std::sync::Arc;

use kv_node::Db;
use kv_node::db::Writer;
use kv_node::snapshot::{self, Manifest, SnapshotError};
use kv_node::store::{Clock, Journal};
use kv_wal::{LockGuard, Lsn, Storage, WalError};
use raft::eraftpb::{ConfState, HardState};

use super::forward::Forwards;
use super::greet::Greeting;
use super::persist::Persistence;
use super::propose::Proposals;
use super::snapshots::{Snapshots, purge};
use super::transfers::Transfers;
use super::{Member, MemberSettings, Output, Visit};
use crate::consensus::{Consensus, RaftRs};
use crate::identity::{Identity, dir_error};
use crate::lease::Lease;
use crate::log::{Available, Beginning, Mark, RaftLog, Replayed, replay};
use crate::machine::{Machine, State, annex};
use crate::reads::Reads;
use crate::{Counters, OpenError, Role};

/// Held for as long as the member is there.
const LOCK_FILE: &str = "LOCK";

/// A new cluster's log begins after an entry that nobody has: so a node that has nothing at all
/// gets a snapshot, and with it the members.
const ORIGIN: Mark = Mark { index: 1, term: 1 };

/// What the disk says.
struct Recovered {
    machine: Machine,
    log: RaftLog,
    journal: Arc<dyn Journal>,
    snapshots: Snapshots,
}

impl Member {
    /// Opens the node on `storage`: locks it, loads the newest snapshot, replays the log.
    /// `open_journal` opens the log, which must call the visitor with every record beyond the
    /// number it is given. `clock` is the wall's, for stamps; `now_ms` is of a clock that only
    /// goes forward, as in all other calls.
    ///
    /// # Errors
    /// If the directory cannot be used, is another node's, or is damaged.
    pub fn open(
        settings: MemberSettings,
        storage: Arc<dyn Storage>,
        open_journal: impl FnOnce(
            Arc<dyn Storage>,
            Lsn,
            Visit<'_>,
        ) -> Result<Arc<dyn Journal>, WalError>,
        clock: Arc<dyn Clock>,
        now_ms: u64,
    ) -> Result<Member, OpenError> {
        if let Some(problem) = settings.problem() {
            return Err(OpenError::Settings(problem));
        }
        let lock = lock(&*storage)?;
        let identity = Identity::open(&*storage, &settings)?;
        let recovered = recover(&settings, &identity, &storage, open_journal)?;
        Member::start(settings, storage, clock, lock, identity, recovered, now_ms)
    }

    fn start(
        settings: MemberSettings,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        lock: Box<dyn LockGuard>,
        identity: Identity,
        recovered: Recovered,
        now_ms: u64,
    ) -> Result<Member, OpenError> {
        let Recovered {
            machine,
            log,
            journal,
            snapshots,
        } = recovered;
        let consensus = RaftRs::new(&settings, log, machine.applied().index)?;
        let grace_ms = match identity.is_established {
            true => settings.election_timeout_ms(),
            false => 0,
        };
        let reported = (Role::Outsider, consensus.term(), None);
        Ok(Member {
            forwards: Forwards::new(settings.id, settings.incarnation),
            reads: Reads::new(settings.id, settings.incarnation),
            lease: Lease::new(&settings),
            persistence: Persistence::new(journal.durable_lsn()),
            proposals: Proposals::default(),
            greeting: Greeting::new(),
            transfers: Transfers::default(),
            counters: Counters::default(),
            out: Output::default(),
            failure: None,
            contact_ms: None,
            last_tick_ms: now_ms,
            votes_from_ms: now_ms.saturating_add(grace_ms),
            _lock: lock,
            settings,
            storage,
            journal,
            clock,
            identity,
            consensus,
            machine,
            now_ms,
            snapshots,
            reported,
        })
    }
}

fn recover(
    settings: &MemberSettings,
    identity: &Identity,
    storage: &Arc<dyn Storage>,
    open_journal: impl FnOnce(Arc<dyn Storage>, Lsn, Visit<'_>) -> Result<Arc<dyn Journal>, WalError>,
) -> Result<Recovered, OpenError> {
    let manifest = Manifest::load(&**storage)?;
    snapshot::remove_unnamed(&**storage, &manifest)?;
    let db = Arc::new(Db::with_indexes(settings.hash_seed, &settings.indexes));
    let (manifest, state, damage) = load_newest(&**storage, manifest, &mut db.writer())?;
    let newest = state.as_ref().map(|state| state.applied);
    let after = log_index(&manifest);
    let (state, hard_state) = beginning(identity, state);
    let machine = Machine::new(db, state);
    let available = newest.map(|mark| Available {
        mark,
        conf: machine.state().conf.clone(),
    });
    let beginning = Beginning {
        machine,
        hard_state,
        fell_back: damage.is_some(),
        memory_bytes_max: settings.log_memory_bytes_max,
    };
    let (journal, replayed) = replay(beginning, |replay| {
        open_journal(Arc::clone(storage), Lsn(after), &mut |lsn, record| {
            replay.take(lsn, record)
        })
    });
    let journal = match (journal, damage) {
        (Err(WalError::Gap { .. }), Some(damage)) => Err(OpenError::Snapshot(damage)),
        (Err(error), _) => Err(OpenError::Log(error)),
        (Ok(journal), damage) => Ok((journal, damage.map(|damage| damage.to_string()))),
    };
    let (journal, damage) = journal?;
    let Replayed {
        machine,
        mut log,
        bytes,
    } = replayed.map_err(|error| OpenError::Corrupt {
        path: "wal",
        problem: error.to_string(),
    })?;
    log.set_available(available);
    machine.db().start_indexing();
    purge(&*journal, &manifest);
    Ok(Recovered {
        snapshots: Snapshots::new(manifest, newest, bytes, damage),
        machine,
        log,
        journal,
    })
}

/// The log's records up to here are in the newest snapshot.
fn log_index(manifest: &Manifest) -> u64 {
    let newest = manifest.generations.first();
    let annex = newest.and_then(|newest| newest.annex);
    annex.map_or(0, |annex| annex.log_index)
}

/// What the log is replayed on.
fn beginning(identity: &Identity, state: Option<State>) -> (State, HardState) {
    let mut hard_state = HardState::default();
    if let Some(state) = state {
        hard_state.term = state.applied.term;
        hard_state.commit = state.applied.index;
        return (state, hard_state);
    }
    let mut state = State::default();
    if !identity.has_joined {
        let voters = identity.members.iter().map(|member| member.id.raft());
        let mut conf = ConfState::default();
        conf.set_voters(voters.collect());
        state.conf = conf;
        state.applied = ORIGIN;
        let members = identity.members.iter();
        state.members = members.map(|member| (member.id, member.clone())).collect();
        hard_state.term = ORIGIN.term;
        hard_state.commit = ORIGIN.index;
    }
    (state, hard_state)
}

/// Loads the newest generation that is whole. Returns the manifest from that one on, and what is
/// wrong with a newer one; then the log must reach back further, or something is lost.
fn load_newest(
    storage: &dyn Storage,
    mut manifest: Manifest,
    writer: &mut Writer<'_>,
) -> Result<(Manifest, Option<State>, Option<SnapshotError>), OpenError> {
    let mut damage = None;
    while let Some(newest) = manifest.generations.first() {
        let annex = newest.annex.ok_or_else(|| {
            let problem = "the directory is that of a standalone node".to_owned();
            OpenError::Foreign(problem)
        })?;
        let loaded = snapshot::read_annex(storage, newest.stamp, &annex)
            .and_then(|annex| snapshot::load(storage, newest, writer).map(|()| annex));
        match loaded {
            Ok(bytes) => {
                let state = annex::decode(&bytes).ok_or_else(|| OpenError::Corrupt {
                    path: "snapshot",
                    problem: "the annex is of another version".to_owned(),
                })?;
                return Ok((manifest, Some(state), damage));
            }
            Err(error) if error.is_damage() => {
                tracing::error!(%error, "a snapshot is damaged: falling back");
                damage.get_or_insert(error);
                manifest.generations.remove(0);
                writer.reset();
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((manifest, None, damage))
}

fn lock(storage: &dyn Storage) -> Result<Box<dyn LockGuard>, OpenError> {
    storage.lock(Path::new(LOCK_FILE)).map_err(|error| {
        if error.kind() == std::io::ErrorKind::WouldBlock {
            return OpenError::Locked(error.to_string());
        }
        dir_error("lock", LOCK_FILE)(error)
    })
}
