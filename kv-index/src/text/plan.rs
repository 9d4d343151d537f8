//! A query over the terms of one index, before anything is looked up.
//!
//! Equal parts of a group become one, with their weights added: scores are sums, so that changes
//! nothing but the work. Parts are equal if they ask for the same in the same order.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::TextIndex;
use super::bm25::{Norms, Scorer};
use super::cursor::Cursor;
use super::phrase::Phrase;
use super::query::{LeafKind, Node, Query};
use super::stats::{TermStats, WeightedStem};

/// A term, and what it counts for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighted {
    term: u32,
    weight: f32,
}

impl Weighted {
    /// Adds the weight of the same term.
    pub(super) fn add(&mut self, other: Weighted) {
        self.weight += other.weight;
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan<'a> {
    Nothing,
    Term(Weighted),
    Any(Vec<Plan<'a>>),
    /// All of the first, which are not empty, and none of the second.
    All(Vec<Plan<'a>>, Vec<Plan<'a>>),
    /// The words, which must stand in order.
    Phrase(Vec<Weighted>, Phrase<'a>),
}

impl<'a> Plan<'a> {
    fn any(plans: impl Iterator<Item = Plan<'a>>) -> Plan<'a> {
        let mut flat = Vec::new();
        for plan in plans {
            match plan {
                Plan::Nothing => {}
                Plan::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        let mut flat = merge_equal(flat);
        match flat.len() {
            0 | 1 => flat.pop().unwrap_or(Plan::Nothing),
            _ => Plan::Any(flat),
        }
    }

    fn all(required: Vec<Plan<'a>>, excluded: Vec<Plan<'a>>) -> Plan<'a> {
        if required.contains(&Plan::Nothing) {
            return Plan::Nothing;
        }
        let excluded = excluded.into_iter().filter(|plan| *plan != Plan::Nothing);
        let excluded = merge_equal(excluded.collect());
        let mut required = merge_equal(required);
        match (required.len(), excluded.len()) {
            (0 | 1, 0) => required.pop().unwrap_or(Plan::Nothing),
            _ => Plan::All(required, excluded),
        }
    }

    /// What it is, if it is a word alone.
    pub(super) fn word(&self) -> Option<Weighted> {
        match self {
            Plan::Term(word) => Some(*word),
            _ => None,
        }
    }

    pub(super) fn is_word_or_phrase(&self) -> bool {
        matches!(self, Plan::Term(_) | Plan::Phrase(..))
    }

    /// Equal for plans that are equal but for their weights.
    fn whole(&self) -> Shape<'a> {
        if let Plan::Term(word) = self {
            return Shape::Term(word.term);
        }
        let mut shape = Vec::new();
        self.shape(&mut shape);
        Shape::Whole(shape)
    }

    fn shape(&self, shape: &mut Vec<Shape<'a>>) {
        let mut group = |name, plans: &[Plan<'a>]| {
            shape.push(Shape::Group(name, plans.len()));
            plans.iter().for_each(|plan| plan.shape(shape));
        };
        match self {
            Plan::Nothing => group("nothing", &[]),
            Plan::Term(word) => shape.push(Shape::Term(word.term)),
            Plan::Any(plans) => group("any", plans),
            Plan::All(required, excluded) => {
                group("all", required);
                group("none", excluded);
            }
            Plan::Phrase(_, phrase) => {
                shape.push(Shape::Phrase(phrase.field, phrase.terms.len()));
                shape.extend(phrase.terms.iter().map(|term| Shape::Term(*term)));
            }
        }
    }

    /// Adds the weights of a plan of the same shape.
    fn add(&mut self, other: &Plan<'a>) {
        match (self, other) {
            (Plan::Term(own), Plan::Term(other)) => own.add(*other),
            (Plan::Any(own), Plan::Any(other)) | (Plan::All(own, _), Plan::All(other, _)) => {
                own.iter_mut()
                    .zip(other)
                    .for_each(|(own, other)| own.add(other));
            }
            (Plan::Phrase(own, _), Plan::Phrase(other, _)) => {
                let words = own.iter_mut().zip(other);
                words.for_each(|(own, other)| own.add(*other));
            }
            _ => {}
        }
    }
}

/// A part of a plan, without its weight.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Shape<'a> {
    Term(u32),
    Phrase(Option<&'a str>, usize),
    Group(&'static str, usize),
    Whole(Vec<Shape<'a>>),
}

fn merge_equal(plans: Vec<Plan<'_>>) -> Vec<Plan<'_>> {
    if plans.len() < 2 {
        return plans;
    }
    let mut places: HashMap<_, _, RandomState> = HashMap::default();
    let mut merged: Vec<Plan<'_>> = Vec::with_capacity(plans.len());
    for plan in plans {
        let place = *places.entry(plan.whole()).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(known) => known.add(&plan),
            None => merged.push(plan),
        }
    }
    merged
}

/// Words of which each must be there, each term once.
pub(super) fn merge_words(words: impl IntoIterator<Item = Weighted>) -> Vec<Weighted> {
    let mut merged: Vec<Weighted> = Vec::new();
    for word in words {
        match merged.iter_mut().find(|known| known.term == word.term) {
            Some(known) => known.add(word),
            None => merged.push(word),
        }
    }
    merged
}

/// Makes plans, and what reads their postings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) index: &'a TextIndex,
    pub(super) query: &'a Query,
    pub(super) stats: &'a TermStats,
    pub(super) norms: &'a Norms,
}

impl<'a> Planner<'a> {
    pub(super) fn plan(&self) -> Plan<'a> {
        let root = self.query.root.as_ref();
        root.map_or(Plan::Nothing, |root| self.node(root))
    }

    fn node(&self, node: &Node) -> Plan<'a> {
        let nodes = |nodes: &[Node]| nodes.iter().map(|node| self.node(node)).collect::<Vec<_>>();
        match node {
            Node::Leaf(index) => self.leaf(*index),
            Node::Any(alternatives) => Plan::any(nodes(alternatives).into_iter()),
            Node::All(required, excluded) => Plan::all(nodes(required), nodes(excluded)),
        }
    }

    fn leaf(&self, index: usize) -> Plan<'a> {
        let leaf = &self.query.leaves[index];
        let stems = self.stats.stems(index);
        let field = leaf.field.as_deref();
        if matches!(leaf.kind, LeafKind::Phrase(_)) {
            return self.phrase(&stems, field).unwrap_or(Plan::Nothing);
        }
        let words = stems.iter().filter_map(|stem| self.word(stem, field));
        Plan::any(words.map(Plan::Term))
    }

    fn phrase(&self, stems: &[WeightedStem<'_>], field: Option<&'a str>) -> Option<Plan<'a>> {
        let term = |stem: &WeightedStem<'_>| self.index.lexicon.term_of_stem(stem.stem, None);
        let phrase = Phrase {
            terms: stems.iter().map(term).collect::<Option<_>>()?,
            field,
        };
        let words = stems.iter().map(|stem| self.word(stem, field));
        let words: Vec<_> = words.collect::<Option<_>>()?;
        Some(Plan::Phrase(merge_words(words), phrase))
    }

    /// What stands for a stem, if any document has it.
    pub(super) fn word(&self, stem: &WeightedStem<'_>, field: Option<&str>) -> Option<Weighted> {
        let term = self.index.lexicon.term_of_stem(stem.stem, field)?;
        let weight = stem.idf * stem.boost;
        let is_there = self.index.postings.list(term).len() > 0;
        is_there.then_some(Weighted { term, weight })
    }

    /// Reads the postings of a term.
    pub(super) fn cursor(&self, word: Weighted) -> Cursor<'a> {
        let scorer = Scorer::new(word.weight, self.norms);
        let list = self.index.postings.list(word.term);
        Cursor::new(list, &self.index.lengths, scorer)
    }
}
