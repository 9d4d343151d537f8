//! What a comparison found.

use serde::Serialize;

use super::durability::Durability;
use super::machine::Machine;
use crate::statistics::{Sample, pair_ratios};

/// Everything that one run of `kv-bench compare` found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Results {
    /// Where and with what.
    pub machine: Machine,
    /// What was measured.
    pub rows: Vec<Row>,
}

/// One thing measured on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The workload's name.
    pub workload: &'static str,
    /// Which case of it.
    pub case: String,
    /// What an acknowledged write had behind it, on both sides.
    pub durability: Durability,
    /// What the values are.
    pub unit: Unit,
    /// kv-node.
    pub ours: Side,
    /// redis-server.
    pub theirs: Side,
    /// Ours divided by theirs, pair by pair.
    pub ratio: Sample,
    /// What it should be, if something was promised.
    pub goal: Option<Goal>,
}

/// One contender's measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// The values.
    pub values: Sample,
    /// Server processor time for a million operations, in seconds.
    pub cpu_seconds_per_mop: Option<Sample>,
    /// Resident memory at the end of each run.
    pub rss_bytes: Option<Sample>,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Answers a second; more is better.
    OpsPerSecond,
    /// Memory for one key; less is better.
    BytesPerKey,
    /// Time; less is better.
    Seconds,
    /// Latency; less is better.
    Microseconds,
    /// A latency over another; less is better.
    Factor,
}

/// What a row should show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// Ours over theirs, at least.
    RatioAtLeast(f64),
    /// Ours over theirs, at most.
    RatioAtMost(f64),
    /// Our own value, at most.
    OursAtMost(f64),
}

/// One measurement of one contender.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// In the row's unit.
    pub value: f64,
    /// Server processor time for a million operations, in seconds.
    pub cpu_seconds_per_mop: Option<f64>,
    /// Resident memory at the end.
    pub rss_bytes: Option<f64>,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// The workload's name.
    pub workload: &'static str,
    /// Which case of it.
    pub case: String,
    /// What an acknowledged write has behind it.
    pub durability: Durability,
    /// What the values are.
    pub unit: Unit,
    /// What it should be.
    pub goal: Option<Goal>,
}

impl Reading {
    /// A value alone.
    #[must_use]
    pub fn of(value: f64) -> Reading {
        Reading {
            value,
            cpu_seconds_per_mop: None,
            rss_bytes: None,
        }
    }
}

impl Row {
    /// The row of `subject` from pairs of readings, ours first; `None` without any, or if one is
    /// not a number.
    #[must_use]
    pub fn new(subject: Subject, pairs: &[(Reading, Reading)]) -> Option<Row> {
        let (ours, theirs): (Vec<Reading>, Vec<Reading>) = pairs.iter().copied().unzip();
        let (ours, theirs) = (Side::new(&ours)?, Side::new(&theirs)?);
        let ratio = Sample::new(pair_ratios(&ours.values.values, &theirs.values.values))?;
        Some(Row {
            workload: subject.workload,
            case: subject.case,
            durability: subject.durability,
            unit: subject.unit,
            ours,
            theirs,
            ratio,
            goal: subject.goal,
        })
    }

    /// Whether the goal is met; `None` if there is none.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::RatioAtLeast(least) => self.ratio.median >= least,
            Goal::RatioAtMost(most) => self.ratio.median <= most,
            Goal::OursAtMost(most) => self.ours.values.median <= most,
        })
    }
}

impl Side {
    fn new(readings: &[Reading]) -> Option<Side> {
        let sample = |value: fn(&Reading) -> Option<f64>| {
            Sample::new(readings.iter().map(value).collect::<Option<Vec<f64>>>()?)
        };
        Some(Side {
            values: sample(|reading| Some(reading.value))?,
            cpu_seconds_per_mop: sample(|reading| reading.cpu_seconds_per_mop),
            rss_bytes: sample(|reading| reading.rss_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(f64, f64)], goal: Goal) -> Row {
        let subject = Subject {
            workload: "set-durable",
            case: "50 clients".to_owned(),
            durability: Durability::Always,
            unit: Unit::OpsPerSecond,
            goal: Some(goal),
        };
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(ours, theirs)| (Reading::of(*ours), Reading::of(*theirs)))
            .collect();
        Row::new(subject, &pairs).unwrap()
    }

    #[test]
    fn the_ratio_is_the_median_of_the_pairs_not_the_ratio_of_the_medians() {
        let row = row(
            &[(10.0, 10.0), (40.0, 20.0), (90.0, 30.0)],
            Goal::RatioAtLeast(2.0),
        );
        assert_eq!(row.ratio.values, [1.0, 2.0, 3.0]);
        assert_eq!(row.ratio.median, 2.0);
        assert_eq!(row.is_met(), Some(true));
    }

    #[test]
    fn goals_are_judged_by_medians() {
        let pairs = [(1.0, 2.0), (3.0, 2.0), (1.5, 2.0)];
        assert_eq!(row(&pairs, Goal::RatioAtLeast(0.8)).is_met(), Some(false));
        assert_eq!(row(&pairs, Goal::RatioAtMost(0.75)).is_met(), Some(true));
        assert_eq!(row(&pairs, Goal::OursAtMost(1.4)).is_met(), Some(false));
    }

    #[test]
    fn a_cost_that_was_not_always_read_is_left_out() {
        let with = Reading {
            rss_bytes: Some(5.0),
            ..Reading::of(1.0)
        };
        let side = Side::new(&[with, with]).unwrap();
        assert_eq!(side.rss_bytes.unwrap().median, 5.0);
        assert_eq!(
            Side::new(&[with, Reading::of(1.0)]).unwrap().rss_bytes,
            None
        );
        assert_eq!(Side::new(&[]), None);
    }
}
