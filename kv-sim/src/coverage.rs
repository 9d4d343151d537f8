//! How often what a simulation is for did happen. A run in which nothing of a kind happened has
//! shown nothing about it, so a zero is a failure of the run.

use std::{collections::BTreeMap, fmt};

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<&'static str, u64>);

impl Coverage {
    /// Zero for each of the names: what has to happen.
    #[must_use]
    pub fn expecting(names: &[&'static str]) -> Coverage {
        Coverage(names.iter().map(|name| (*name, 0)).collect())
    }

    /// Counts one more.
    pub fn hit(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    /// Counts `count` more.
    pub fn add(&mut self, name: &'static str, count: u64) {
        *self.0.entry(name).or_default() += count;
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Coverage) {
        for (name, count) in &other.0 {
            self.add(name, *count);
        }
    }

    /// What never happened.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let zeros = self.0.iter().filter(|(_, count)| **count == 0);
        zeros.map(|(name, _)| *name)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.keys().map(|name| name.len()).max().unwrap_or(0);
        for (name, count) in &self.0 {
            writeln!(f, "{name:width$}  {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_expected_and_did_not_happen_is_missing() {
        let mut coverage = Coverage::expecting(&["elections", "snapshots"]);
        coverage.hit("elections");
        coverage.hit("surprises");
        assert_eq!(coverage.missing().collect::<Vec<_>>(), ["snapshots"]);
        let mut other = Coverage::default();
        other.add("snapshots", 2);
        coverage.merge(&other);
        assert_eq!(coverage.missing().count(), 0);
        assert_eq!(coverage.count("snapshots"), 2);
    }

    #[test]
    fn it_prints_as_a_table() {
        let mut coverage = Coverage::expecting(&["a"]);
        coverage.add("long", 12);
        assert_eq!(coverage.to_string(), "a     0\nlong  12\n");
    }
}
