//! The index against a naive one, that reads every document for every query.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::query::{LeafKind, Node};
use super::*;

mod broad;

type Fields = Vec<(String, String)>;

/// Documents, and what a search in them has to find.
#[derive(Default)]
struct Naive {
    docs: BTreeMap<u32, Doc>,
    /// How many documents have a stem in a field, as far as that was asked since the last change.
    frequencies: RefCell<BTreeMap<(String, Option<String>), usize>>,
    /// Which stems a word stands for, likewise.
    expansions: RefCell<BTreeMap<Expanded, Vec<(String, u8)>>>,
}

/// A word, the edits that it may have, and the field.
type Expanded = (String, Option<u8>, Option<String>);

#[derive(Clone)]
struct Doc {
    fields: Fields,
    /// The stems of each field's text.
    stems: Vec<(String, Vec<String>)>,
}

impl Doc {
    fn new(fields: Fields) -> Doc {
        let stems = fields.iter().map(|(path, text)| {
            let stems = words(text).iter().map(|word| stem(word)).collect();
            (path.clone(), stems)
        });
        Doc {
            stems: stems.collect(),
            fields,
        }
    }

    fn texts<'a>(&'a self, field: Option<&'a str>) -> impl Iterator<Item = &'a Vec<String>> {
        let fits = move |path: &str| field.is_none_or(|field| field == path);
        self.stems
            .iter()
            .filter(move |(path, _)| fits(path))
            .map(|(_, stems)| stems)
    }

    fn length(&self) -> u32 {
        u32::try_from(self.texts(None).map(Vec::len).sum::<usize>()).unwrap()
    }

    fn count(&self, stem: &str, field: Option<&str>) -> usize {
        self.texts(field)
            .flatten()
            .filter(|other| *other == stem)
            .count()
    }
}

fn borrowed(fields: &Fields) -> impl Iterator<Item = (&str, &str)> {
    fields
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(text, |_, word| words.push(word.to_owned()));
    words
}

fn stem(word: &str) -> String {
    Analyzer::default().stem(word).into_owned()
}

impl Naive {
    fn insert(&mut self, doc: u32, fields: Fields) {
        self.docs.insert(doc, Doc::new(fields));
        self.forget();
    }

    fn remove(&mut self, doc: u32) -> Fields {
        self.forget();
        self.docs.remove(&doc).unwrap().fields
    }

    fn forget(&mut self) {
        self.frequencies.take();
        self.expansions.take();
    }

    fn with_words(&self) -> impl Iterator<Item = &Doc> {
        self.docs.values().filter(|doc| doc.length() > 0)
    }

    fn document_frequency(&self, stem: &str, field: Option<&str>) -> usize {
        let mut known = self.frequencies.borrow_mut();
        let count = || {
            self.docs
                .values()
                .filter(|doc| doc.count(stem, field) > 0)
                .count()
        };
        *known
            .entry((stem.to_owned(), field.map(str::to_owned)))
            .or_insert_with(count)
    }

