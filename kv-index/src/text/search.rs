//! The best documents for a query.

use roaring::RoaringBitmap;

use super::TextIndex;
use super::bm25::Norms;
use super::budget::{Budget, Cost, FILTER, TooBroad};
use super::cursor::{Cursor, END};
use super::phrase::{Phrase, Reader, Texts};
use super::plan::{Plan, Planner, Weighted, merge_words};
use super::query::Query;
use super::stats::TermStats;
use super::top::Top;
use super::tree::{Phrases, Tree};
use super::{intersection, union};
use crate::DocId;

/// Which documents may be found.
#[derive(Clone, Copy)]
struct Filter<'a> {
    removed: &'a RoaringBitmap,
    accept: &'a dyn Fn(DocId) -> bool,
    budget: &'a Budget,
}

impl Filter<'_> {
    fn passes(&self, doc: u32) -> bool {
        self.budget.spend(Cost::Postings, FILTER);
        !self.removed.contains(doc) && (self.accept)(DocId(doc))
    }
}

impl TextIndex {
    /// The `limit` best documents among those that match and that `accept` lets through, and their
    /// scores; best first, of equal ones the first.
    ///
    /// `stats` are this index's for the query, merged with those of all other shards. `texts` reads
    /// out a document for phrases, the same texts as when it was inserted.
    ///
    /// # Errors
    /// If `budget` is spent before all of them are known.
    pub fn search(
        &self,
        query: &Query,
        stats: &TermStats,
        limit: usize,
        accept: &dyn Fn(DocId) -> bool,
        texts: Texts<'_>,
        budget: &Budget,
    ) -> Result<Vec<(DocId, f32)>, TooBroad> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let norms = Norms::new(stats.average_length());
        let search = Search {
            planner: Planner {
                index: self,
                query,
                stats,
                norms: &norms,
            },
            filter: Filter {
                removed: &self.removed,
                accept,
                budget,
            },
            budget,
        };
        let mut top = Top::new(limit);
        let reader = Reader::new(self, texts, budget);
        search.run(search.planner.plan(), &mut top, reader);
        budget.check(query, stats)?;
        Ok(top.into_sorted())
    }
}

/// Adds the best documents to a top, or some of them and spends the budget.
struct Search<'a> {
    planner: Planner<'a>,
    filter: Filter<'a>,
    budget: &'a Budget,
}

impl<'a> Search<'a> {
    fn run(&self, plan: Plan<'a>, top: &mut Top, reader: Reader<'a>) {
        match plan {
            Plan::Nothing => {}
            Plan::Term(word) => self.unite(&mut [self.planner.cursor(word)], top),
            Plan::Any(plans) => match plans.iter().map(Plan::word).collect::<Option<Vec<_>>>() {
                Some(words) => self.unite(&mut self.cursors(words), top),
                None => self.scan(Plan::Any(plans), top, reader),
            },
            Plan::All(required, excluded) if required.iter().all(Plan::is_word_or_phrase) => {
                self.intersect(required, excluded, top, reader);
            }
            Plan::Phrase(..) => self.intersect(vec![plan], Vec::new(), top, reader),
            Plan::All(..) => self.scan(plan, top, reader),
        }
    }

    fn cursors(&self, words: Vec<Weighted>) -> Vec<Cursor<'a>> {
        let words = words.into_iter();
        words.map(|word| self.planner.cursor(word)).collect()
    }

    fn unite(&self, words: &mut [Cursor<'_>], top: &mut Top) {
        union::search(words, top, self.budget, |doc| self.filter.passes(doc));
    }

    /// Words that must all be there, with what cannot be seen from their postings asked last.
    fn intersect(
        &self,
        required: Vec<Plan<'a>>,
        excluded: Vec<Plan<'a>>,
        top: &mut Top,
        mut reader: Reader<'a>,
    ) {
        let mut words = Vec::new();
        let mut phrases: Vec<Phrase<'_>> = Vec::new();
        for plan in required {
            match plan {
                Plan::Term(word) => words.push(word),
                Plan::Phrase(more, phrase) => {
                    words.extend(more);
                    phrases.push(phrase);
                }
                _ => {}
            }
        }
        let mut words = self.cursors(merge_words(words));
        let excluded = excluded.into_iter();
        let mut excluded: Vec<_> = excluded.map(|plan| Tree::new(plan, self.planner)).collect();
        intersection::search(&mut words, top, self.budget, |doc| {
            self.filter.passes(doc)
                && !excluded.iter_mut().any(|tree| {
                    let mut read = Phrases::Read(&mut reader);
                    tree.score(doc, false, &mut read, self.budget).is_some()
                })
                && phrases.iter().all(|phrase| reader.has(doc, phrase))
        });
    }

    /// Anything else: every document that may match.
    fn scan(&self, plan: Plan<'a>, top: &mut Top, mut reader: Reader<'a>) {
        let (mut tree, budget) = (Tree::new(plan, self.planner), self.budget);
        let has_phrase = tree.has_phrase();
        let mut target = 0;
        loop {
            let doc = tree.seek(target, budget);
            if doc == END || budget.is_spent() {
                return;
            }
            target = doc + 1;
            let mut score = tree.score(doc, true, &mut Phrases::Presume, budget);
            let is_good = |score: Option<f32>| score.is_some_and(|score| score > top.threshold());
            if !is_good(score) || !self.filter.passes(doc) {
                continue;
            }
            if has_phrase {
                score = tree.score(doc, true, &mut Phrases::Read(&mut reader), budget);
            }
            if let Some(score) = score
                && score > top.threshold()
            {
                top.add(doc, score);
            }
        }
    }
}
