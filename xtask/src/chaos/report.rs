//! What a run amounted to.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use kv_sim::{Action, Checked, History, Step};

use super::nemesis::{Done, Fault};

/// Numbers of one run.
pub(super) struct Report {
    checked: Checked,
    elapsed: Duration,
    acknowledged: usize,
    faults: BTreeMap<Fault, usize>,
    /// From each kill of a leader to the next write that began after it and was acknowledged.
    gaps: Vec<Duration>,
    back_after_max: Duration,
}

impl Report {
    pub(super) fn new(
        history: &History,
        checked: Checked,
        faults: &[Done],
        elapsed: Duration,
    ) -> Report {
        let is_ok = |step: &Step| matches!(step, Step::Ok(_));
        let events = history.events().iter();
        let mut counts = BTreeMap::new();
        for done in faults {
            *counts.entry(done.fault).or_default() += 1;
        }
        let writes = acknowledged_writes(history);
        let kills = faults.iter().filter(|done| done.fault.ends_a_leader());
        let mut gaps: Vec<Duration> = kills.filter_map(|kill| gap(&writes, kill.at_us)).collect();
        gaps.sort();
        Report {
            checked,
            elapsed,
            acknowledged: events.filter(|event| is_ok(&event.step)).count(),
            faults: counts,
            gaps,
            back_after_max: faults
                .iter()
                .map(|d| d.back_after)
                .max()
                .unwrap_or_default(),
        }
    }
}

/// When each began and was acknowledged.
fn acknowledged_writes(history: &History) -> Vec<(u64, u64)> {
    let mut open = HashMap::new();
    let mut writes = Vec::new();
    for event in history.events() {
        match &event.step {
            Step::Invoke(Action::Get | Action::GetAll | Action::Stale) => {
                open.remove(&event.process);
            }
            Step::Invoke(_) => {
                open.insert(event.process, event.time_us);
            }
            Step::Ok(_) => {
                let began = open.remove(&event.process);
                writes.extend(began.map(|began| (began, event.time_us)));
            }
            Step::Fail | Step::Info => {
                open.remove(&event.process);
            }
        }
    }
    writes
}

fn gap(writes: &[(u64, u64)], from_us: u64) -> Option<Duration> {
    let later = writes.iter().filter(|(began, _)| *began > from_us);
    let first = later.map(|(_, acknowledged)| acknowledged).min()?;
    Some(Duration::from_micros(first - from_us))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.acknowledged as f64 / self.elapsed.as_secs_f64();
        let count: usize = self.faults.values().sum();
        writeln!(f, "chaos: no violation in {}", self.checked)?;
        writeln!(
            f,
            "  {} acknowledged in {:.0?}, {rate:.0} a second",
            self.acknowledged, self.elapsed
        )?;
        writeln!(
            f,
            "  {count} faults, all nodes ready again after {:.2?} at most",
            self.back_after_max
        )?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {count:>5} × {fault}")?;
        }
        let median = self
            .gaps
            .get(self.gaps.len() / 2)
            .copied()
            .unwrap_or_default();
        let longest = self.gaps.last().copied().unwrap_or_default();
        write!(
            f,
            "  next acknowledged write after a kill of the leader: median {median:.2?}, \
             longest {longest:.2?} of {}",
            self.gaps.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_ends_with_a_write_that_began_in_it() {
        let writes = [(1, 9), (6, 20), (7, 15), (30, 31)];
        assert_eq!(gap(&writes, 5), Some(Duration::from_micros(10)));
        assert_eq!(gap(&writes, 40), None);
    }
}
