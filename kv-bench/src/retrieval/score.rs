//! Recall@10 and MRR@10.

use serde::Serialize;

/// How many documents count.
pub const TOP: usize = 10;

/// What a method reached, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Score {
    /// The share of queries with an answer among the first ten documents.
    pub recall: f64,
    /// The mean of 1 / the rank of the first answer, 0 if it is beyond ten.
    pub mrr: f64,
}

impl Score {
    /// Of one query's ranking.
    #[must_use]
    pub fn of(ranking: &[u32], relevant: &[u32]) -> Score {
        let place = ranking
            .iter()
            .take(TOP)
            .position(|document| relevant.contains(document));
        match place {
            #[expect(clippy::cast_precision_loss, reason = "below ten")]
            Some(place) => Score {
                recall: 1.0,
                mrr: 1.0 / (place + 1) as f64,
            },
            None => Score::default(),
        }
    }

    /// The mean of scores, 0 of none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "some thousand scores")]
    pub fn mean(scores: &[Score]) -> Score {
        let count = scores.len().max(1) as f64;
        Score {
            recall: scores.iter().map(|score| score.recall).sum::<f64>() / count,
            mrr: scores.iter().map(|score| score.mrr).sum::<f64>() / count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_counts() {
        let score = Score::of(&[5, 6, 7], &[7, 6]);
        assert_eq!(
            score,
            Score {
                recall: 1.0,
                mrr: 0.5
            }
        );
        assert_eq!(Score::of(&[5, 6, 7], &[8]), Score::default());
    }

    #[test]
    fn what_is_beyond_ten_does_not_count() {
        let ranking: Vec<u32> = (0..20).collect();
        assert_eq!(Score::of(&ranking, &[10]), Score::default());
        assert_eq!(
            Score::of(&ranking, &[9]),
            Score {
                recall: 1.0,
                mrr: 0.1
            }
        );
    }

    #[test]
    fn a_mean_is_over_all_queries() {
        let scores = [
            Score {
                recall: 1.0,
                mrr: 0.5,
            },
            Score::default(),
        ];
        assert_eq!(
            Score::mean(&scores),
            Score {
                recall: 0.5,
                mrr: 0.25
            }
        );
        assert_eq!(Score::mean(&[]), Score::default());
    }
}
