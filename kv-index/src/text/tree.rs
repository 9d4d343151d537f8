//! A query of any shape, document by document.

use super::alternatives::Alternatives;
use super::budget::{Budget, Cost, LOOK, SEEK};
use super::cursor::{Cursor, END};
use super::phrase::{Phrase, Reader};
use super::plan::{Plan, Planner};

/// A query, over the postings of one index.
#[derive(Debug)]
pub(super) enum Tree<'a> {
    Nothing,
    Term(Box<Cursor<'a>>),
    Any(Alternatives<'a>),
    /// All of the first, none of the second.
    All(Vec<Tree<'a>>, Vec<Tree<'a>>),
    /// The words, which must stand in order.
    Phrase(Vec<Cursor<'a>>, Phrase<'a>),
}

/// Whether a phrase stands in a document.
pub(super) enum Phrases<'r, 'a> {
    /// Whatever makes the document match, and score more.
    Presume,
    Read(&'r mut Reader<'a>),
}

impl Phrases<'_, '_> {
    fn has(&mut self, doc: u32, phrase: &Phrase<'_>, is_sought: bool) -> bool {
        match self {
            Phrases::Presume => is_sought,
            Phrases::Read(reader) => reader.has(doc, phrase),
        }
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(plan: Plan<'a>, planner: Planner<'a>) -> Tree<'a> {
        let trees = |plans: Vec<Plan<'a>>| plans.into_iter().map(|plan| Tree::new(plan, planner));
        match plan {
            Plan::Nothing => Tree::Nothing,
            Plan::Term(word) => Tree::Term(Box::new(planner.cursor(word))),
            Plan::Any(plans) => Tree::Any(Alternatives::new(trees(plans).collect())),
            Plan::All(required, excluded) => {
                Tree::All(trees(required).collect(), trees(excluded).collect())
            }
            Plan::Phrase(words, phrase) => {
                let words = words.into_iter().map(|word| planner.cursor(word));
                Tree::Phrase(words.collect(), phrase)
            }
        }
    }

    /// The first document from `target` on that may match; [`END`] if there is none. Any, once the
    /// budget is spent.
    pub(super) fn seek(&mut self, target: u32, budget: &Budget) -> u32 {
        match self {
            Tree::Nothing => END,
            Tree::Term(cursor) => seek_word(cursor, target, budget),
            Tree::Any(trees) => trees.seek(target, budget),
            Tree::All(required, _) => agree(required, target, budget, Tree::seek),
            Tree::Phrase(words, _) => agree(words, target, budget, seek_word),
        }
    }

    /// The document's score, if it matches. Documents must be asked for in ascending order.
    pub(super) fn score(
        &mut self,
        doc: u32,
        is_sought: bool,
        phrases: &mut Phrases<'_, '_>,
        budget: &Budget,
    ) -> Option<f32> {
        match self {
            Tree::Nothing => None,
            Tree::Term(cursor) => score_word(cursor, doc, budget),
            Tree::Any(trees) => trees.score(doc, is_sought, phrases, budget),
            Tree::All(required, excluded) => {
                let mut sum = 0.0;
                for tree in required {
                    sum += tree.score(doc, is_sought, phrases, budget)?;
                }
                let mut excluded = excluded.iter_mut();
                let is_excluded =
                    excluded.any(|tree| tree.score(doc, !is_sought, phrases, budget).is_some());
                (!is_excluded).then_some(sum)
            }
            Tree::Phrase(words, phrase) => {
                let mut sum = 0.0;
                for word in words {
                    sum += score_word(word, doc, budget)?;
                }
                phrases.has(doc, phrase, is_sought).then_some(sum)
            }
        }
    }

    /// Whether documents have to be read to know whether they match.
    pub(super) fn has_phrase(&self) -> bool {
        match self {
            Tree::Nothing | Tree::Term(_) => false,
            Tree::Any(trees) => trees.has_phrase(),
            Tree::All(required, excluded) => required.iter().chain(excluded).any(Tree::has_phrase),
            Tree::Phrase(..) => true,
        }
    }
}

fn seek_word(cursor: &mut Cursor<'_>, target: u32, budget: &Budget) -> u32 {
    let is_there = cursor.doc() >= target;
    budget.spend(Cost::Postings, if is_there { LOOK } else { SEEK });
    cursor.seek(target)
}

fn score_word(cursor: &mut Cursor<'_>, doc: u32, budget: &Budget) -> Option<f32> {
    (seek_word(cursor, doc, budget) == doc).then(|| cursor.score())
}

/// The first document from `target` on that all are at.
fn agree<T>(
    all: &mut [T],
    mut target: u32,
    budget: &Budget,
    seek: impl Fn(&mut T, u32, &Budget) -> u32,
) -> u32 {
    loop {
        let mut furthest = target;
        for one in &mut *all {
            furthest = seek(one, furthest, budget);
        }
        if furthest == target || furthest == END || budget.is_spent() {
            return furthest;
        }
        target = furthest;
    }
}
