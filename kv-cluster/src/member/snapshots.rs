//! Snapshots of this node's own: when one is due, and when it counts.
//!
//! ```text
//!  cut ─► job (written aside, on whatever thread) ─► finished ─► seal durable ─► manifest ─► purge
//! ```
//!
//! 1. Data and annex are of one place in the log: both are taken between two entries.
//! 2. Before a snapshot counts, term and vote are durable in a record that it does not make
//!    superfluous: the seal, appended when the cut is made. So a log that lost its beginning still
//!    says them.
//! 3. The log goes as far as the older of two snapshots goes.

use std::fmt;
use std::sync::Arc;

use kv_node::db::Cut;
use kv_node::snapshot::{
    self, AnnexSummary, Generation, Manifest, Pace, PartSummary, SnapshotError,
};
use kv_node::{Db, Stamp};
use kv_wal::{Lsn, Storage};
use raft::eraftpb::ConfState;

use super::{Event, Member, SnapshotId};
use crate::consensus::Consensus;
use crate::log::{Available, Mark};
use crate::machine::annex;
use crate::planted::Bug;

/// After a failure it is not tried again for so long.
const RETRY_MS: u64 = 10_000;

/// A snapshot to be written, on whatever thread.
pub struct SnapshotJob {
    storage: Arc<dyn Storage>,
    db: Arc<Db>,
    cut: Arc<Cut>,
    /// Parts that hold the same entries already.
    parts: Option<Vec<PartSummary>>,
    annex: Vec<u8>,
    log_index: u64,
    place: Place,
}

/// A snapshot that was written, or not.
pub struct SnapshotWritten {
    place: Place,
    files: Result<(Vec<PartSummary>, AnnexSummary), SnapshotError>,
}

/// What a snapshot is of.
#[derive(Debug, Clone)]
struct Place {
    stamp: Stamp,
    mark: Mark,
    conf: ConfState,
}

impl fmt::Debug for SnapshotJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotJob")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SnapshotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotWritten")
            .field("place", &self.place)
            .field("is_ok", &self.files.is_ok())
            .finish_non_exhaustive()
    }
}

impl SnapshotJob {
    /// Writes it. The result is for [`Member::finish_snapshot`].
    #[must_use]
    pub fn run(self, pace: &mut dyn Pace) -> SnapshotWritten {
        let files = self.write(pace);
        SnapshotWritten {
            place: self.place,
            files,
        }
    }

    fn write(
        &self,
        pace: &mut dyn Pace,
    ) -> Result<(Vec<PartSummary>, AnnexSummary), SnapshotError> {
        let storage = &*self.storage;
        let parts = match &self.parts {
            Some(parts) => parts.clone(),
            None => snapshot::write(storage, &self.db, &self.cut, pace)?,
        };
        let (stamp, tag) = (self.place.stamp, self.place.mark.index);
        let annex = snapshot::write_annex(storage, stamp, tag, self.log_index, &self.annex)?;
        Ok((parts, annex))
    }
}

/// What a member knows of its snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    pub(super) manifest: Manifest,
    /// The newest one: which place it is of.
    pub(super) newest: Option<Mark>,
    pub(super) last_error: Option<String>,
    pub(super) is_requested: bool,
    /// One is being written; its seal is this record.
    running: Option<Lsn>,
    /// It is written, and waits for its seal.
    written: Option<SnapshotWritten>,
    retry_from_ms: u64,
    /// The log is to be asked how large it is.
    pub(super) is_check_due: bool,
    /// Written to the log before this run, and in no snapshot.
    replayed_bytes: u64,
    /// What the log had written when the last one was taken.
    counted_bytes: u64,
}

impl Snapshots {
    pub(super) fn new(
        manifest: Manifest,
        newest: Option<Mark>,
        replayed_bytes: u64,
        damage: Option<String>,
    ) -> Snapshots {
        Snapshots {
            manifest,
            newest,
            last_error: damage,
            is_requested: false,
            running: None,
            written: None,
            retry_from_ms: 0,
            is_check_due: true,
            replayed_bytes,
            counted_bytes: 0,
        }
    }

    /// Whether files are being written in the background.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The newest one.
    pub(super) fn newest_generation(&self) -> Option<&Generation> {
        self.manifest.generations.first()
    }
}

impl Member {
    pub(super) fn take_snapshot_if_due(&mut self) {
        self.complete_snapshot();
        self.discard_useless();
        if self.consensus.log().take_snapshot_wanted() {
            self.snapshots.is_requested = true;
        }
        let is_held_up = self.snapshots.is_running()
            || self.transfers.is_busy()
            || self.transfers.is_receiving()
            || self.now_ms < self.snapshots.retry_from_ms
            || self.out.snapshot.is_some();
        if is_held_up || !self.is_snapshot_due() {
            return;
        }
        let newest = self.snapshots.newest.map_or(0, |mark| mark.index);
        if self.machine.applied().index <= newest {
            self.snapshots.is_requested = false;
            return;
        }
        self.begin_snapshot();
    }

    fn is_snapshot_due(&mut self) -> bool {
        if self.snapshots.is_requested {
            return true;
        }
        let wal_bytes = self.settings.snapshot_wal_bytes;
        if !std::mem::take(&mut self.snapshots.is_check_due) || wal_bytes == 0 {
            return false;
        }
        let newest = self.snapshots.newest_generation();
        let due_bytes = wal_bytes.max(newest.map_or(0, Generation::file_bytes));
        let logged = self.journal.stats().stats.bytes - self.snapshots.counted_bytes;
        logged + self.snapshots.replayed_bytes >= due_bytes
    }

