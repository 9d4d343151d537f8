//! A query of any shape, document by document.

use super::TextIndex;
use super::bm25::{Norms, Scorer};
use super::cursor::{Cursor, END};
use super::phrase::{Phrase, Reader};
use super::query::{LeafKind, Node, Query};
use super::stats::{TermStats, WeightedStem};

/// A query, over the postings of one index.
#[derive(Debug)]
pub(super) enum Tree<'a> {
    /// No document has it.
    Nothing,
    Term(Box<Cursor<'a>>),
    Any(Vec<Tree<'a>>),
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

impl Tree<'_> {
    /// The first document from `target` on that may match; [`END`] if there is none.
    pub(super) fn seek(&mut self, target: u32) -> u32 {
        match self {
            Tree::Nothing => END,
            Tree::Term(cursor) => cursor.seek(target),
            Tree::Any(trees) => trees
                .iter_mut()
                .map(|tree| tree.seek(target))
                .min()
                .unwrap_or(END),
            Tree::All(required, _) => agree(required, target, Tree::seek),
            Tree::Phrase(words, _) => agree(words, target, Cursor::seek),
        }
    }

    /// The document's score, if it matches. Documents must be asked for in ascending order.
    pub(super) fn score(
        &mut self,
        doc: u32,
        is_sought: bool,
        phrases: &mut Phrases<'_, '_>,
    ) -> Option<f32> {
        match self {
            Tree::Nothing => None,
            Tree::Term(cursor) => (cursor.seek(doc) == doc).then(|| cursor.score()),
            Tree::Any(trees) => {
                let scores = trees
                    .iter_mut()
                    .filter_map(|tree| tree.score(doc, is_sought, phrases));
                scores.reduce(|sum, score| sum + score)
            }
            Tree::All(required, excluded) => {
                let mut sum = 0.0;
                for tree in required {
                    sum += tree.score(doc, is_sought, phrases)?;
                }
                let mut excluded = excluded.iter_mut();
                let is_excluded =
                    excluded.any(|tree| tree.score(doc, !is_sought, phrases).is_some());
                (!is_excluded).then_some(sum)
            }
            Tree::Phrase(words, phrase) => {
                let mut sum = 0.0;
                for word in words {
                    if word.seek(doc) != doc {
                        return None;
                    }
                    sum += word.score();
                }
                phrases.has(doc, phrase, is_sought).then_some(sum)
            }
        }
    }

    /// Whether documents have to be read to know whether they match.
    pub(super) fn has_phrase(&self) -> bool {
        match self {
            Tree::Nothing | Tree::Term(_) => false,
            Tree::Any(trees) => trees.iter().any(Tree::has_phrase),
            Tree::All(required, excluded) => required.iter().chain(excluded).any(Tree::has_phrase),
            Tree::Phrase(..) => true,
        }
    }
}

/// The first document from `target` on that all are at.
fn agree<T>(all: &mut [T], mut target: u32, seek: impl Fn(&mut T, u32) -> u32) -> u32 {
    loop {
        let mut furthest = target;
        for one in &mut *all {
            furthest = seek(one, furthest);
        }
        if furthest == target || furthest == END {
            return furthest;
        }
        target = furthest;
    }
}

/// Makes trees.
pub(super) struct Planner<'a> {
    pub(super) index: &'a TextIndex,
    pub(super) query: &'a Query,
    pub(super) stats: &'a TermStats,
    pub(super) norms: &'a Norms,
}

impl<'a> Planner<'a> {
    pub(super) fn plan(&self) -> Tree<'a> {
        self.query
            .root
            .as_ref()
            .map_or(Tree::Nothing, |root| self.tree(root))
    }

    fn tree(&self, node: &Node) -> Tree<'a> {
        match node {
            Node::Leaf(index) => self.leaf(*index),
            Node::Any(nodes) => any(nodes.iter().map(|node| self.tree(node))),
            Node::All(required, excluded) => {
                let required: Vec<_> = required.iter().map(|node| self.tree(node)).collect();
                let is_nothing = |tree: &Tree<'_>| matches!(tree, Tree::Nothing);
                if required.iter().any(is_nothing) {
                    return Tree::Nothing;
                }
                let excluded = excluded.iter().map(|node| self.tree(node));
                Tree::All(
                    required,
                    excluded.filter(|tree| !is_nothing(tree)).collect(),
                )
            }
        }
    }

    fn leaf(&self, index: usize) -> Tree<'a> {
        let leaf = &self.query.leaves[index];
        let stems = self.stats.stems(index);
        let field = leaf.field.as_deref();
        if matches!(leaf.kind, LeafKind::Phrase(_)) {
            return self.phrase(&stems, field).unwrap_or(Tree::Nothing);
        }
        any(stems.iter().map(|stem| {
            let cursor = self.cursor(stem, field);
            cursor.map_or(Tree::Nothing, |cursor| Tree::Term(Box::new(cursor)))
        }))
    }

    fn phrase(&self, stems: &[WeightedStem<'_>], field: Option<&'a str>) -> Option<Tree<'a>> {
        let terms = stems
            .iter()
            .map(|stem| self.index.lexicon.term_of_stem(stem.stem, None));
        let phrase = Phrase {
            terms: terms.collect::<Option<_>>()?,
            field,
        };
        let words = stems.iter().map(|stem| self.cursor(stem, field));
        Some(Tree::Phrase(words.collect::<Option<_>>()?, phrase))
    }

    fn cursor(&self, stem: &WeightedStem<'_>, field: Option<&str>) -> Option<Cursor<'a>> {
        let term = self.index.lexicon.term_of_stem(stem.stem, field)?;
        let scorer = Scorer::new(stem.idf, stem.boost, self.norms);
        let list = self.index.postings.list(term);
        (list.len() > 0).then(|| Cursor::new(list, &self.index.lengths, scorer))
    }
}

fn any<'a>(trees: impl Iterator<Item = Tree<'a>>) -> Tree<'a> {
    let mut flat = Vec::new();
    for tree in trees {
        match tree {
            Tree::Nothing => {}
            Tree::Any(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match flat.len() {
        0 | 1 => flat.pop().unwrap_or(Tree::Nothing),
        _ => Tree::Any(flat),
    }
}
