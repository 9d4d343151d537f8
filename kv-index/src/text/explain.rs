//! Why a document scores what it does.

use super::TextIndex;
use super::bm25::{Norms, Scorer};
use super::cursor::Cursor;
use super::query::Query;
use super::stats::TermStats;
use crate::DocId;

impl TextIndex {
    /// The stems of the query that a document has, each with what it scores, best first. A stem that
    /// counts within a field has the field's name and a colon before it.
    #[must_use]
    pub fn explain(&self, doc: DocId, query: &Query, stats: &TermStats) -> Vec<(String, f32)> {
        let norms = Norms::new(stats.average_length());
        let mut matched: Vec<(String, f32)> = Vec::new();
        for (index, leaf) in query
            .leaves
            .iter()
            .enumerate()
            .filter(|(_, leaf)| leaf.is_sought)
        {
            for stem in stats.stems(index) {
                let scorer = Scorer::new(stem.idf, stem.boost, &norms);
                let field = leaf.field.as_deref();
                let Some(score) = self.score_of(doc, stem.stem, field, scorer) else {
                    continue;
                };
                let name = match field {
                    Some(field) => format!("{field}:{}", stem.stem),
                    None => stem.stem.to_owned(),
                };
                match matched.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => *sum += score,
                    None => matched.push((name, score)),
                }
            }
        }
        matched.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        matched
    }

    fn score_of(
        &self,
        doc: DocId,
        stem: &str,
        field: Option<&str>,
        scorer: Scorer<'_>,
    ) -> Option<f32> {
        if self.removed.contains(doc.0) {
            return None;
        }
        let term = self.lexicon.term_of_stem(stem, field)?;
        let mut cursor = Cursor::new(self.postings.list(term), &self.lengths, scorer);
        (cursor.seek(doc.0) == doc.0 && doc.index() < self.lengths.len()).then(|| cursor.score())
    }
}