    fn term_score(&self, doc: &Doc, stem: &str, field: Option<&str>) -> f64 {
        let n = self.with_words().count() as f64;
        let df = self.document_frequency(stem, field) as f64;
        let average = self.with_words().map(Doc::length).sum::<u32>() as f64 / n;
        let length = f64::from(length::decode(length::encode(doc.length())));
        let tf = doc.count(stem, field).min(255) as f64;
        let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
        idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))
    }

    /// The words that a document holds, with the distance to `word`, by their stems.
    fn expand(&self, word: &str, edits: Option<u8>, field: Option<&str>) -> Vec<(String, u8)> {
        let key = (word.to_owned(), edits, field.map(str::to_owned));
        let mut known = self.expansions.borrow_mut();
        let expand = || self.expand_anew(word, edits, field);
        known.entry(key).or_insert_with(expand).clone()
    }

    fn expand_anew(&self, word: &str, edits: Option<u8>, field: Option<&str>) -> Vec<(String, u8)> {
        let mut found = BTreeMap::new();
        for (_, text) in self.docs.values().flat_map(|doc| &doc.fields) {
            for other in words(text) {
                let distance = match edits {
                    None if other.starts_with(word) => 0,
                    None => continue,
                    Some(edits) => match similar::Similar::new(word, edits).distance(&other) {
                        Ok(distance) if distance <= edits => distance,
                        _ => continue,
                    },
                };
                let best = found.entry(stem(&other)).or_insert(distance);
                *best = distance.min(*best);
            }
        }
        let occurs = |(stem, _): &(String, u8)| self.document_frequency(stem, field) > 0;
        found.into_iter().filter(occurs).collect()
    }

    fn sum_of(&self, doc: &Doc, stems: &[(String, u8)], field: Option<&str>) -> Option<f64> {
        let scores = stems.iter().map(|(stem, distance)| {
            self.term_score(doc, stem, field) / (1.0 + f64::from(*distance))
        });
        let sum: f64 = scores.sum();
        (sum > 0.0).then_some(sum)
    }

    fn leaf(&self, doc: &Doc, leaf: &query::Leaf, has_fallback: bool) -> Option<f64> {
        let field = leaf.field.as_deref();
        let stems = match &leaf.kind {
            LeafKind::Word(word) => {
                let is_absent = self.document_frequency(&stem(word), field) == 0;
                if is_absent && has_fallback && leaf.is_sought {
                    self.expand(word, Some(query::edits_for(word)), field)
                } else {
                    vec![(stem(word), 0)]
                }
            }
            LeafKind::Prefix(word) => self.expand(word, None, field),
            LeafKind::Fuzzy(word, edits) => {
                self.expand(word, Some(edits.unwrap_or(query::edits_for(word))), field)
            }
            LeafKind::Phrase(words) => {
                let phrase: Vec<_> = words.iter().map(|word| stem(word)).collect();
                let is_there = |text: &Vec<String>| text.windows(phrase.len()).any(|w| w == phrase);
                if !doc.texts(field).any(is_there) {
                    return None;
                }
                phrase.into_iter().map(|stem| (stem, 0)).collect()
            }
        };
        self.sum_of(doc, &stems, field)
    }

    fn score(&self, doc: &Doc, node: &Node, query: &Query) -> Option<f64> {
        let score = |node| self.score(doc, node, query);
        match node {
            Node::Leaf(index) => self.leaf(doc, &query.leaves[*index], query.has_fallback),
            Node::Any(nodes) => nodes.iter().filter_map(score).reduce(|a, b| a + b),
            Node::All(required, excluded) => {
                let sum = required.iter().map(score).sum::<Option<f64>>()?;
                excluded
                    .iter()
                    .all(|node| score(node).is_none())
                    .then_some(sum)
            }
        }
    }

    fn search(&self, query: &Query) -> BTreeMap<u32, f64> {
        let Some(root) = &query.root else {
            return BTreeMap::new();
        };
        let scored = self
            .docs
            .iter()
            .map(|(id, doc)| (*id, self.score(doc, root, query)));
        scored
            .filter_map(|(doc, score)| Some((doc, score?)))
            .collect()
    }
}

/// An index of several shards with the naive one beside it.
struct Pair {
    shards: Vec<TextIndex>,
    naive: Naive,
    next: u32,
}

impl Pair {
    fn new(shards: usize) -> Pair {
        Pair {
            shards: (0..shards).map(|_| TextIndex::default()).collect(),
            naive: Naive::default(),
            next: 0,
        }
    }

    fn shard(&mut self, doc: u32) -> &mut TextIndex {
        let count = self.shards.len();
        &mut self.shards[doc as usize % count]
    }

    fn insert(&mut self, fields: Fields) {
        let doc = self.next;
        self.next += 1;
        self.shard(doc).insert(DocId(doc), borrowed(&fields));
        self.naive.insert(doc, fields);
    }

