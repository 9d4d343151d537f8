//! The best documents for a query.

use roaring::RoaringBitmap;

use super::TextIndex;
use super::bm25::Norms;
use super::cursor::{Cursor, END};
use super::phrase::{Phrase, Reader, Texts};
use super::query::Query;
use super::stats::TermStats;
use super::top::Top;
use super::tree::{Phrases, Planner, Tree};
use super::{intersection, union};
use crate::DocId;

/// Which documents may be found.
#[derive(Clone, Copy)]
struct Filter<'a> {
    removed: &'a RoaringBitmap,
    accept: &'a dyn Fn(DocId) -> bool,
}

impl Filter<'_> {
    fn passes(&self, doc: u32) -> bool {
        !self.removed.contains(doc) && (self.accept)(DocId(doc))
    }
}

impl TextIndex {
    /// The `limit` best documents among those that match and that `accept` lets through, and their
    /// scores; best first, of equal ones the first.
    ///
    /// `stats` are this index's for the query, merged with those of all other shards. `texts` reads
    /// out a document for phrases, the same texts as when it was inserted.
    #[must_use]
    pub fn search(
        &self,
        query: &Query,
        stats: &TermStats,
        limit: usize,
        accept: &dyn Fn(DocId) -> bool,
        texts: Texts<'_>,
    ) -> Vec<(DocId, f32)> {
        if limit == 0 {
            return Vec::new();
        }
        let norms = Norms::new(stats.average_length());
        let planner = Planner {
            index: self,
            query,
            stats,
            norms: &norms,
        };
        let filter = Filter {
            removed: &self.removed,
            accept,
        };
        let mut top = Top::new(limit);
        run(planner.plan(), &mut top, filter, Reader::new(self, texts));
        top.into_sorted()
    }
}

fn run<'a>(tree: Tree<'a>, top: &mut Top, filter: Filter<'_>, reader: Reader<'a>) {
    match tree {
        Tree::Nothing => {}
        Tree::Term(word) => union::search(&mut [*word], top, |doc| filter.passes(doc)),
        Tree::Any(trees) if trees.iter().all(is_term) => {
            let mut words: Vec<_> = trees.into_iter().filter_map(into_term).collect();
            union::search(&mut words, top, |doc| filter.passes(doc));
        }
        Tree::All(required, excluded) if required.iter().all(is_term_or_phrase) => {
            intersect(required, excluded, top, filter, reader);
        }
        Tree::Phrase(..) => intersect(vec![tree], Vec::new(), top, filter, reader),
        other => scan(other, top, filter, reader),
    }
}

fn is_term(tree: &Tree<'_>) -> bool {
    matches!(tree, Tree::Term(_))
}

fn is_term_or_phrase(tree: &Tree<'_>) -> bool {
    matches!(tree, Tree::Term(_) | Tree::Phrase(..))
}

fn into_term(tree: Tree<'_>) -> Option<Cursor<'_>> {
    match tree {
        Tree::Term(word) => Some(*word),
        _ => None,
    }
}

/// Words that must all be there, with what cannot be seen from their postings asked last.
fn intersect<'a>(
    required: Vec<Tree<'a>>,
    mut excluded: Vec<Tree<'a>>,
    top: &mut Top,
    filter: Filter<'_>,
    mut reader: Reader<'a>,
) {
    let mut words = Vec::new();
    let mut phrases: Vec<Phrase<'_>> = Vec::new();
    for tree in required {
        match tree {
            Tree::Term(word) => words.push(*word),
            Tree::Phrase(more, phrase) => {
                words.extend(more);
                phrases.push(phrase);
            }
            _ => {}
        }
    }
    intersection::search(&mut words, top, |doc| {
        filter.passes(doc)
            && !excluded.iter_mut().any(|tree| {
                let mut read = Phrases::Read(&mut reader);
                tree.score(doc, false, &mut read).is_some()
            })
            && phrases.iter().all(|phrase| reader.has(doc, phrase))
    });
}

/// Anything else: every document that may match.
fn scan<'a>(mut tree: Tree<'a>, top: &mut Top, filter: Filter<'_>, mut reader: Reader<'a>) {
    let has_phrase = tree.has_phrase();
    let mut target = 0;
    loop {
        let doc = tree.seek(target);
        if doc == END {
            return;
        }
        target = doc + 1;
        let mut score = tree.score(doc, true, &mut Phrases::Presume);
        let is_good = |score: Option<f32>| score.is_some_and(|score| score > top.threshold());
        if !is_good(score) || !filter.passes(doc) {
            continue;
        }
        if has_phrase {
            score = tree.score(doc, true, &mut Phrases::Read(&mut reader));
        }
        if let Some(score) = score
            && score > top.threshold()
        {
            top.add(doc, score);
        }
    }
}
