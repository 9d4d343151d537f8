//! Where appended records wait: numbers them, and holds them to the room there is.
//!
//! 1. Numbers follow the order of the calls, without a gap.
//! 2. A record is taken only if the segment it will lie in exists and has room for it and for one
//!    empty group behind it. So a record once taken cannot run out of space.
//! 3. One spare segment is the reserve: only records marked as reserved may start it.
//!
//! Does no I/O and never waits; says what is missing instead.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    Lsn,
    group::{GROUP_OVERHEAD_BYTES, GroupBuffer},
    options::Options,
    record::{Entry, RECORD_HEADER_BYTES},
    segment::{SECTOR_BYTES, Spare, round_to_sectors},
};

/// A buffer that grew beyond this is not kept for the next group.
const BUFFER_KEEP_BYTES: usize = 4 << 20;
const BUFFERS_KEPT: usize = 2;

/// Records that go to one segment in one write.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) group: GroupBuffer,
    pub(crate) first_lsn: Lsn,
    /// The file that becomes the active segment before the write.
    pub(crate) spare: Option<Spare>,
    pub(crate) has_head: bool,
}

impl Batch {
    /// The last record's number; the one before the first if there is none.
    pub(crate) fn last_lsn(&self) -> Lsn {
        self.first_lsn.plus(self.group.records()).previous()
    }
}

/// Why a record was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Busy,
    TooLarge {
        bytes: usize,
        limit: usize,
    },
    /// There is no spare segment of this many bytes.
    NoSegment {
        segment_bytes: u64,
    },
}

#[derive(Debug)]
struct Head {
    kind: u8,
    flags: u8,
    body: Vec<u8>,
}

impl Head {
    fn with<T>(&self, take: impl FnOnce(&Entry<'_>) -> T) -> T {
        take(&Entry {
            kind: self.kind,
            flags: self.flags,
            parts: &[&self.body],
        })
    }
}

#[derive(Debug)]
pub(crate) struct Staging {
    pending_bytes_max: usize,
    record_bytes_max: usize,
    spare_segments: usize,
    spares_max: usize,
    next_lsn: Lsn,
    /// Bytes of the segment that `open` goes to, and how many of them are left.
    segment_bytes: u64,
    room: u64,
    open: Batch,
    /// Filled before `open`, each the last of its segment.
    closed: VecDeque<Batch>,
    closed_bytes: usize,
    spares: Vec<Spare>,
    head: Option<Head>,
    head_due: bool,
    /// Size of the spare that a refused record asked for.
    asked_bytes: u64,
    /// Why the last preparation of a spare failed, if it did.
    pub(crate) starved: Option<Arc<str>>,
    buffers: Vec<Vec<u8>>,
}

impl Staging {
    /// Starts after `last`, with no segment to write to yet.
    pub(crate) fn new(options: &Options, last: Lsn, spares: Vec<Spare>) -> Staging {
        Staging {
            pending_bytes_max: options.pending_bytes_max,
            record_bytes_max: options.record_bytes_max,
            spare_segments: options.spare_segments,
            spares_max: options.spares_max(),
            next_lsn: last.next(),
            segment_bytes: 0,
            room: 0,
            open: empty_batch(last.next(), Vec::new()),
            closed: VecDeque::new(),
            closed_bytes: 0,
            spares,
            head: None,
            head_due: false,
            asked_bytes: 0,
            starved: None,
            buffers: Vec::new(),
        }
    }

    /// Takes a record; its number. A `reserved` one may use the reserve segment.
    pub(crate) fn append(&mut self, entry: &Entry<'_>, reserved: bool) -> Result<Lsn, Refusal> {
        let bytes = entry.body_bytes();
        if bytes > self.record_bytes_max {
            return Err(Refusal::TooLarge {
                bytes,
                limit: self.record_bytes_max,
            });
        }
        let pending = self.pending_bytes();
        if pending > 0 && pending + RECORD_HEADER_BYTES + bytes > self.pending_bytes_max {
            return Err(Refusal::Busy);
        }
        self.make_room(RECORD_HEADER_BYTES + bytes, reserved)?;
        if self.head_due {
            self.push_head();
        }
        Ok(self.push(entry))
    }

    /// Bytes of records that wait.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.closed_bytes + self.open.group.payload_bytes()
    }

    pub(crate) fn has_pending(&self) -> bool {
        self.open.group.records() > 0 || !self.closed.is_empty()
    }

    /// Whether what is pending needs another segment than the one in use.
    pub(crate) fn starts_segment(&self) -> bool {
        self.open.spare.is_some() || !self.closed.is_empty()
    }

    pub(crate) fn last_lsn(&self) -> Lsn {
        self.next_lsn.previous()
    }

    /// Moves everything pending to `batches`, oldest first.
    pub(crate) fn take(&mut self, batches: &mut Vec<Batch>) {
        batches.extend(self.closed.drain(..));
        self.closed_bytes = 0;
        if self.open.group.records() > 0 {
            self.room -= self.open.group.group_bytes_with(0);
            batches.push(self.reopen(None));
        }
    }

    /// An empty group for the active segment, if there is room for it and nothing is pending.
    pub(crate) fn seal(&mut self) -> Option<Batch> {
        if self.has_pending() || self.room < SECTOR_BYTES {
            return None;
        }
        self.room -= SECTOR_BYTES;
        Some(self.reopen(None))
    }

    /// An empty group that starts a fresh segment, if a spare may be had.
    pub(crate) fn start_segment(&mut self) -> Option<Batch> {
        self.roll(0, true).ok()?;
        Some(self.reopen(None))
    }

