//! Makes spare segments, from nothing or from purged ones.
//!
//! 1. A spare has its full length, its space, and zeros (or an earlier life's groups) on the disk: a
//!    sync of data written into it then has no metadata to write.
//! 2. It has the name of a spare only once all that is durable; that name itself need not be.
//! 3. A purged segment is a spare only once its old name is durably gone; else a cut could bring
//!    the old name back for a file that has begun its next life.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use crate::{
    Lsn,
    options::{Options, SEGMENT_STEP_BYTES},
    progress::Progress,
    segment::{SegmentInfo, Spare, spare_path, unfinished_path},
    storage::{OpenMode, Storage, StorageFile, is_out_of_space},
};

/// Zeros written between two syncs, so that they never hold up a group's sync for long.
const FILL_STEP_BYTES: u64 = 512 << 10;

/// Zeros that somebody who waits for a spare still has to wait for. Without the rest the spare can
/// be used as well, only that each sync into it costs more.
const HURRIED_BYTES_MAX: u64 = 8 << 20;

/// What to do before the next step of filling a spare with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Fill on.
    Continue,
    /// Somebody waits for the spare.
    Hurry,
    /// Give the spare up.
    Abandon,
}

#[derive(Debug)]
pub(crate) struct Preparer {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    options: Options,
    number_next: u64,
    progress: Arc<Progress>,
}

/// Why there is no spare.
#[derive(Debug)]
pub(crate) enum Unprepared {
    /// There is no room now; the reason.
    NoRoom(Arc<str>),
    /// The disk is failing; the reason.
    Failed(String),
    /// The pace said so.
    Abandoned,
}

impl Preparer {
    pub(crate) fn new(
        storage: &Arc<dyn Storage>,
        dir: &Path,
        options: &Options,
        number_next: u64,
        progress: &Arc<Progress>,
    ) -> Preparer {
        Preparer {
            storage: Arc::clone(storage),
            dir: dir.to_path_buf(),
            options: options.clone(),
            number_next,
            progress: Arc::clone(progress),
        }
    }

    /// Makes a spare of the size the log has grown to, or of `bytes_min` if that is more. Calls
    /// `pace` with the share done, in 256ths, before each step of filling it.
    pub(crate) fn prepare(
        &mut self,
        bytes_min: u64,
        pace: &mut dyn FnMut(u64) -> Pace,
    ) -> Result<Spare, Unprepared> {
        let used_bytes = self.progress.catalog.lock().used_bytes();
        let bytes = self.options.next_segment_bytes(used_bytes).max(bytes_min);
        let bytes = bytes.next_multiple_of(SEGMENT_STEP_BYTES);
        let number = self.take_number();
        let unfinished = unfinished_path(&self.dir, number);
        let made = self.make(&unfinished, &spare_path(&self.dir, number), bytes, pace);
        match made {
            Ok(Some(spare)) => {
                self.progress
                    .counters
                    .segments_prepared
                    .fetch_add(1, Relaxed);
                Ok(spare)
            }
            Ok(None) => Err(self.discard(&unfinished, Unprepared::Abandoned)),
            Err(error) => Err(self.discard(&unfinished, unprepared(&error))),
        }
    }

    /// Drops the segments whose records are all at or below `through`, keeping up to `keep` of them
    /// as spares; those.
    ///
    /// # Errors
    /// The system's answer.
    pub(crate) fn purge(&mut self, through: Lsn, keep: usize) -> io::Result<Vec<Spare>> {
        let purged = self
            .progress
            .catalog
            .lock()
            .take_purged(through, &self.options);
        if purged.is_empty() {
            return Ok(Vec::new());
        }
        let mut spares = Vec::new();
        for segment in purged {
            if spares.len() < keep && self.is_worth_keeping(&segment) {
                spares.push(self.recycle(&segment)?);
            } else {
                self.storage.remove(&segment.path)?;
                self.progress
                    .counters
                    .segments_removed
                    .fetch_add(1, Relaxed);
            }
        }
        self.storage.sync_dir(&self.dir)?;
        Ok(spares)
    }

    fn make(
        &self,
        unfinished: &Path,
        path: &Path,
        segment_bytes: u64,
        pace: &mut dyn FnMut(u64) -> Pace,
    ) -> io::Result<Option<Spare>> {
        let file = self.storage.open(unfinished, OpenMode::CreateNew)?;
        let is_reserved = file.allocate(segment_bytes)?;
        if !fill(&*file, segment_bytes, is_reserved, pace)? {
            return Ok(None);
        }
        file.sync_all()?;
        // The name is made durable with the next one: starting a segment syncs the directory.
        self.storage.rename(unfinished, path)?;
        Ok(Some(Spare {
            path: path.to_path_buf(),
            segment_bytes,
        }))
    }

    fn recycle(&mut self, segment: &SegmentInfo) -> io::Result<Spare> {
        let number = self.take_number();
        let path = spare_path(&self.dir, number);
        self.storage.rename(&segment.path, &path)?;
        self.progress
            .counters
            .segments_recycled
            .fetch_add(1, Relaxed);
        Ok(Spare {
            path,
            segment_bytes: segment.segment_bytes,
        })
    }

    /// Full-grown ones are; smaller ones would only make the log roll more often.
    fn is_worth_keeping(&self, segment: &SegmentInfo) -> bool {
        segment.segment_bytes == self.options.segment_bytes
    }

    /// Removes what a failed preparation left. If that fails too, the next open does it.
    fn discard(&self, unfinished: &Path, why: Unprepared) -> Unprepared {
        drop(self.storage.remove(unfinished));
        why
    }

    fn take_number(&mut self) -> u64 {
        let number = self.number_next;
        self.number_next += 1;
        number
    }
}

/// Writes zeros, a step at a time. `false` if the spare is to be given up.
fn fill(
    file: &dyn StorageFile,
    segment_bytes: u64,
    is_reserved: bool,
    pace: &mut dyn FnMut(u64) -> Pace,
) -> io::Result<bool> {
    let mut done = 0;
    while done < segment_bytes {
        let left = segment_bytes - done;
        match pace(done * 256 / segment_bytes) {
            Pace::Hurry if is_reserved && left > HURRIED_BYTES_MAX => return Ok(true),
            Pace::Abandon => return Ok(false),
            Pace::Hurry | Pace::Continue => {}
        }
        let step = FILL_STEP_BYTES.min(left);
        file.write_zeros(done, step)?;
        file.sync_data()?;
        done += step;
    }
    Ok(true)
}

/// Running out of space or of file descriptors passes; anything else is taken for a dying disk.
fn unprepared(error: &io::Error) -> Unprepared {
    const OUT_OF_DESCRIPTORS: [i32; 2] = [23, 24];
    let is_short = error
        .raw_os_error()
        .is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code));
    if is_short || error.kind() == io::ErrorKind::OutOfMemory || is_out_of_space(error) {
        return Unprepared::NoRoom(error.to_string().into());
    }
    Unprepared::Failed(format!("cannot prepare a segment: {error}"))
}
