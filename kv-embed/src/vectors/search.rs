//! One search: which rows are looked at, and how closely.

use super::{Filter, Hit, VectorIndex, best::Best, quantized::Query, sketch::Sketches};

/// How many candidates ahead of the current one to ask memory for.
const PREFETCH_ROWS: usize = 4;

/// See the module.
pub(super) struct Search<'a> {
    pub(super) index: &'a VectorIndex,
    pub(super) query: Query,
    pub(super) filter: Option<Filter<'a>>,
}

impl Search<'_> {
    /// The `k` best, in order; `k` is at most the number of rows.
    pub(super) fn hits(&self, k: usize) -> Vec<Hit> {
        if k == 0 {
            return Vec::new();
        }
        let rows = self.shortlist(k).into_iter();
        let mut hits: Vec<Hit> = rows.map(|row| self.hit(row)).collect();
        hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        hits.truncate(k);
        hits
    }

    fn hit(&self, row: usize) -> Hit {
        Hit {
            id: self.index.ids[row],
            score: self.index.rows.cosine(&self.query, row),
        }
    }

    /// The rows among which the `k` best are, as far as a quantised query can tell.
    fn shortlist(&self, k: usize) -> Vec<usize> {
        let mut best = Best::new(shortlist_count(k).min(self.index.len()));
        let count = candidate_count(self.index.options.candidate_count, k);
        match &self.index.sketches {
            Some(sketches) if count <= self.index.len() / 4 => {
                self.score_rows(&self.candidates(sketches, count), &mut best);
            }
            _ => self.score_all(&mut best),
        }
        best.into_rows()
    }

    /// The rows that are best by their sketches, in ascending order.
    fn candidates(&self, sketches: &Sketches, count: usize) -> Vec<usize> {
        let mut best = Best::new(count);
        sketches.scan(self.index.kernel, &self.query, |first, estimates| {
            self.offer(&mut best, first, estimates);
        });
        let mut rows = best.into_rows();
        rows.sort_unstable();
        rows
    }

    fn score_all(&self, best: &mut Best) {
        let rows = &self.index.rows;
        rows.scan(self.index.kernel, &self.query, |first, scores| {
            self.offer(best, first, scores);
        });
    }

    fn score_rows(&self, rows: &[usize], best: &mut Best) {
        for (place, row) in rows.iter().enumerate() {
            if let Some(ahead) = rows.get(place + PREFETCH_ROWS) {
                self.index.rows.prefetch(self.index.kernel, *ahead);
            }
            let score = self.index.rows.score(self.index.kernel, &self.query, *row);
            best.push_if_better(score, self.index.ids[*row], *row);
        }
    }

    /// Offers a run of rows. The filter, which may be slow, is asked last.
    fn offer(&self, best: &mut Best, first: usize, scores: &[f32]) {
        for (row, score) in (first..).zip(scores) {
            if best.admits(*score) && self.is_wanted(row) {
                best.push_if_better(*score, self.index.ids[row], row);
            }
        }
    }

    fn is_wanted(&self, row: usize) -> bool {
        self.filter.is_none_or(|admits| admits(self.index.ids[row]))
    }
}

/// How many rows to rank by their cosine for `k` hits: enough that rounding the query costs none.
const fn shortlist_count(k: usize) -> usize {
    k.saturating_mul(2).saturating_add(16)
}

/// How many rows to look at after their sketches for `k` hits.
fn candidate_count(option: usize, k: usize) -> usize {
    option.max(k.saturating_mul(20))
}
