//! Words in alphabetical order, for what begins with something or resembles it.
//!
//! Two sorted runs: a long one, and a short one for words that are new. A full short run is merged
//! into the long one by copying what lies between its words, so a word costs a few hundred
//! nanoseconds to add, however many there are.

use super::budget::{Budget, COMPARISON, Cost, PROBE};
use super::similar::Similar;

const RECENT_MAX: usize = 1024;

/// Indices of words; what they are is for the caller to say, the same each time.
#[derive(Debug, Default)]
pub(super) struct SortedWords {
    settled: Vec<u32>,
    recent: Vec<u32>,
}

impl SortedWords {
    /// Adds a word that it does not have.
    pub(super) fn add<'a>(&mut self, index: u32, text: impl Fn(u32) -> &'a str) {
        let word = text(index);
        let place = self.recent.partition_point(|&other| text(other) < word);
        self.recent.insert(place, index);
        if self.recent.len() >= RECENT_MAX {
            self.settle(text);
        }
    }

    fn settle<'a>(&mut self, text: impl Fn(u32) -> &'a str) {
        let mut merged = Vec::with_capacity(self.settled.len() + self.recent.len());
        let mut rest = &self.settled[..];
        for &index in &self.recent {
            let word = text(index);
            let (before, after) = rest.split_at(rest.partition_point(|&other| text(other) < word));
            merged.extend_from_slice(before);
            merged.push(index);
            rest = after;
        }
        merged.extend_from_slice(rest);
        self.settled = merged;
        self.recent.clear();
    }

    fn runs(&self) -> [&[u32]; 2] {
        [&self.settled, &self.recent]
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.runs().into_iter().flatten().copied()
    }

    /// Calls `visit` with each word that begins with `prefix`, until the budget is spent.
    pub(super) fn for_each_with_prefix<'a>(
        &self,
        prefix: &str,
        text: impl Fn(u32) -> &'a str,
        budget: &Budget,
        mut visit: impl FnMut(u32),
    ) {
        for run in self.runs() {
            let start = run.partition_point(|&index| text(index) < prefix);
            let rest = run[start..].iter().copied();
            rest.take_while(|&index| text(index).starts_with(prefix) && !budget.is_spent())
                .for_each(&mut visit);
        }
    }

    /// Calls `visit` with each word that is at most `distance_max` edits from `word`, and with how
    /// many it is, until the budget is spent.
    pub(super) fn for_each_similar<'a>(
        &self,
        word: &str,
        distance_max: u8,
        text: impl Fn(u32) -> &'a str,
        budget: &Budget,
        mut visit: impl FnMut(u32, u8),
    ) {
        for run in self.runs() {
            let mut similar = Similar::new(word, distance_max);
            let mut at = 0;
            while let Some(&index) = run.get(at)
                && !budget.is_spent()
            {
                budget.spend(Cost::Words, COMPARISON);
                match similar.distance(text(index)) {
                    Ok(distance) => {
                        if distance <= distance_max {
                            visit(index, distance);
                        }
                        at += 1;
                    }
                    Err(hopeless) => {
                        let count = count_with_prefix(&run[at..], hopeless, &text);
                        let probes = 2 * (count.ilog2() + 1);
                        budget.spend(Cost::Words, PROBE * u64::from(probes));
                        at += count;
                    }
                }
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        (self.settled.capacity() + self.recent.capacity()) * size_of::<u32>()
    }
}

/// How many words at the head of `run` begin with `prefix`, as the first does.
fn count_with_prefix<'a>(run: &[u32], prefix: &str, text: impl Fn(u32) -> &'a str) -> usize {
    let has_prefix = |&index: &u32| text(index).starts_with(prefix);
    let mut bound = 1;
    while run.get(bound).is_some_and(has_prefix) {
        bound *= 2;
    }
    let (from, to) = (bound / 2, bound.min(run.len()));
    from + run[from..to].partition_point(has_prefix)
}
