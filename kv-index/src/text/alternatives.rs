//! Trees of which any will do, document by document.
//!
//! A few are asked one after the other. Of many,
//!
//! 1. Each tree is at a document, and either waits in the heap by it or is one of those that are at
//!    the document that was scored last.
//! 2. A tree moves only when its document is passed; so many trees that are in few documents cost
//!    what their documents do, not what their number does.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::budget::{Budget, Cost, TURN};
use super::cursor::END;
use super::tree::{Phrases, Tree};

/// So many or fewer are a few.
const FEW_MAX: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Alternatives<'a> {
    trees: Vec<Tree<'a>>,
    /// The document and the number of a tree; empty if there are only a few.
    waiting: BinaryHeap<Reverse<(u32, usize)>>,
    /// The numbers of those at `doc`, ascending.
    present: Vec<usize>,
    doc: u32,
}

impl<'a> Alternatives<'a> {
    pub(super) fn new(trees: Vec<Tree<'a>>) -> Alternatives<'a> {
        // Where they really are is found out when it matters.
        let many = if trees.len() > FEW_MAX {
            trees.len()
        } else {
            0
        };
        let waiting = (0..many).map(|index| Reverse((0, index)));
        Alternatives {
            waiting: waiting.collect(),
            trees,
            present: Vec::new(),
            doc: 0,
        }
    }

    /// The first document from `target` on that one of them may match.
    pub(super) fn seek(&mut self, target: u32, budget: &Budget) -> u32 {
        if self.trees.len() <= FEW_MAX {
            let docs = self.trees.iter_mut().map(|tree| tree.seek(target, budget));
            return docs.min().unwrap_or(END);
        }
        if self.doc < target {
            for index in self.present.drain(..) {
                budget.spend(Cost::Postings, TURN);
                let doc = self.trees[index].seek(target, budget);
                self.waiting.push(Reverse((doc, index)));
            }
        }
        while let Some(mut first) = self.waiting.peek_mut()
            && first.0.0 < target
            && !budget.is_spent()
        {
            budget.spend(Cost::Postings, TURN);
            first.0.0 = self.trees[first.0.1].seek(target, budget);
        }
        let waiting = self.waiting.peek().map_or(END, |first| first.0.0);
        match self.present.is_empty() {
            true => waiting,
            false => self.doc.min(waiting),
        }
    }

    /// The document's score, if it matches.
    pub(super) fn score(
        &mut self,
        doc: u32,
        is_sought: bool,
        phrases: &mut Phrases<'_, '_>,
        budget: &Budget,
    ) -> Option<f32> {
        if self.trees.len() <= FEW_MAX {
            let scores = self
                .trees
                .iter_mut()
                .filter_map(|tree| tree.score(doc, is_sought, phrases, budget));
            return scores.reduce(|sum, score| sum + score);
        }
        if self.seek(doc, budget) != doc {
            return None;
        }
        self.doc = doc;
        while let Some(&Reverse((first, index))) = self.waiting.peek()
            && first == doc
        {
            budget.spend(Cost::Postings, TURN);
            self.waiting.pop();
            self.present.push(index);
        }
        let mut sum = None;
        for index in &self.present {
            let score = self.trees[*index].score(doc, is_sought, phrases, budget);
            sum = score.map(|score| sum.unwrap_or(0.0) + score).or(sum);
        }
        sum
    }

    pub(super) fn has_phrase(&self) -> bool {
        self.trees.iter().any(Tree::has_phrase)
    }
}
