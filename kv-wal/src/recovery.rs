//! Opens what an earlier run left: finds the end of the log, and tells a torn tail from damage.
//!
//! The log is a chain: each group starts with the record after the last one before it, and so does
//! each segment. Where the chain ends, one question decides: does any header further on claim that
//! a record after the end was synced? If so, acknowledged records are damaged, and the log is
//! refused as it is. If not, what follows was never acknowledged, and is dropped.
//!
//! 1. Nothing is changed on disk before the whole log was read and found good.
//! 2. What no header proves to be synced is written once more, with the same bytes, and synced: it
//!    may have been read from a cache that a failed sync left looking clean.
//! 3. Cutting a recovery at any point and starting again gives the same log.
//! 4. Segments that end at or below `after` are not read: a snapshot covers them.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
};

use crate::{
    Lsn, WalError,
    error::{Damage, VisitError},
    group::GroupHeader,
    options::Options,
    planted::Bug,
    record::{RecordRef, Records},
    scan::{Scanner, Step},
    segment::{SECTOR_BYTES, SegmentHeader, SegmentInfo, Spare},
    storage::{OpenMode, Storage, StorageFile},
};

mod listing;

use listing::{Found, check_order, list};

/// What a caller does with each recovered record.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Lsn, RecordRef<'_>) -> Result<(), VisitError>;

/// What opening a log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Records handed to the visitor.
    pub records: u64,
    /// Where an unacknowledged tail was dropped: the file and the offset.
    pub torn_tail: Option<(PathBuf, u64)>,
}

#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) segments: Vec<SegmentInfo>,
    pub(crate) spares: Vec<Spare>,
    pub(crate) last: Lsn,
    /// Whether a header on disk says that `last` was synced.
    pub(crate) is_proven: bool,
    pub(crate) seq_next: u64,
    pub(crate) spare_number_next: u64,
    pub(crate) report: RecoveryReport,
}

/// A group that was read but that no header proves to be synced.
struct Unproven {
    segment: usize,
    offset: u64,
    group_bytes: u64,
    last: Lsn,
}

/// Where the chain ends.
struct End {
    segment: usize,
    offset: u64,
    damage: Option<Damage>,
}

struct Recovery<'a> {
    storage: &'a dyn Storage,
    after: Lsn,
    accepts_torn: bool,
    segments: Vec<Found>,
    /// The record due next.
    expected: Lsn,
    proven: Lsn,
    unproven: VecDeque<Unproven>,
    records: u64,
}

/// Reads the log in `dir`, hands each record beyond `after` to `visit`, and repairs the tail.
///
/// # Errors
/// `Corrupt`, `Gap`, `Visit` or `Io`.
pub(crate) fn recover(
    storage: &dyn Storage,
    dir: &Path,
    options: &Options,
    after: Lsn,
    visit: Visit<'_>,
) -> Result<Recovered, WalError> {
    let mut listing = list(storage, dir)?;
    listing.drop_odd_spares(options.spares_max());
    check_order(&listing.segments)?;
    let mut recovery = Recovery {
        storage,
        after,
        accepts_torn: options.plants(Bug::TornBatch),
        segments: listing.segments,
        expected: after.next(),
        proven: after,
        unproven: VecDeque::new(),
        records: 0,
    };
    let seq_next = recovery
        .segments
        .iter()
        .map(|found| found.header.seq)
        .max()
        .unwrap_or(0)
        + 1;
    let torn_tail = recovery.read(dir, visit)?;
    recovery.rewrite_unproven()?;
    for path in &listing.unfinished {
        storage.remove(path).map_err(WalError::io("remove", path))?;
    }
    storage.sync_dir(dir).map_err(WalError::io("sync", dir))?;
    let last = recovery.expected.previous();
    Ok(Recovered {
        is_proven: recovery.proven >= last,
        last,
        seq_next,
        spare_number_next: listing.spare_number_next,
        spares: listing.spares,
        report: RecoveryReport {
            records: recovery.records,
            torn_tail,
        },
        segments: recovery
            .segments
            .into_iter()
            .map(Found::into_info)
            .collect(),
    })
}

