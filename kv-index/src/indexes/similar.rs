//! Keys by meaning, ranked.
//!
//! Vectors that came with values and vectors made from texts are never compared: a vector is looked
//! for among the first, a text among the second, and a key where its own vector is.

use std::collections::{BTreeMap, BTreeSet};

use kv_embed::vectors::VectorIndex;
use kv_proto::command::SimilarTo;
use kv_proto::hit::Hit;
use kv_proto::{Entry, Value};

use super::view::{Choose, Found, View};
use super::{Indexes, SearchError};
use crate::DocId;
use crate::content::Content;
use crate::kinds::Kinds;
use crate::shard::State;
use crate::text::{Budget, Cost, TooBroad, for_each_word};

/// Words of a query that are explained.
const WORDS_EXPLAINED_MAX: usize = 32;

/// Words of a document that are compared with each of them.
const WORDS_COMPARED_MAX: usize = 1024;

/// Steps to compare two words.
const COMPARISON: u64 = 150;

/// What is asked of [`Indexes::similar`] besides the thing to be similar to.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimilarOptions<'a> {
    /// At most so many hits.
    pub limit: usize,
    /// Only keys that begin with this.
    pub prefix: Option<&'a [u8]>,
    /// Say of each hit why it is one.
    pub explain: bool,
}

impl Indexes {
    /// The entries that mean most nearly the same, best first, each with the cosine.
    ///
    /// # Errors
    /// If there is nothing to compare with, or no semantic index, or not yet.
    pub fn similar(
        &self,
        query: &SimilarTo,
        options: SimilarOptions<'_>,
        now_ms: u64,
    ) -> Result<Vec<Hit>, SearchError> {
        let shards = self.fresh(Kinds::SEMANTIC)?;
        let view = View {
            shards: &shards,
            prefix: options.prefix,
            now_ms,
        };
        let found = match query {
            SimilarTo::Text(text) => {
                view.meaning(of_texts, &view.vector_of(text), options.limit, None)
            }
            SimilarTo::Vector(_) if self.vector_dims() == 0 => return Err(SearchError::NoVectors),
            SimilarTo::Vector(vector) => view.meaning(own, vector, options.limit, None),
            SimilarTo::Key(key) => {
                let (index, vector) = vector_of(&view, key).ok_or(SearchError::NothingToCompare)?;
                view.meaning(index, &vector, options.limit, Some(key))
            }
        }?;
        let budget = Budget::new(self.steps_max);
        let told = found.iter().map(|found| {
            let hit = hit(found, query, options.explain, &budget);
            (!budget.is_spent()).then_some(hit).ok_or(TooBroad::Telling)
        });
        Ok(told.collect::<Result<_, _>>()?)
    }
}

/// Vectors made from texts.
pub(super) fn of_texts(state: &State) -> Option<&VectorIndex> {
    Some(&state.texts.vectors)
}

/// Vectors that came with values.
fn own(state: &State) -> Option<&VectorIndex> {
    state.own.as_ref()
}

fn vector_of(view: &View<'_>, key: &[u8]) -> Option<(Choose, Vec<f32>)> {
    let (state, DocId(id)) = view.by_key(key)?;
    let indexes: [Choose; 2] = [own, of_texts];
    let found = indexes.map(|index| Some((index, index(state)?.vector(id)?)));
    found.into_iter().flatten().next()
}

fn hit(found: &Found<'_>, query: &SimilarTo, explains: bool, budget: &Budget) -> Hit {
    let key = bytes::Bytes::copy_from_slice(found.entry.key());
    Hit {
        explanation: explains.then(|| explain(found, query, budget)),
        ..Hit::new(key, found.score)
    }
}

fn explain(found: &Found<'_>, query: &SimilarTo, budget: &Budget) -> Value {
    let mut fields = BTreeMap::from([("cosine".to_owned(), Value::Float(found.score))]);
    if let SimilarTo::Text(text) = query {
        fields.insert("alike".to_owned(), alike(text, found.entry, budget));
    }
    Value::Map(fields)
}

/// For each word of `text` the word of the entry that is spelled most like it, and the share of
/// three-letter runs that they have in common.
pub(super) fn alike(text: &str, entry: &Entry, budget: &Budget) -> Value {
    budget.spend_on_document(Cost::Telling, entry.payload().len());
    let document = words(
        |visit| Content::of(entry).strings(|_, text| visit(text)),
        WORDS_COMPARED_MAX,
    );
    let query = words(|visit| visit(text), WORDS_EXPLAINED_MAX);
    let pairs = (query.len() * document.len()) as u64;
    budget.spend(Cost::Telling, COMPARISON * pairs);
    let pairs = query.into_iter().filter_map(|(word, runs)| {
        let likeness = document
            .iter()
            .map(|(other, theirs)| (shared(&runs, theirs), other));
        let (share, other) =
            likeness.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))?;
        let pair = vec![Value::Str(other.clone()), Value::Float(share)];
        (share > 0.0).then_some((word, Value::List(pair)))
    });
    Value::Map(pairs.collect())
}

type Runs = BTreeSet<[char; 3]>;

fn words(texts: impl FnOnce(&mut dyn FnMut(&str)), count_max: usize) -> BTreeMap<String, Runs> {
    let mut words = BTreeMap::new();
    texts(&mut |text| {
        for_each_word(text, |_, word| {
            if words.len() < count_max {
                words.entry(word.to_owned()).or_insert_with(|| runs(word));
            }
        });
    });
    words
}

/// The runs of three letters, with the word's boundaries as letters.
fn runs(word: &str) -> Runs {
    let letters: Vec<char> = std::iter::once(' ')
        .chain(word.chars())
        .chain(std::iter::once(' '))
        .collect();
    letters
        .windows(3)
        .map(|run| [run[0], run[1], run[2]])
        .collect()
}

/// Dice's coefficient.
#[expect(clippy::cast_precision_loss, reason = "words are short")]
fn shared(a: &Runs, b: &Runs) -> f64 {
    let common = a.intersection(b).count();
    2.0 * common as f64 / (a.len() + b.len()).max(1) as f64
}
