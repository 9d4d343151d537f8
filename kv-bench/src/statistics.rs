//! What is said about repeated measurements.
//!
//! Runs on one machine drift together (heat, neighbours, the disk's mood), so two servers are
//! compared pair by pair: A and B measured next to each other give one ratio, and the median of
//! the ratios is the result. Single outliers move neither.

use serde::Serialize;

/// Several measurements of the same thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// As measured, in order.
    pub values: Vec<f64>,
    /// The middle one.
    pub median: f64,
    /// Half the distance between the smallest and the largest, as a share of the median.
    pub spread: f64,
}

impl Sample {
    /// Summary of `values`; `None` if there are none or one is not a finite number.
    #[must_use]
    pub fn new(values: Vec<f64>) -> Option<Sample> {
        let median = median(&values)?;
        let (least, most) = bounds(&values);
        let spread = if median == 0.0 {
            0.0
        } else {
            (most - least) / 2.0 / median.abs()
        };
        Some(Sample {
            values,
            median,
            spread,
        })
    }
}

/// The middle value, or the mean of the two middle ones; `None` if there are none or one is not a
/// finite number.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return Some(sorted[middle]);
    }
    Some(f64::midpoint(sorted[middle - 1], sorted[middle]))
}

/// Each of `ours` divided by the one of `theirs` measured next to it.
///
/// Pairs whose divisor is 0 are left out.
#[must_use]
pub fn pair_ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(theirs)
        .filter(|(_, theirs)| **theirs != 0.0)
        .map(|(ours, theirs)| ours / theirs)
        .collect()
}

fn bounds(values: &[f64]) -> (f64, f64) {
    values.iter().fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), &value| (least.min(value), most.max(value)),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn median_is_the_middle_value() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
    }

    #[test]
    fn nothing_and_nonsense_have_no_median() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(Sample::new(vec![f64::INFINITY]), None);
    }

    #[test]
    fn spread_is_half_the_range_over_the_median() {
        let sample = Sample::new(vec![90.0, 100.0, 120.0]).unwrap();
        assert_eq!(sample.median, 100.0);
        assert!((sample.spread - 0.15).abs() < 1e-12);
        assert_eq!(Sample::new(vec![0.0, 0.0]).unwrap().spread, 0.0);
    }

    #[test]
    fn ratios_pair_neighbours() {
        assert_eq!(pair_ratios(&[2.0, 9.0], &[1.0, 3.0]), [2.0, 3.0]);
        assert_eq!(pair_ratios(&[2.0, 9.0], &[0.0, 3.0]), [3.0]);
        assert_eq!(pair_ratios(&[2.0], &[1.0, 3.0]), [2.0]);
    }

    #[test]
    fn a_drift_common_to_both_does_not_move_the_ratio() {
        let theirs = [100.0, 50.0, 25.0, 80.0, 10.0];
        let ours = theirs.map(|value| value * 1.5);
        assert_eq!(median(&pair_ratios(&ours, &theirs)), Some(1.5));
    }

    proptest! {
        #[test]
        fn one_outlier_moves_the_median_only_between_its_neighbours(
            values in proptest::collection::vec(1.0_f64..100.0, 3..20),
            outlier in 1.0e3_f64..1.0e9,
        ) {
            let (least, most) = bounds(&values);
            let mut values = values;
            values.push(outlier);
            let median = median(&values).unwrap();
            prop_assert!((least..=most).contains(&median));
        }
    }
}
