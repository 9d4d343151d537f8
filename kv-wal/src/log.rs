//! The log on one thread: appends, commits and prepares segments when told to, and only then.
//!
//! [`Wal`](crate::Wal) is the same parts on threads. This one is deterministic, so it is what
//! simulators and crash tests drive.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Lsn, WalError,
    catalog::Catalog,
    options::{Options, SyncPolicy},
    preparer::{Pace, Preparer, Unprepared},
    progress::{Health, Progress},
    record::{Entry, KIND_TRUNCATE, KIND_USER_MAX},
    recovery::{self, RecoveryReport, Visit},
    segment::SegmentInfo,
    staging::{Refusal, Staging},
    stats::Stats,
    storage::{LockGuard, Storage},
    writer::{Clock, Syncer, Writer},
};

/// A log without threads.
#[derive(Debug)]
pub struct Log {
    parts: Parts,
    options: Options,
}

/// What a log is made of, whoever drives it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) staging: Staging,
    pub(crate) writer: Writer,
    pub(crate) syncer: Syncer,
    pub(crate) preparer: Preparer,
    pub(crate) progress: Arc<Progress>,
    pub(crate) report: RecoveryReport,
    pub(crate) lock: Box<dyn LockGuard>,
}

impl Log {
    /// Recovers the log in `dir`, which is created if need be, and calls `visit` for every record
    /// beyond `after`, in order. Records up to `after` count as covered by a snapshot.
    ///
    /// # Errors
    /// Those of [`Wal::open`](crate::Wal::open).
    pub fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        options: Options,
        after: Lsn,
        visit: Visit<'_>,
    ) -> Result<Log, WalError> {
        let parts = Parts::open(&storage, dir, &options, after, visit, || 0)?;
        Ok(Log { parts, options })
    }

    /// Takes a record into the pending group; its number.
    ///
    /// # Errors
    /// `StorageFull`, `Busy` or `TooLarge`, and then nothing was logged; or `Poisoned`.
    ///
    /// # Panics
    /// If `kind` is above [`KIND_USER_MAX`].
    pub fn append(&mut self, kind: u8, flags: u8, parts: &[&[u8]]) -> Result<Lsn, WalError> {
        assert!(kind <= KIND_USER_MAX, "kind {kind} belongs to the log");
        self.stage(&Entry { kind, flags, parts }, false)
    }

    /// Like [`append`](Log::append), but may use the reserve segment.
    ///
    /// # Errors
    /// Those of [`append`](Log::append).
    ///
    /// # Panics
    /// If `kind` is above [`KIND_USER_MAX`].
    pub fn append_reserved(
        &mut self,
        kind: u8,
        flags: u8,
        parts: &[&[u8]],
    ) -> Result<Lsn, WalError> {
        assert!(kind <= KIND_USER_MAX, "kind {kind} belongs to the log");
        self.stage(&Entry { kind, flags, parts }, true)
    }

    /// Takes back every record after `lsn`: a record of its own, which replay reports. Its number.
    ///
    /// # Errors
    /// Those of [`append_reserved`](Log::append_reserved).
    pub fn truncate_after(&mut self, lsn: Lsn) -> Result<Lsn, WalError> {
        let parts: [&[u8]; 1] = [&lsn.0.to_le_bytes()];
        self.stage(
            &Entry {
                kind: KIND_TRUNCATE,
                flags: 0,
                parts: &parts,
            },
            true,
        )
    }

    /// Writes everything pending and, with [`SyncPolicy::Always`], syncs it; the last record that
    /// is committed then.
    ///
    /// # Errors
    /// `Poisoned`: whether the pending records are on disk is unknown.
    pub fn commit(&mut self) -> Result<Lsn, WalError> {
        self.parts.progress.check_poison()?;
        let mut batches = Vec::new();
        self.parts.staging.take(&mut batches);
        for mut batch in batches {
            self.parts.writer.write(&mut batch)?;
            self.parts.staging.reuse(batch);
        }
        self.replenish()?;
        Ok(self.committed_lsn())
    }

    /// Makes everything written durable; the last record that is.
    ///
    /// # Errors
    /// `Poisoned`.
    pub fn sync(&mut self) -> Result<Lsn, WalError> {
        self.parts.syncer.sync()?;
        Ok(self.durable_lsn())
    }

    /// Commits, syncs, and writes an empty group that proves it to the next recovery.
    ///
    /// # Errors
    /// `Poisoned`.
    pub fn seal(&mut self) -> Result<(), WalError> {
        self.commit()?;
        self.sync()?;
        if let Some(mut seal) = self.parts.staging.seal() {
            self.parts.writer.write(&mut seal)?;
            self.parts.staging.reuse(seal);
            self.sync()?;
        }
        Ok(())
    }

    /// Drops the segments whose records are all at or below `through`, except the active one.
    ///
    /// # Errors
    /// `Poisoned` if the disk fails in this.
    pub fn purge(&mut self, through: Lsn) -> Result<(), WalError> {
        self.parts.progress.check_poison()?;
        let keep = self.parts.staging.spares_kept();
        match self.parts.preparer.purge(through, keep) {
            Ok(spares) => spares
                .into_iter()
                .for_each(|spare| self.parts.staging.add_spare(spare)),
            Err(error) => return Err(self.parts.progress.poison(format!("cannot purge: {error}"))),
        }
        self.replenish()
    }

    /// Sets the record that each new segment starts with, for state that must not go with a purge.
    /// If the segment in use has none yet, the next append puts it there.
    ///
    /// # Panics
    /// If `kind` is above [`KIND_USER_MAX`].
    pub fn set_segment_head(&mut self, kind: u8, flags: u8, body: Vec<u8>) {
        assert!(kind <= KIND_USER_MAX, "kind {kind} belongs to the log");
        self.parts.set_head(kind, flags, body);
    }

    /// Seals the log and ends it.
    ///
    /// # Errors
    /// `Poisoned`.
    pub fn close(mut self) -> Result<(), WalError> {
        self.seal()
    }

    /// The last record that is committed as the [`SyncPolicy`] defines it.
    #[must_use]
    pub fn committed_lsn(&self) -> Lsn {
        self.parts.progress.committed_lsn()
    }

    /// The last record that is known to be synced.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.parts.progress.durable_lsn()
    }

    /// The last record that was taken.
    #[must_use]
    pub fn last_lsn(&self) -> Lsn {
        self.parts.staging.last_lsn()
    }

    /// Whether the log takes records.
    #[must_use]
    pub fn health(&self) -> Health {
        self.parts
            .progress
            .health(self.parts.staging.starved.as_ref())
    }

    /// The live segments, oldest first; the last one is the active one, if the log was written to
    /// since it was opened.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.parts.progress.catalog.lock().segments().to_vec()
    }

    /// What the log has done since it was opened; times are zero, as it has no clock.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.parts.progress.counters.stats()
    }

    /// What opening it found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.parts.report
    }

    /// When records count as committed.
    #[must_use]
    pub fn sync_policy(&self) -> SyncPolicy {
        self.options.sync
    }

    fn stage(&mut self, entry: &Entry<'_>, reserved: bool) -> Result<Lsn, WalError> {
        self.parts.progress.check_poison()?;
        let mut refusal = match self.parts.staging.append(entry, reserved) {
            Ok(lsn) => return Ok(lsn),
            Err(refusal) => refusal,
        };
        if matches!(refusal, Refusal::NoSegment { .. }) {
            self.replenish()?;
            refusal = match self.parts.staging.append(entry, reserved) {
                Ok(lsn) => return Ok(lsn),
                Err(refusal) => refusal,
            };
        }
        Err(refusal.into_error(self.parts.staging.starved.as_ref()))
    }

    fn replenish(&mut self) -> Result<(), WalError> {
        self.parts.replenish()
    }
}

