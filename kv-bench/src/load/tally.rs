//! What one generating thread counted.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::protocol::Answer;
use crate::workload::Kind;

/// Latencies are kept between a microsecond and a minute, to three digits.
const LATENCY_NS_MIN: u64 = 1_000;
const LATENCY_NS_MAX: u64 = 60_000_000_000;
const LATENCY_DIGITS: u8 = 3;

/// More kinds of errors than this are counted as one.
const ERROR_KIND_COUNT_MAX: usize = 32;
const OTHER_ERRORS: &str = "(others)";

/// Counts of recorded answers. Threads' tallies add up.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) reads: Histogram<u64>,
    pub(super) writes: Histogram<u64>,
    /// Reads of keys that were not there.
    pub(super) misses: u64,
    /// Answers that contradict what was written.
    pub(super) mismatches: u64,
    /// Connections that the server or the network ended.
    pub(super) lost_connections: u64,
    /// Refusals by kind, each with its count and the first message.
    pub(super) errors: BTreeMap<String, ErrorCount>,
}

/// How often one kind of error came.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ErrorCount {
    /// How often.
    pub count: u64,
    /// The first message.
    pub example: String,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            reads: histogram(),
            writes: histogram(),
            misses: 0,
            mismatches: 0,
            lost_connections: 0,
            errors: BTreeMap::new(),
        }
    }

    /// Counts `count` answers that took `latency` each.
    pub(super) fn count(&mut self, kind: Kind, latency: Duration, count: u64) {
        if count == 0 {
            return;
        }
        let latency_ns = u64::try_from(latency.as_nanos())
            .unwrap_or(u64::MAX)
            .clamp(LATENCY_NS_MIN, LATENCY_NS_MAX);
        self.histogram(kind)
            .record_n(latency_ns, count)
            .expect("latency was clamped to the histogram's bounds");
    }

    /// Counts what is remarkable about an answer beside its latency.
    pub(super) fn count_oddities(&mut self, answer: &Answer<'_>, agrees: bool) {
        match answer {
            Answer::Refused(message) => self.count_error(message),
            Answer::Nothing => self.misses += 1,
            Answer::Done | Answer::Value(_) => {}
        }
        if !agrees {
            self.mismatches += 1;
        }
    }

    fn count_error(&mut self, message: &[u8]) {
        let example = String::from_utf8_lossy(message).into_owned();
        let kind = example
            .split_whitespace()
            .next()
            .unwrap_or("(empty)")
            .to_owned();
        self.add_errors(kind, ErrorCount { count: 1, example });
    }

    /// Adds another thread's counts.
    pub(super) fn add(&mut self, other: &Tally) {
        for (into, from) in [
            (&mut self.reads, &other.reads),
            (&mut self.writes, &other.writes),
        ] {
            into.add(from)
                .expect("histograms of equal bounds can be added");
        }
        self.misses += other.misses;
        self.mismatches += other.mismatches;
        self.lost_connections += other.lost_connections;
        for (kind, errors) in &other.errors {
            self.add_errors(kind.clone(), errors.clone());
        }
    }

    /// Reads and writes together.
    pub(super) fn all(&self) -> Histogram<u64> {
        let mut all = self.reads.clone();
        all.add(&self.writes)
            .expect("histograms of equal bounds can be added");
        all
    }

    fn histogram(&mut self, kind: Kind) -> &mut Histogram<u64> {
        match kind {
            Kind::Read => &mut self.reads,
            Kind::Write => &mut self.writes,
        }
    }

    fn add_errors(&mut self, kind: String, errors: ErrorCount) {
        let is_full = self.errors.len() >= ERROR_KIND_COUNT_MAX;
        let kind = if is_full && !self.errors.contains_key(&kind) {
            OTHER_ERRORS.to_owned()
        } else {
            kind
        };
        self.errors
            .entry(kind)
            .and_modify(|known| known.count += errors.count)
            .or_insert(errors);
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, LATENCY_DIGITS)
        .expect("constant bounds: valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let mut first = Tally::new();
        first.count(Kind::Read, Duration::from_micros(100), 3);
        first.count_error(b"BUSY later");
        let mut second = Tally::new();
        second.count(Kind::Write, Duration::from_millis(5), 2);
        second.count_error(b"BUSY again");
        second.count_error(b"OOM");
        second.misses = 4;
        first.add(&second);
        assert_eq!(
            (first.reads.len(), first.writes.len(), first.misses),
            (3, 2, 4)
        );
        assert_eq!(first.all().len(), 5);
        assert_eq!(first.errors["BUSY"].count, 2);
        assert_eq!(first.errors["BUSY"].example, "BUSY later");
        assert_eq!(first.errors["OOM"].count, 1);
    }

    #[test]
    fn latencies_beyond_the_bounds_are_kept_at_them() {
        let mut tally = Tally::new();
        tally.count(Kind::Read, Duration::ZERO, 1);
        tally.count(Kind::Read, Duration::from_secs(3_600), 1);
        assert_eq!(tally.reads.len(), 2);
        assert!(tally.reads.max() >= 59_000_000_000);
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let mut tally = Tally::new();
        for kind in 0..1_000 {
            tally.count_error(format!("E{kind} x").as_bytes());
        }
        assert!(tally.errors.len() <= ERROR_KIND_COUNT_MAX + 1);
        assert_eq!(
            tally
                .errors
                .values()
                .map(|errors| errors.count)
                .sum::<u64>(),
            1_000
        );
    }
}
