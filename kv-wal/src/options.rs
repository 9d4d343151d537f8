//! The settings of a log.

use std::time::Duration;

use crate::{WalError, planted::Bug, segment::SECTOR_BYTES};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// When a record counts as committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Once it is on the disk: one `fdatasync` a group. Survives a power cut.
    Always,
    /// Once it is handed to the operating system; a separate thread syncs this often. A power cut
    /// costs at most about this much time; a crash of the process alone costs nothing.
    Interval(Duration),
    /// Once it is handed to the operating system; synced only when a segment is full and on close.
    Never,
}

/// The settings of a log. Plain data; checked by `open`.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a full-grown segment file. Default 64 MiB; 4 KiB to 1 GiB, a multiple of 4 KiB.
    pub segment_bytes: u64,
    /// Bytes of the first segment of a small log; segments grow with what the log holds, up to
    /// `segment_bytes`. Default 4 MiB; 4 KiB to 1 GiB, a multiple of 4 KiB. Above
    /// `segment_bytes` it means the same as that.
    pub segment_bytes_first: u64,
    /// Segments kept ready beside the active one and the reserve, once the active one is half full.
    /// Default 1; 1 to 16.
    pub spare_segments: usize,
    /// Most purged segments that are kept to be used again: a fresh one is filled with zeros first,
    /// which takes as much of the disk as the records that it will hold. Default 8; 1 to 64.
    pub recycled_segments_max: usize,
    /// When a record counts as committed. Default [`SyncPolicy::Always`].
    pub sync: SyncPolicy,
    /// Bytes that may wait to be written, not counting the group in flight; a single record is
    /// always taken when nothing waits. Default 64 MiB; 4 KiB to 1 GiB.
    pub pending_bytes_max: usize,
    /// Longest body of a record in bytes. Default 32 MiB; 1 byte to 512 MiB. One longer than a
    /// segment gets a segment of its own size.
    pub record_bytes_max: usize,
    /// While the last sync took no longer than this, a caller that flushes and finds the writer idle
    /// writes and syncs on its own thread: to wake a thread and be woken by it again takes as long as
    /// a quick disk's sync. The first sync that takes longer holds that caller up; from then on the
    /// writer has the disk, until it is quick again. Default 0: a flush never waits for the disk.
    pub caller_sync_max: Duration,
    /// How long the log is idle before it writes an empty group, which proves to recovery that
    /// everything before was synced. Default 1 s.
    pub seal_after: Duration,
    /// Where the salts of segments come from. Default `None`: the operating system. A fixed seed
    /// makes the bytes on disk reproducible, for tests.
    pub salt_seed: Option<u64>,
    /// A deliberate fault.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<Bug>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            segment_bytes: 64 * MIB,
            segment_bytes_first: 4 * MIB,
            spare_segments: 1,
            recycled_segments_max: 8,
            sync: SyncPolicy::Always,
            pending_bytes_max: 64 << 20,
            record_bytes_max: 32 << 20,
            caller_sync_max: Duration::ZERO,
            seal_after: Duration::from_secs(1),
            salt_seed: None,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

impl Options {
    /// Whether every field is within its bounds.
    ///
    /// # Errors
    /// [`WalError::InvalidOptions`] names the first field that is not.
    pub fn validate(&self) -> Result<(), WalError> {
        let checks = [
            (
                is_segment_size(self.segment_bytes),
                "segment_bytes: 4 KiB to 1 GiB in steps of 4 KiB",
            ),
            (
                is_segment_size(self.segment_bytes_first),
                "segment_bytes_first: 4 KiB to 1 GiB in steps of 4 KiB",
            ),
            (
                (1..=16).contains(&self.spare_segments),
                "spare_segments: 1 to 16",
            ),
            (
                (1..=64).contains(&self.recycled_segments_max),
                "recycled_segments_max: 1 to 64",
            ),
            (
                (4 << 10..=1 << 30).contains(&self.pending_bytes_max),
                "pending_bytes_max: 4 KiB to 1 GiB",
            ),
            (
                (1..=512 << 20).contains(&self.record_bytes_max),
                "record_bytes_max: 1 byte to 512 MiB",
            ),
        ];
        match checks.iter().find(|(ok, _)| !ok) {
            Some((_, message)) => Err(WalError::InvalidOptions(message)),
            None => Ok(()),
        }
    }

    /// Most spares that are kept.
    pub(crate) fn spares_max(&self) -> usize {
        self.recycled_segments_max.max(1 + self.spare_segments)
    }

    /// The size for the next segment of a log whose live segments hold `used_bytes`.
    pub(crate) fn next_segment_bytes(&self, used_bytes: u64) -> u64 {
        let first = self.segment_bytes_first.min(self.segment_bytes);
        let grown = used_bytes
            .checked_next_power_of_two()
            .unwrap_or(self.segment_bytes);
        grown.clamp(first, self.segment_bytes)
    }

    #[cfg(feature = "planted-bugs")]
    pub(crate) fn plants(&self, bug: Bug) -> bool {
        self.planted == Some(bug)
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[expect(
        clippy::unused_self,
        reason = "the feature's version reads the options"
    )]
    pub(crate) fn plants(&self, _bug: Bug) -> bool {
        false
    }
}

/// Segment sizes are whole pages: the kernel writes whole pages anyway.
pub(crate) const SEGMENT_STEP_BYTES: u64 = 4 * KIB;

fn is_segment_size(bytes: u64) -> bool {
    const { assert!(SEGMENT_STEP_BYTES.is_multiple_of(SECTOR_BYTES)) };
    (SEGMENT_STEP_BYTES..=1024 * MIB).contains(&bytes) && bytes.is_multiple_of(SEGMENT_STEP_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        Options::default().validate().unwrap();
    }

    #[test]
    fn a_field_out_of_bounds_is_named() {
        let options = Options {
            segment_bytes: 5000,
            ..Options::default()
        };
        let message = options.validate().unwrap_err().to_string();
        assert!(message.contains("segment_bytes"), "{message}");
    }

    #[test]
    fn segments_grow_with_what_the_log_holds() {
        let options = Options::default();
        assert_eq!(options.next_segment_bytes(0), 4 * MIB);
        assert_eq!(options.next_segment_bytes(9 * MIB), 16 * MIB);
        assert_eq!(options.next_segment_bytes(u64::MAX), 64 * MIB);
    }
}
