//! The best few of many documents.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::DocId;

/// A document and its score; the better one is greater, of equal ones the first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hit {
    score: f32,
    doc: u32,
}

impl Eq for Hit {}

impl Ord for Hit {
    fn cmp(&self, other: &Hit) -> Ordering {
        let by_score = self.score.total_cmp(&other.score);
        by_score.then_with(|| other.doc.cmp(&self.doc))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Hit) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Collects documents, which must come in ascending order.
#[derive(Debug)]
pub(super) struct Top {
    limit: usize,
    hits: BinaryHeap<Reverse<Hit>>,
    threshold: f32,
}

impl Top {
    /// For at most `limit`, which is not 0.
    pub(super) fn new(limit: usize) -> Top {
        assert!(limit > 0);
        Top {
            limit,
            hits: BinaryHeap::new(),
            threshold: f32::NEG_INFINITY,
        }
    }

    /// A document has to score more than this.
    #[inline]
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Adds a document that scores more than the threshold.
    pub(super) fn add(&mut self, doc: u32, score: f32) {
        if self.hits.len() == self.limit {
            self.hits.pop();
        }
        self.hits.push(Reverse(Hit { score, doc }));
        if self.hits.len() == self.limit {
            let worst = self.hits.peek();
            self.threshold = worst.map_or(f32::NEG_INFINITY, |Reverse(hit)| hit.score);
        }
    }

    /// What was collected, best first.
    pub(super) fn into_sorted(self) -> Vec<(DocId, f32)> {
        let sorted = self.hits.into_sorted_vec().into_iter();
        sorted
            .map(|Reverse(hit)| (DocId(hit.doc), hit.score))
            .collect()
    }
}
