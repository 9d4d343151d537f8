//! The live segments, in order; the last one is the active one.
//!
//! Knows which segments may go, and how much the log holds; touches no file.

use crate::{Lsn, options::Options, planted::Bug, segment::SegmentInfo};

#[derive(Debug, Default)]
pub(crate) struct Catalog {
    segments: Vec<SegmentInfo>,
    /// Whether the caller wants a head record in each segment: then the newest one must stay.
    uses_heads: bool,
}

impl Catalog {
    pub(crate) fn new(segments: Vec<SegmentInfo>) -> Catalog {
        Catalog {
            segments,
            uses_heads: false,
        }
    }

    pub(crate) fn segments(&self) -> &[SegmentInfo] {
        &self.segments
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.used_bytes).sum()
    }

    pub(crate) fn activate(&mut self, segment: SegmentInfo) {
        self.segments.push(segment);
    }

    /// A group now ends at `used_bytes` of the active segment.
    pub(crate) fn extend(&mut self, used_bytes: u64, has_head: bool) {
        if let Some(active) = self.segments.last_mut() {
            active.used_bytes = used_bytes;
            active.has_head |= has_head;
        }
    }

    pub(crate) fn use_heads(&mut self) {
        self.uses_heads = true;
    }

    /// Takes out the segments whose records are all at or below `through`. Never the last one, and
    /// never the newest that has the caller's head, nor any after it.
    pub(crate) fn take_purged(&mut self, through: Lsn, options: &Options) -> Vec<SegmentInfo> {
        let followers = self.segments.iter().skip(1);
        let obsolete = followers
            .take_while(|next| next.first_lsn.previous() <= through)
            .count();
        let early = usize::from(options.plants(Bug::PurgeEarly) && obsolete > 0);
        let removable = (obsolete + early).min(self.segments.len().saturating_sub(1));
        self.segments
            .drain(..removable.min(self.before_newest_head()))
            .collect()
    }

    fn before_newest_head(&self) -> usize {
        if !self.uses_heads {
            return self.segments.len();
        }
        self.segments
            .iter()
            .rposition(|segment| segment.has_head)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(first_lsns: &[u64]) -> Catalog {
        let segment = |(index, &first): (usize, &u64)| SegmentInfo {
            seq: index as u64,
            first_lsn: Lsn(first),
            path: format!("{index}").into(),
            segment_bytes: 4096,
            used_bytes: 512,
            has_head: false,
        };
        Catalog::new(first_lsns.iter().enumerate().map(segment).collect())
    }

    fn purge(catalog: &mut Catalog, through: u64) -> Vec<u64> {
        let purged = catalog.take_purged(Lsn(through), &Options::default());
        purged.iter().map(|segment| segment.first_lsn.0).collect()
    }

    #[test]
    fn only_segments_wholly_below_go() {
        let mut catalog = catalog(&[1, 10, 20, 30]);
        assert_eq!(purge(&mut catalog, 8), [0u64; 0]);
        assert_eq!(purge(&mut catalog, 9), [1]);
        assert_eq!(purge(&mut catalog, 28), [10]);
    }

    #[test]
    fn the_active_segment_stays() {
        let mut catalog = catalog(&[1, 10]);
        assert_eq!(purge(&mut catalog, u64::MAX), [1]);
        assert_eq!(purge(&mut catalog, u64::MAX), [0u64; 0]);
    }

    #[test]
    fn the_newest_head_stays() {
        let mut catalog = catalog(&[1, 10, 20]);
        catalog.use_heads();
        assert_eq!(
            purge(&mut catalog, u64::MAX),
            [0u64; 0],
            "no head is durable yet"
        );
        catalog.segments[1].has_head = true;
        assert_eq!(purge(&mut catalog, u64::MAX), [1]);
        assert_eq!(purge(&mut catalog, u64::MAX), [0u64; 0]);
    }
}