    fn remove(&mut self, nth: usize) {
        let Some(doc) = self
            .naive
            .docs
            .keys()
            .nth(nth % self.naive.docs.len().max(1))
            .copied()
        else {
            return;
        };
        let fields = self.naive.remove(doc);
        self.shard(doc).remove(DocId(doc), borrowed(&fields));
    }

    /// Renumbers all shards alike, so that documents stay where they are.
    fn renumber(&mut self) {
        if self.shards.len() > 1 {
            return;
        }
        let docs = std::mem::take(&mut self.naive.docs);
        let renumbering = Renumbering::new((0..self.next).map(|doc| docs.contains_key(&doc)));
        self.shards[0].renumber(&renumbering);
        self.next = u32::try_from(docs.len()).unwrap();
        let docs = docs.into_iter();
        let renumber = |(doc, fields)| (renumbering.get(DocId(doc)).unwrap().0, fields);
        self.naive.docs = docs.map(renumber).collect();
    }

    fn search(&self, query: &Query, limit: usize) -> Vec<(DocId, f32)> {
        self.search_within(query, limit, &Budget::default())
            .unwrap()
    }

    fn search_within(
        &self,
        query: &Query,
        limit: usize,
        budget: &Budget,
    ) -> Result<Vec<(DocId, f32)>, TooBroad> {
        let stats = TermStats::gather(query, &self.shards, budget)?;
        let texts = |doc: DocId, visit: &mut dyn FnMut(&str, &str)| {
            let fields = &self.naive.docs[&doc.0].fields;
            borrowed(fields).for_each(|(path, text)| visit(path, text));
            fields.iter().map(|(_, text)| text.len()).sum()
        };
        let mut hits = Vec::new();
        for shard in &self.shards {
            hits.extend(shard.search(query, &stats, limit, &|_| true, &texts, budget)?);
        }
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        hits.truncate(limit);
        Ok(hits)
    }

    /// Checks that the best `limit` are the naive index's, up to what scores alike.
    fn check(&self, query: &Query, limit: usize) {
        let expected = self.naive.search(query);
        let hits = self.search(query, limit);
        assert_eq!(
            hits.len(),
            expected.len().min(limit),
            "{query}: {hits:?} {expected:?}"
        );
        let mut scores: Vec<_> = expected.values().copied().collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        for ((doc, score), best) in hits.iter().zip(scores) {
            let own = expected[&doc.0];
            let is_near = |other: f64| (f64::from(*score) - other).abs() <= 1e-5 * other.max(1.0);
            assert!(
                is_near(own) && is_near(best),
                "{query}: {doc:?} {score} {own} {best}"
            );
        }
        let is_sorted = |pair: &[(DocId, f32)]| pair[0].1 > pair[1].1 || pair[0].0 < pair[1].0;
        assert!(hits.windows(2).all(is_sorted), "{query}: {hits:?}");
        let all = self.search(query, 1 << 20);
        assert_eq!(hits, all[..hits.len()], "{query}: to the last bit");
    }
}

fn any_word() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 17] = [
        "run",
        "running",
        "runs",
        "runner",
        "car",
        "cars",
        "cat",
        "cart",
        "art",
        "red",
        "Reed",
        "happy",
        "happiness",
        "x",
        "y",
        "can't",
        "Straße",
    ];
    prop::sample::select(&KNOWN[..]).prop_map(str::to_owned)
}

fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(any_word(), 0..9).prop_map(|words| words.join(" "))
}

fn any_fields() -> impl Strategy<Value = Fields> {
    let path = prop::sample::select(&["", "", "name", "a.b"][..]).prop_map(str::to_owned);
    prop::collection::vec((path, any_text()), 0..3)
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Fields),
    Remove(usize),
    Renumber,
}

fn any_steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => any_fields().prop_map(Step::Insert),
        4 => any::<usize>().prop_map(Step::Remove),
        1 => Just(Step::Renumber),
    ];
    prop::collection::vec(step, 0..count)
}