impl Parts {
    pub(crate) fn open(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        options: &Options,
        after: Lsn,
        visit: Visit<'_>,
        clock: Clock,
    ) -> Result<Parts, WalError> {
        options.validate()?;
        let lock = claim(&**storage, dir)?;
        let recovered = recovery::recover(&**storage, dir, options, after, visit)?;
        let progress = Arc::new(Progress::new(
            recovered.last,
            Catalog::new(recovered.segments),
        ));
        let spare_number = recovered.spare_number_next;
        let (writer, preparer) = (
            Writer::new(storage, dir, options, recovered.seq_next, &progress, clock),
            Preparer::new(storage, dir, options, spare_number, &progress),
        );
        let mut parts = Parts {
            staging: Staging::new(options, recovered.last, recovered.spares),
            syncer: writer.syncer(),
            writer,
            preparer,
            progress,
            report: recovered.report,
            lock,
        };
        if !recovered.is_proven {
            parts.start_segment()?;
        }
        Ok(parts)
    }

    /// Starts a segment whose header proves what recovery has synced. Without room for it the log
    /// does as well, only that the next recovery knows less.
    fn start_segment(&mut self) -> Result<(), WalError> {
        self.replenish()?;
        match self.staging.start_segment() {
            Some(mut batch) => self.writer.write(&mut batch),
            None => Ok(()),
        }
    }

