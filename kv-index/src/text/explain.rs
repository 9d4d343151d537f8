//! Why documents score what they do.

use std::collections::BTreeMap;

use super::TextIndex;
use super::bm25::Norms;
use super::budget::{Budget, Cost, SEEK};
use super::plan::{Planner, Weighted};
use super::query::Query;
use super::stats::TermStats;
use crate::DocId;

impl TextIndex {
    /// For each of `docs` the stems of the query that it has, each with what it scores, best first. A
    /// stem that counts within a field has the field's name and a colon before it.
    ///
    /// Once `budget` is spent, the rest is empty.
    #[must_use]
    pub fn explain(
        &self,
        docs: &[DocId],
        query: &Query,
        stats: &TermStats,
        budget: &Budget,
    ) -> Vec<Vec<(String, f32)>> {
        let norms = Norms::new(stats.average_length());
        let planner = Planner {
            index: self,
            query,
            stats,
            norms: &norms,
        };
        let words = weighted_by_name(planner).into_iter();
        let mut words: Vec<_> = words
            .map(|(name, word)| (name, planner.cursor(word)))
            .collect();
        // Cursors move forwards.
        let mut numbered: Vec<_> = docs.iter().zip(0..).collect();
        numbered.sort_unstable();
        let mut explained = vec![Vec::new(); docs.len()];
        for (doc, place) in numbered {
            if self.removed.contains(doc.0) || doc.index() >= self.lengths.len() {
                continue;
            }
            budget.spend(Cost::Telling, SEEK * words.len() as u64);
            if budget.is_spent() {
                break;
            }
            let has_it = words.iter_mut().filter_map(|(name, cursor)| {
                (cursor.seek(doc.0) == doc.0).then(|| (name.clone(), cursor.score()))
            });
            let matched: &mut Vec<_> = &mut explained[place];
            matched.extend(has_it);
            matched.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        }
        explained
    }
}

fn weighted_by_name(planner: Planner<'_>) -> BTreeMap<String, Weighted> {
    let mut words: BTreeMap<String, Weighted> = BTreeMap::new();
    let leaves = planner.query.leaves.iter().enumerate();
    for (index, leaf) in leaves.filter(|(_, leaf)| leaf.is_sought) {
        let field = leaf.field.as_deref();
        for stem in planner.stats.stems(index) {
            let Some(word) = planner.word(&stem, field) else {
                continue;
            };
            let name = match field {
                Some(field) => format!("{field}:{}", stem.stem),
                None => stem.stem.to_owned(),
            };
            let entry = words.entry(name);
            entry.and_modify(|known| known.add(word)).or_insert(word);
        }
    }
    words
}