impl Recovery<'_> {
    /// Walks the chain; where an unacknowledged tail was dropped, if one was.
    fn read(&mut self, dir: &Path, visit: Visit<'_>) -> Result<Option<(PathBuf, u64)>, WalError> {
        let Some(first) = self.first_needed(dir)? else {
            return Ok(None);
        };
        let start = self.header(first).first_lsn;
        self.expected = start;
        for segment in first..self.segments.len() {
            if let Some(end) = self.read_segment(segment, visit)? {
                return self.end_chain(end);
            }
        }
        Ok(None)
    }

    /// The last segment that can hold the record after `after`; `None` if the log is new.
    fn first_needed(&self, dir: &Path) -> Result<Option<usize>, WalError> {
        let needed = self.after.next();
        let first = self
            .segments
            .iter()
            .rposition(|found| found.header.first_lsn <= needed);
        if first.is_some() || (self.segments.is_empty() && self.after == Lsn::ZERO) {
            return Ok(first);
        }
        let (path, found) = match self.segments.first() {
            Some(found) => (found.path.clone(), found.header.first_lsn),
            None => (dir.to_path_buf(), Lsn::ZERO),
        };
        Err(WalError::Gap {
            path,
            expected: needed,
            found,
        })
    }

    /// Reads up to where the next segment starts, or else to where the chain ends.
    fn read_segment(&mut self, segment: usize, visit: Visit<'_>) -> Result<Option<End>, WalError> {
        let mut scanner = self.scanner(segment)?;
        let mut offset = SECTOR_BYTES;
        self.found_mut(segment).used_bytes = offset;
        self.prove(self.header(segment).durable_lsn);
        let next = self.segments.get(segment + 1);
        let limit = next.map(|next| next.header.first_lsn);
        while limit != Some(self.expected) {
            let step = scanner.group_at(offset, self.expected);
            let (header, payload) = match step.map_err(self.unreadable(segment))? {
                Step::Group { header, payload } if header.lsn == self.expected => (header, payload),
                other => {
                    let damage = other.damage(self.expected);
                    return Ok(Some(End {
                        segment,
                        offset,
                        damage,
                    }));
                }
            };
            let group_bytes = header.group_bytes();
            self.prove(header.durable_lsn);
            self.visit_group(payload, visit)?;
            self.check_overlap(segment, offset, limit)?;
            self.note_unproven(segment, offset, &header);
            offset += group_bytes;
            self.found_mut(segment).used_bytes = offset;
        }
        Ok(None)
    }

    /// A group just read may not be on the disk yet, until a later header proves that it is.
    fn note_unproven(&mut self, segment: usize, offset: u64, header: &GroupHeader) {
        if self.expected > header.lsn {
            let (group_bytes, last) = (header.group_bytes(), self.expected.previous());
            self.unproven.push_back(Unproven {
                segment,
                offset,
                group_bytes,
                last,
            });
        }
    }

    fn visit_group(&mut self, payload: &[u8], visit: Visit<'_>) -> Result<(), WalError> {
        for record in Records::new(payload).map_while(Result::ok) {
            let lsn = self.expected;
            if lsn > self.after {
                visit(lsn, record).map_err(|source| WalError::Visit { lsn, source })?;
                self.records += 1;
            }
            self.expected = lsn.next();
        }
        Ok(())
    }

    /// A group must not reach into the records of the next segment.
    fn check_overlap(
        &self,
        segment: usize,
        offset: u64,
        limit: Option<Lsn>,
    ) -> Result<(), WalError> {
        match limit {
            Some(limit) if self.expected > limit => Err(WalError::Corrupt {
                path: self.path(segment),
                offset,
                damage: Damage::Order {
                    expected: limit,
                    found: self.expected,
                },
            }),
            _ => Ok(()),
        }
    }

    /// Refuses the log if a record after the end was acknowledged; else drops what follows.
    fn end_chain(&mut self, end: End) -> Result<Option<(PathBuf, u64)>, WalError> {
        let lost = self.expected;
        let evidence = self.evidence_after(&end)?;
        if evidence >= Some(lost) {
            return Err(WalError::Corrupt {
                path: self.path(end.segment),
                offset: end.offset,
                damage: end.damage.unwrap_or(Damage::GroupHeader { expected: lost }),
            });
        }
        let is_torn =
            end.damage.is_some() || evidence.is_some() || end.segment + 1 < self.segments.len();
        self.drop_segments_after(end.segment)?;
        self.expected = lost.max(self.after.next());
        Ok(is_torn.then(|| (self.path(end.segment), end.offset)))
    }

    /// The strongest claim about durability in what follows the end.
    fn evidence_after(&self, end: &End) -> Result<Option<Lsn>, WalError> {
        let mut scanner = self.scanner(end.segment)?;
        let mut evidence = scanner
            .evidence_from(end.offset)
            .map_err(self.unreadable(end.segment))?;
        for segment in end.segment + 1..self.segments.len() {
            let mut scanner = self.scanner(segment)?;
            let groups = scanner
                .evidence_from(SECTOR_BYTES)
                .map_err(self.unreadable(segment))?;
            evidence = evidence
                .max(groups)
                .max(Some(self.header(segment).durable_lsn));
        }
        Ok(evidence)
    }

    /// Cut in between, the next recovery drops the rest: it claims no more than the whole did.
    fn drop_segments_after(&mut self, segment: usize) -> Result<(), WalError> {
        for dropped in self.segments.drain(segment + 1..) {
            self.storage
                .remove(&dropped.path)
                .map_err(WalError::io("remove", &dropped.path))?;
        }
        Ok(())
    }

    fn prove(&mut self, durable: Lsn) {
        self.proven = self.proven.max(durable);
        while self
            .unproven
            .front()
            .is_some_and(|group| group.last <= durable)
        {
            self.unproven.pop_front();
        }
    }

    fn rewrite_unproven(&mut self) -> Result<(), WalError> {
        let mut open: Option<(usize, Box<dyn StorageFile>)> = None;
        for group in std::mem::take(&mut self.unproven) {
            let path = self.path(group.segment);
            let file = match open.take() {
                Some((segment, file)) if segment == group.segment => file,
                before => {
                    sync(before.map(|(_, file)| file)).map_err(WalError::io("sync", &path))?;
                    let opened = self.storage.open(&path, OpenMode::Write);
                    opened.map_err(WalError::io("open", &path))?
                }
            };
            rewrite(&*file, &group).map_err(WalError::io("rewrite the tail of", &path))?;
            open = Some((group.segment, file));
        }
        let path = open
            .as_ref()
            .map(|(segment, _)| self.path(*segment))
            .unwrap_or_default();
        sync(open.map(|(_, file)| file)).map_err(WalError::io("sync", path))
    }

    fn scanner(&self, segment: usize) -> Result<Scanner<Box<dyn StorageFile>>, WalError> {
        let path = self.path(segment);
        let file = self
            .storage
            .open(&path, OpenMode::Read)
            .map_err(WalError::io("open", &path))?;
        Ok(Scanner::new(file, *self.header(segment)).accept_torn(self.accepts_torn))
    }

    fn unreadable(&self, segment: usize) -> impl FnOnce(io::Error) -> WalError + use<> {
        WalError::io("read", self.path(segment))
    }

    fn found(&self, segment: usize) -> &Found {
        self.segments
            .get(segment)
            .expect("segments are numbered by this module")
    }

    fn found_mut(&mut self, segment: usize) -> &mut Found {
        self.segments
            .get_mut(segment)
            .expect("segments are numbered by this module")
    }

    fn header(&self, segment: usize) -> &SegmentHeader {
        &self.found(segment).header
    }

    fn path(&self, segment: usize) -> PathBuf {
        self.found(segment).path.clone()
    }
}

fn sync(file: Option<Box<dyn StorageFile>>) -> io::Result<()> {
    file.map_or(Ok(()), |file| file.sync_data())
}

fn rewrite(file: &dyn StorageFile, group: &Unproven) -> io::Result<()> {
    let len = usize::try_from(group.group_bytes).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, group.offset)?;
    file.write_at(&bytes, group.offset)
}