    fn begin_snapshot(&mut self) {
        let Some(cut) = self.machine.db().writer().cut() else {
            return;
        };
        let log_index = self.superfluous_through();
        let seal = match self.log_hard_state() {
            Ok(seal) => seal,
            Err(error) => {
                self.snapshot_failed(error.to_string());
                return;
            }
        };
        self.snapshots.is_requested = false;
        self.snapshots.running = Some(seal);
        self.snapshots.replayed_bytes = 0;
        self.snapshots.counted_bytes = self.journal.stats().stats.bytes;
        let state = self.machine.state();
        let stamp = cut.stamp();
        let same = self.snapshots.newest_generation();
        let same = same.filter(|generation| generation.stamp == stamp);
        self.out.snapshot = Some(SnapshotJob {
            storage: Arc::clone(&self.storage),
            db: Arc::clone(self.machine.db()),
            parts: same.map(|generation| generation.parts.clone()),
            annex: annex::encode(state),
            log_index: log_index.0,
            place: Place {
                stamp,
                mark: state.applied,
                conf: state.conf.clone(),
            },
            cut,
        });
    }

    /// The last record that says nothing beyond what is applied: the one before that of the next
    /// entry.
    fn superfluous_through(&self) -> Lsn {
        let next = self.machine.applied().index + 1;
        match self.consensus.log().record_of(next) {
            Some(lsn) => Lsn(lsn.0 - 1),
            None => self.persistence.last(),
        }
    }

    /// Takes back what became of [`Output::snapshot`](super::Output::snapshot).
    pub fn finish_snapshot(&mut self, written: SnapshotWritten, now_ms: u64) {
        self.tick(now_ms);
        self.snapshots.written = Some(written);
    }

    /// Makes a snapshot count that is written, once its seal is durable.
    fn complete_snapshot(&mut self) {
        let is_sealed = self
            .snapshots
            .running
            .is_some_and(|seal| seal <= self.journal.durable_lsn());
        if !is_sealed {
            return;
        }
        let Some(SnapshotWritten { mut place, files }) = self.snapshots.written.take() else {
            return;
        };
        self.snapshots.running = None;
        if self.settings.plants(Bug::SnapshotDropsTail) {
            place.mark = self.machine.applied();
        }
        let counted = files.and_then(|(parts, annex)| self.count_snapshot(&place, parts, annex));
        match counted {
            Ok(()) => {
                self.counters.snapshots_taken += 1;
                self.snapshots.last_error = None;
                let id = id_of(place.mark);
                self.out.events.push(Event::SnapshotTaken(id));
            }
            Err(error) => self.snapshot_failed(error.to_string()),
        }
    }

    fn count_snapshot(
        &mut self,
        place: &Place,
        parts: Vec<PartSummary>,
        mut annex: AnnexSummary,
    ) -> Result<(), SnapshotError> {
        if self
            .snapshots
            .newest
            .is_some_and(|newest| newest >= place.mark)
        {
            // A newer one of another node's came between.
            return Ok(());
        }
        if self.settings.plants(Bug::SnapshotDropsTail) {
            let bytes = annex::encode(self.machine.state());
            let (tag, log_index) = (place.mark.index, self.persistence.last().0);
            annex = snapshot::write_annex(&*self.storage, place.stamp, tag, log_index, &bytes)?;
        }
        let generation = Generation {
            stamp: place.stamp,
            finished_at_ms: self.wall_ms(),
            parts,
            annex: Some(annex),
        };
        let manifest = with(&self.snapshots.manifest, generation);
        self.store_manifest(manifest, place.mark, place.conf.clone())
    }

    /// Makes `manifest` the one that counts, and drops what it makes superfluous.
    pub(super) fn store_manifest(
        &mut self,
        manifest: Manifest,
        newest: Mark,
        conf: ConfState,
    ) -> Result<(), SnapshotError> {
        manifest.store(&*self.storage)?;
        let before = std::mem::replace(&mut self.snapshots.manifest, manifest);
        self.snapshots.newest = Some(newest);
        self.consensus
            .log_mut()
            .set_available(Some(Available { mark: newest, conf }));
        let manifest = &self.snapshots.manifest;
        purge(&*self.journal, manifest);
        for generation in &before.generations {
            if let Err(error) = snapshot::remove(&*self.storage, generation, manifest) {
                tracing::warn!(%error, "files of an old snapshot stay until the next start");
            }
        }
        Ok(())
    }

    fn snapshot_failed(&mut self, error: String) {
        self.snapshots.retry_from_ms = self.now_ms + RETRY_MS;
        self.snapshots.is_requested = true;
        self.snapshots.last_error = Some(error.clone());
        self.out.events.push(Event::SnapshotFailed(error));
    }
}

/// One more generation; of two of the same entries, the newer one.
fn with(manifest: &Manifest, newest: Generation) -> Manifest {
    let mut manifest = manifest.clone();
    manifest
        .generations
        .retain(|kept| kept.stamp != newest.stamp);
    manifest.with(newest)
}

/// Lets the log drop what no snapshot needs.
pub(super) fn purge(journal: &dyn kv_node::store::Journal, manifest: &Manifest) {
    if manifest.generations.len() < snapshot::GENERATIONS_MAX {
        return;
    }
    let annexes = manifest.generations.iter().filter_map(|kept| kept.annex);
    if let Some(through) = annexes.map(|annex| annex.log_index).min() {
        journal.purge(Lsn(through));
    }
}

pub(super) fn id_of(mark: Mark) -> SnapshotId {
    SnapshotId {
        index: mark.index,
        term: mark.term,
    }
}