    /// Takes the memory of a written batch back.
    pub(crate) fn reuse(&mut self, batch: Batch) {
        let bytes = batch.group.into_bytes();
        if self.buffers.len() < BUFFERS_KEPT && bytes.capacity() <= BUFFER_KEEP_BYTES {
            self.buffers.push(bytes);
        }
    }

    /// Sets the record that each new segment starts with. If the segment in use has none yet, the
    /// next append puts it there.
    pub(crate) fn set_head(&mut self, kind: u8, flags: u8, body: Vec<u8>) {
        self.head_due |= self.head.is_none();
        self.head = Some(Head { kind, flags, body });
    }

    pub(crate) fn add_spare(&mut self, spare: Spare) {
        self.spares.push(spare);
        self.starved = None;
    }

    /// How many purged segments are worth keeping as spares. When the disk is full, what has to be
    /// written beside the log needs the room more.
    pub(crate) fn spares_kept(&self) -> usize {
        let kept = match self.starved {
            None => self.spares_max,
            Some(_) => 1 + self.spare_segments,
        };
        kept.saturating_sub(self.spares.len())
    }

    /// How many spares to have ready now: the reserve, and more once the segment is half full.
    fn spares_wanted(&self) -> usize {
        if self.room * 2 > self.segment_bytes {
            1
        } else {
            1 + self.spare_segments
        }
    }

    /// Whether another spare should be prepared, and of at least how many bytes.
    pub(crate) fn wants_spare(&self) -> Option<u64> {
        let unserved = self.asked_bytes > 0 && self.choose(self.asked_bytes, false).is_none();
        let wanted = unserved || self.spares.len() < self.spares_wanted();
        wanted.then_some(self.asked_bytes)
    }

    pub(crate) fn lacks_reserve(&self) -> bool {
        self.spares.is_empty()
    }

    /// Whether a refused record waits for a spare.
    pub(crate) fn is_asked_for_spare(&self) -> bool {
        self.asked_bytes > 0
    }

    /// How much of the segment in use is taken, in 256ths.
    pub(crate) fn fill(&self) -> u64 {
        (self.segment_bytes - self.room) * 256 / self.segment_bytes.max(1)
    }

    /// Gives up on a spare for now.
    pub(crate) fn starve(&mut self, reason: Arc<str>) {
        self.asked_bytes = 0;
        self.starved = Some(reason);
    }

    /// There are enough spares; whether there had been too few, and no room for more.
    pub(crate) fn recover(&mut self) -> bool {
        self.starved.take().is_some()
    }

    fn make_room(&mut self, record_bytes: usize, reserved: bool) -> Result<(), Refusal> {
        let due = if self.head_due { self.head_bytes() } else { 0 };
        let needed = self.open.group.group_bytes_with(record_bytes + due) + SECTOR_BYTES;
        if needed <= self.room {
            return Ok(());
        }
        self.roll(record_bytes, reserved)
    }

    /// Lets what follows go to a fresh segment that has room for `record_bytes`.
    fn roll(&mut self, record_bytes: usize, reserved: bool) -> Result<(), Refusal> {
        let group = GROUP_OVERHEAD_BYTES + self.head_bytes() + record_bytes;
        let segment_bytes = round_to_sectors(group as u64) + 2 * SECTOR_BYTES;
        let Some(index) = self.choose(segment_bytes, reserved) else {
            self.asked_bytes = self.asked_bytes.max(segment_bytes);
            return Err(Refusal::NoSegment { segment_bytes });
        };
        let spare = self.spares.swap_remove(index);
        self.asked_bytes = 0;
        self.segment_bytes = spare.segment_bytes;
        self.room = spare.segment_bytes - SECTOR_BYTES;
        self.head_due = self.head.is_some();
        let full = self.reopen(Some(spare));
        if full.group.records() > 0 || full.spare.is_some() {
            self.closed_bytes += full.group.payload_bytes();
            self.closed.push_back(full);
        }
        Ok(())
    }

    /// The largest spare, if it has `segment_bytes` and the reserve is not touched.
    fn choose(&self, segment_bytes: u64, reserved: bool) -> Option<usize> {
        if self.spares.len() < 2 && !reserved {
            return None;
        }
        let spares = self.spares.iter().enumerate();
        let (index, largest) = spares.max_by_key(|(_, spare)| spare.segment_bytes)?;
        (largest.segment_bytes >= segment_bytes).then_some(index)
    }

    /// Starts another batch; the one before.
    fn reopen(&mut self, spare: Option<Spare>) -> Batch {
        let buffer = self.buffers.pop().unwrap_or_default();
        let mut batch = empty_batch(self.next_lsn, buffer);
        batch.spare = spare;
        std::mem::replace(&mut self.open, batch)
    }

    fn head_bytes(&self) -> usize {
        self.head
            .as_ref()
            .map_or(0, |head| RECORD_HEADER_BYTES + head.body.len())
    }

    fn push_head(&mut self) {
        self.head_due = false;
        if let Some(head) = self.head.take() {
            head.with(|entry| self.push(entry));
            self.head = Some(head);
            self.open.has_head = true;
        }
    }

    fn push(&mut self, entry: &Entry<'_>) -> Lsn {
        self.open.group.push(entry);
        let lsn = self.next_lsn;
        self.next_lsn = lsn.next();
        lsn
    }
}

fn empty_batch(first_lsn: Lsn, buffer: Vec<u8>) -> Batch {
    Batch {
        group: GroupBuffer::new(buffer),
        first_lsn,
        spare: None,
        has_head: false,
    }
}