    /// Prepares spares until there are enough, or no room for more.
    fn replenish(&mut self) -> Result<(), WalError> {
        while let Some(bytes_min) = self.staging.wants_spare() {
            match self.preparer.prepare(bytes_min, &mut |_| Pace::Continue) {
                Ok(spare) => self.staging.add_spare(spare),
                Err(Unprepared::NoRoom(reason)) => {
                    self.staging.starve(reason);
                    return Ok(());
                }
                Err(Unprepared::Failed(reason)) => return Err(self.progress.poison(reason)),
                Err(Unprepared::Abandoned) => return Ok(()),
            }
        }
        self.staging.recover();
        Ok(())
    }

    pub(crate) fn set_head(&mut self, kind: u8, flags: u8, body: Vec<u8>) {
        self.progress.catalog.lock().use_heads();
        self.staging.set_head(kind, flags, body);
    }
}

impl Refusal {
    pub(crate) fn into_error(self, starved: Option<&Arc<str>>) -> WalError {
        match self {
            Refusal::Busy => WalError::Busy,
            Refusal::TooLarge { bytes, limit } => WalError::TooLarge { bytes, limit },
            Refusal::NoSegment { segment_bytes } => WalError::StorageFull(
                starved
                    .cloned()
                    .unwrap_or_else(|| format!("{segment_bytes} bytes").into()),
            ),
        }
    }
}

/// Creates the log's directory, durably, and locks it.
fn claim(storage: &dyn Storage, dir: &Path) -> Result<Box<dyn LockGuard>, WalError> {
    let is_new = !storage.exists(dir).map_err(WalError::io("look for", dir))?;
    if is_new {
        storage
            .create_dir_all(dir)
            .map_err(WalError::io("create", dir))?;
    }
    sync_ancestors(storage, dir)?;
    let path = dir.join("LOCK");
    storage.lock(&path).map_err(|error| lock_error(path, error))
}

/// The directory may be there and yet not be durable, if an earlier run was cut.
fn sync_ancestors(storage: &dyn Storage, dir: &Path) -> Result<(), WalError> {
    for above in dir.ancestors().skip(1) {
        storage
            .sync_dir(above)
            .map_err(WalError::io("sync", above))?;
    }
    Ok(())
}

fn lock_error(path: PathBuf, error: std::io::Error) -> WalError {
    if error.kind() == std::io::ErrorKind::WouldBlock {
        return WalError::Locked {
            path,
            holder: error.to_string(),
        };
    }
    WalError::Io {
        action: "lock",
        path,
        source: error,
    }
}
