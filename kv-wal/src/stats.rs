//! Counters of a log, cheap enough to be always on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Buckets of [`Stats::sync_buckets`].
pub const SYNC_BUCKET_COUNT: usize = 24;

/// What a log has done since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Groups written, empty ones included.
    pub groups: u64,
    /// Records written.
    pub records: u64,
    /// Bytes written, whole sectors.
    pub bytes: u64,
    /// Most records in one group.
    pub group_records_max: u64,
    /// Syncs of group data.
    pub syncs: u64,
    /// Nanoseconds spent in them.
    pub sync_ns: u64,
    /// Nanoseconds of the longest.
    pub sync_ns_max: u64,
    /// Syncs by duration: bucket `i` counts those of less than 2^i microseconds that no earlier
    /// bucket counts; the last one takes all the rest.
    pub sync_buckets: [u64; SYNC_BUCKET_COUNT],
    /// Segments made from nothing.
    pub segments_prepared: u64,
    /// Segments kept after a purge to be used again.
    pub segments_recycled: u64,
    /// Segments removed by a purge.
    pub segments_removed: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    groups: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    group_records_max: AtomicU64,
    syncs: AtomicU64,
    sync_ns: AtomicU64,
    sync_ns_max: AtomicU64,
    /// Of the last sync.
    sync_ns_last: AtomicU64,
    sync_buckets: [AtomicU64; SYNC_BUCKET_COUNT],
    pub(crate) segments_prepared: AtomicU64,
    pub(crate) segments_recycled: AtomicU64,
    pub(crate) segments_removed: AtomicU64,
}

impl Counters {
    pub(crate) fn wrote_group(&self, records: u64, bytes: u64) {
        self.groups.fetch_add(1, Relaxed);
        self.records.fetch_add(records, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.group_records_max.fetch_max(records, Relaxed);
    }

    pub(crate) fn synced(&self, ns: u64) {
        self.syncs.fetch_add(1, Relaxed);
        self.sync_ns.fetch_add(ns, Relaxed);
        self.sync_ns_max.fetch_max(ns, Relaxed);
        self.sync_ns_last.store(ns, Relaxed);
        if let Some(bucket) = self.sync_buckets.get(bucket(ns)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// How long the last sync took.
    pub(crate) fn sync_ns_last(&self) -> u64 {
        self.sync_ns_last.load(Relaxed)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            groups: self.groups.load(Relaxed),
            records: self.records.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            group_records_max: self.group_records_max.load(Relaxed),
            syncs: self.syncs.load(Relaxed),
            sync_ns: self.sync_ns.load(Relaxed),
            sync_ns_max: self.sync_ns_max.load(Relaxed),
            sync_buckets: self
                .sync_buckets
                .each_ref()
                .map(|bucket| bucket.load(Relaxed)),
            segments_prepared: self.segments_prepared.load(Relaxed),
            segments_recycled: self.segments_recycled.load(Relaxed),
            segments_removed: self.segments_removed.load(Relaxed),
        }
    }
}

fn bucket(ns: u64) -> usize {
    let us = ns / 1000;
    let bits = u64::BITS - us.leading_zeros();
    (bits as usize).min(SYNC_BUCKET_COUNT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_double() {
        assert_eq!(bucket(999), 0);
        assert_eq!(bucket(1_000), 1);
        assert_eq!(bucket(3_999), 2);
        assert_eq!(bucket(4_000), 3);
        assert_eq!(bucket(u64::MAX), SYNC_BUCKET_COUNT - 1);
    }
}