fn any_leaf() -> impl Strategy<Value = String> {
    let field = prop::sample::select(&["", "", "", "name:", "a.b:", "none:"][..]);
    let kind = prop_oneof![
        6 => any_word(),
        1 => prop::sample::select(&["ru*", "ca*", "happ*", "r*", "z*"][..]).prop_map(str::to_owned),
        1 => prop::sample::select(&["cat~", "rde~1", "hapyp~2", "runnig", "caar", "zzz"][..])
            .prop_map(str::to_owned),
        2 => prop::collection::vec(any_word(), 2..4)
            .prop_map(|words| format!("\"{}\"", words.join(" "))),
    ];
    (field, kind).prop_map(|(field, kind)| format!("{field}{kind}"))
}

fn any_query() -> impl Strategy<Value = String> {
    any_leaf().prop_recursive(3, 12, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            some().prop_map(|parts| format!("({})", parts.join(" "))),
            some().prop_map(|parts| format!("({})", parts.join(" OR "))),
            (some(), some()).prop_map(|(a, b)| format!(
                "({} -{})",
                a.join(" AND "),
                b.join(" NOT ")
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn finds_and_scores_as_a_naive_index_does(
        steps in any_steps(40),
        queries in prop::collection::vec(any_query(), 1..8),
        shards in 1usize..3,
        limit in 1usize..12,
    ) {
        let mut pair = Pair::new(shards);
        for step in steps {
            match step {
                Step::Insert(fields) => pair.insert(fields),
                Step::Remove(nth) => pair.remove(nth),
                Step::Renumber => pair.renumber(),
            }
        }
        prop_assert_eq!(
            pair.shards.iter().map(TextIndex::doc_count).sum::<u64>(),
            pair.naive.with_words().count() as u64
        );
        for query in &queries {
            let query = Query::parse(query).unwrap();
            pair.check(&query, limit);
            pair.check(&query.without_fallback(), 1000);
        }
    }
}

fn no_texts(_: DocId, _: &mut dyn FnMut(&str, &str)) -> usize {
    0
}

fn found(index: &TextIndex, query: &str) -> Vec<u32> {
    let (query, budget) = (Query::parse(query).unwrap(), Budget::default());
    let stats = TermStats::gather(&query, [index], &budget).unwrap();
    let hits = index.search(&query, &stats, 10, &|_| true, &no_texts, &budget);
    let hits = hits.unwrap();
    hits.iter().map(|(doc, _)| doc.0).collect()
}

#[test]
fn long_lists_score_as_a_naive_index_does() {
    let vocabulary = ["run", "car", "cat", "art", "red", "y"];
    let mut pair = Pair::new(1);
    let mut state = 1u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from((state >> 33) % below).unwrap()
    };
    for _ in 0..1500 {
        let count = 1 + draw(12);
        let words: Vec<_> = (0..count)
            .map(|_| vocabulary[draw(6).min(draw(6))])
            .collect();
        pair.insert(vec![(String::new(), words.join(" "))]);
    }
    for _ in 0..200 {
        pair.remove(draw(1000));
    }
    let queries = [
        "run",
        "y",
        "red art",
        "run y",
        "red OR y",
        "run OR car OR y",
        "red -run",
        "\"red car\"",
        "run car cat art",
        "c*",
        "(red OR y) car -\"run run\"",
    ];
    for limit in [1, 10, 300] {
        for query in queries {
            pair.check(&Query::parse(query).unwrap(), limit);
        }
        pair.renumber();
    }
}

#[test]
fn overwriting_does_not_grow_it() {
    let mut index = TextIndex::default();
    let mut bytes = Vec::new();
    for round in 0..4 {
        for doc in 0..3000u32 {
            let old = format!("old{round}x{doc} common words");
            let fields = [("a.b", old.as_str())];
            index.insert(DocId(doc + 1), fields);
            index.remove(DocId(doc + 1), fields);
        }
        index.insert(DocId(3001), [("", "common survivor")]);
        assert_eq!(
            (index.doc_count(), found(&index, "common")),
            (1, vec![3001])
        );
        index.renumber(&Renumbering::new((0..3002).map(|doc| doc == 3001)));
        assert_eq!((index.term_count(), found(&index, "common")), (2, vec![0]));
        index.remove(DocId(0), [("", "common survivor")]);
        index.renumber(&Renumbering::new([false]));
        assert_eq!((index.term_count(), index.doc_count()), (0, 0));
        bytes.push(index.memory_bytes());
    }
    assert!(bytes.iter().all(|&other| other == bytes[0]), "{bytes:?}");
}

#[test]
fn removing_twice_or_what_is_not_there_does_nothing() {
    let mut index = TextIndex::default();
    index.insert(DocId(3), [("", "red car")]);
    index.insert(DocId(5), [("", "red")]);
    for doc in [5, 5, 4, 9, u32::MAX] {
        index.remove(DocId(doc), [("", "red")]);
    }
    assert_eq!((index.doc_count(), index.docs_with("red")), (1, 1));
    assert_eq!(found(&index, "red"), [3]);
    assert!(index.term_idf("reds") > 0.0 && index.term_idf("reds") < index.term_idf("blue"));
}

#[test]
fn an_explanation_adds_up_to_the_score() {
    let mut index = TextIndex::default();
    index.insert(DocId(0), [("name", "running shoes"), ("", "red")]);
    index.insert(DocId(1), [("", "red car")]);
    let query = Query::parse("name:run OR red -blue OR rde~ OR red").unwrap();
    let budget = Budget::default();
    let stats = TermStats::gather(&query, [&index], &budget).unwrap();
    let why = index.explain(&[DocId(7), DocId(0)], &query, &stats, &budget);
    let is_first = |doc| doc == DocId(0);
    let hits = index.search(&query, &stats, 1, &is_first, &no_texts, &budget);
    let names: Vec<_> = why[1].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["name:run", "red"]);
    let sum = why[1].iter().map(|(_, score)| score).sum::<f32>();
    assert!((sum - hits.unwrap()[0].1).abs() < 1e-5);
    assert!(why[0].is_empty());
}

fn marked(text: &str, query: &str, width: usize) -> String {
    let mut index = TextIndex::default();
    index.insert(DocId(0), [("a", text)]);
    let (query, budget) = (Query::parse(query).unwrap(), Budget::default());
    let stats = TermStats::gather(&query, [&index], &budget).unwrap();
    let snippets = Snippets::new(index.analyzer(), &query, &stats);
    let snippet = snippets.of([("a", text)], width, &budget);
    let mut shown = snippet.text.clone();
    for mark in snippet.marks.iter().rev() {
        shown.insert(mark.end, ']');
        shown.insert(mark.start, '[');
    }
    shown
}

#[test]
fn snippets_show_what_was_sought() {
    let text = "A long beginning that says nothing. Then\nhe was running with red shoes, and on.";
    assert_eq!(
        marked(text, "run red", 30),
        "…was [running] with [red] shoes,…"
    );
    assert_eq!(marked(text, "a:shoe -nothing", 10), "…[shoes],…");
    assert_eq!(marked(text, "zebra~", 12), "A long…");
    assert_eq!(marked("", "x", 12), "");
    assert_eq!(marked("ein Straßenfest", "stra*", 100), "ein [Straßenfest]");
}

proptest! {
    #[test]
    fn snippets_of_any_text_have_marks_in_order(
        text in any::<String>(),
        query in "[a-z0-9]{1,3}\\*",
        width in 0usize..60,
    ) {
        let mut index = TextIndex::default();
        index.insert(DocId(0), [("", text.as_str())]);
        let (query, budget) = (Query::parse(&query).unwrap(), Budget::default());
        let stats = TermStats::gather(&query, [&index], &budget).unwrap();
        let snippets = Snippets::new(index.analyzer(), &query, &stats);
        let snippet = snippets.of([("", text.as_str())], width, &budget);
        let mut end = 0;
        for mark in snippet.marks {
            prop_assert!(end <= mark.start && mark.start < mark.end);
            prop_assert!(snippet.text.get(mark.clone()).is_some());
            end = mark.end;
        }
    }
}
