//! The best k of a stream of scored rows, in bounded memory.
//!
//! A buffer takes what beats the worst of the best k known so far. Once it holds 2k, a partial
//! sort drops the lesser half. That costs a few operations a candidate however large k is, where
//! a heap costs log k of them.
//!
//! 1. The order is total: score, then the smaller id. So the outcome does not depend on the order
//!    in which rows are offered.

#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Score and id in one number; see `rank`.
    rank: u64,
    row: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Best {
    limit: usize,
    kept: Vec<Candidate>,
    floor: u64,
    floor_score: f32,
}

impl Best {
    /// Will keep the best `limit`, which is not 0.
    pub(super) fn new(limit: usize) -> Self {
        assert!(limit > 0, "the best none need no search");
        let kept = Vec::with_capacity(limit.saturating_mul(2));
        Self {
            limit,
            kept,
            floor: 0,
            floor_score: f32::NEG_INFINITY,
        }
    }

    /// Whether a row with this score can still be among the best. A quick test that may be wrong
    /// with "yes".
    pub(super) fn admits(&self, score: f32) -> bool {
        score >= self.floor_score
    }

    /// Takes a row if it is among the best of those offered until now.
    pub(super) fn push_if_better(&mut self, score: f32, id: u32, row: usize) {
        let rank = rank(score, id);
        if rank > self.floor {
            self.kept.push(Candidate { rank, row });
            if self.kept.len() >= self.limit.saturating_mul(2) {
                self.trim();
            }
        }
    }

    /// The best rows, in no order.
    pub(super) fn into_rows(mut self) -> Vec<usize> {
        if self.kept.len() > self.limit {
            self.trim();
        }
        self.kept.iter().map(|candidate| candidate.row).collect()
    }

    fn trim(&mut self) {
        let by_rank = |a: &Candidate, b: &Candidate| b.rank.cmp(&a.rank);
        let (_, worst, _) = self.kept.select_nth_unstable_by(self.limit - 1, by_rank);
        self.floor = worst.rank;
        self.floor_score = score_of(worst.rank);
        self.kept.truncate(self.limit);
    }
}

/// A number that is larger the better the row: the score's bits, made to order as the score does,
/// above the id's complement. `score` is not NaN. Never 0.
fn rank(score: f32, id: u32) -> u64 {
    let bits = score.to_bits();
    let ordered = if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    };
    u64::from(ordered) << 32 | u64::from(!id)
}

const fn score_of(rank: u64) -> f32 {
    let ordered = (rank >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 {
        ordered & !(1 << 31)
    } else {
        !ordered
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_order_by_score_then_by_smaller_id() {
        let scores = [
            -2.0,
            -0.5,
            -f32::MIN_POSITIVE,
            0.0,
            f32::MIN_POSITIVE,
            0.5,
            1.0,
        ];
        for pair in scores.windows(2) {
            assert!(rank(pair[0], 0) < rank(pair[1], u32::MAX), "{pair:?}");
        }
        for score in scores {
            assert_eq!(score_of(rank(score, 7)), score);
            assert!(rank(score, 1) > rank(score, 2));
        }
    }

    #[test]
    fn keeps_the_best_whatever_the_order_of_offers() {
        let scores: Vec<f32> = (0..1000_u16)
            .map(|n| f32::from(n % 101 * 89 % 101) / 101.0)
            .collect();
        for limit in [1, 3, 40, 999, 1000, 5000] {
            let forward = kept(limit, scores.iter().copied().enumerate());
            let backward = kept(limit, scores.iter().copied().enumerate().rev());
            assert_eq!(forward, backward);
            let mut naive: Vec<usize> = (0..1000).collect();
            naive.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
            naive.truncate(limit);
            naive.sort_unstable();
            assert_eq!(forward, naive);
        }
    }

    fn kept(limit: usize, offers: impl Iterator<Item = (usize, f32)>) -> Vec<usize> {
        let mut best = Best::new(limit);
        for (row, score) in offers {
            let id = u32::try_from(row).unwrap();
            if best.admits(score) {
                best.push_if_better(score, id, row);
            }
        }
        let mut rows = best.into_rows();
        rows.sort_unstable();
        rows
    }
}
