//! Reciprocal-rank fusion: rankings become one.
//!
//! A document scores the sum over rankings of weight / (k + rank). Cormack, Clarke, Büttcher:
//! Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, SIGIR 2009.

use std::collections::HashMap;

/// Smooths the difference between first ranks.
pub const K: f64 = 60.0;

/// The documents of all rankings, best first; of equals, the lower number first.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
pub fn fuse(rankings: &[(&[u32], f64)], k: f64) -> Vec<u32> {
    let mut scores: HashMap<u32, f64> = HashMap::new();
    for (ranking, weight) in rankings {
        for (place, document) in ranking.iter().enumerate() {
            *scores.entry(*document).or_default() += weight / (k + place as f64 + 1.0);
        }
    }
    let mut fused: Vec<(u32, f64)> = scores.into_iter().collect();
    fused.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    fused.into_iter().map(|(document, _)| document).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_rankings_have_comes_first() {
        let fused = fuse(&[(&[1, 2, 3], 1.0), (&[4, 2, 5], 1.0)], K);
        assert_eq!(fused, [2, 1, 4, 3, 5]);
    }

    #[test]
    fn a_weight_of_two_counts_twice() {
        assert_eq!(fuse(&[(&[1], 1.0), (&[2], 2.0)], K), [2, 1]);
    }
}
