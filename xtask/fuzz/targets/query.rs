//! Any text as a query, over a small index.
//!
//!   | query … |   bytes that are not UTF-8 are replaced
//!
//! 1. A query is understood or refused, the same each time; a mistake lies within it.
//! 2. A query that is understood finds at most as many documents as asked for, all of them there;
//!    scores are finite and descend, and of equal ones the first document comes first.
//! 3. The best few score as much as the first of many, but for rounding.
//! 4. With some documents not accepted, the accepted ones are found all the same and no others.

#![no_main]

use std::sync::OnceLock;

use kv_index::DocId;
use kv_index::text::{Analyzer, Budget, Query, TermStats, TextIndex};
use libfuzzer_sys::fuzz_target;

/// Every so many documents one is removed.
const REMOVED_EVERY: usize = 5;

/// The same numbers, added in another order, give about the same sum.
const ROUNDING: f32 = 1e-5;

/// So few documents are never too many.
const WITHIN_BUDGET: &str = "the index is small";

/// Path and text.
type Field = (String, String);

struct Fixture {
    index: TextIndex,
    docs: Vec<Vec<Field>>,
}

fuzz_target!(init: fuzz::offer_seeds(seeds()), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let parsed = Query::parse(&text);
    assert_eq!(parsed, Query::parse(&text));
    match parsed {
        Ok(query) => search(&query),
        Err(error) => {
            assert!(error.offset <= text.len(), "{error:?}");
            assert!(!error.to_string().is_empty());
        }
    }
});

fn search(query: &Query) {
    let fixture = fixture();
    let stats = || fixture.index.stats(query, &Budget::default());
    let stats = (stats().expect(WITHIN_BUDGET), stats().expect(WITHIN_BUDGET));
    assert_eq!(stats.0, stats.1);
    check(fixture, query, &stats.0);
    let gathered = TermStats::gather(query, [&fixture.index], &Budget::default());
    let gathered = gathered.expect(WITHIN_BUDGET);
    check(fixture, query, &gathered);
    check(fixture, &query.clone().without_fallback(), &gathered);
}

fn check(fixture: &Fixture, query: &Query, stats: &TermStats) {
    let all = fixture.search(query, stats, 100, &|_| true);
    assert!(all.len() <= fixture.docs.len());
    assert!(!query.is_empty() || all.is_empty(), "no word finds nothing");
    for (doc, score) in &all {
        assert!(fixture.is_live(*doc), "{doc:?} is not there");
        assert!(score.is_finite(), "{score}");
    }
    for pair in all.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        assert!(before.1 >= after.1, "{before:?} before {after:?}");
        assert!(
            before.1 > after.1 || before.0 < after.0,
            "{before:?}, {after:?}"
        );
    }
    for limit in [0, 1, 3] {
        let some = fixture.search(query, stats, limit, &|_| true);
        assert_eq!(some.len(), limit.min(all.len()));
        for (some, all) in some.iter().zip(&all) {
            assert!(
                (some.1 - all.1).abs() <= ROUNDING * all.1.abs(),
                "{some:?}, {all:?}"
            );
        }
    }
    let is_even = |doc: DocId| doc.0 % 2 == 0;
    let even = fixture.search(query, stats, 100, &is_even);
    assert!(even.iter().all(|(doc, _)| is_even(*doc)));
    assert_eq!(
        even.len(),
        all.iter().filter(|(doc, _)| is_even(*doc)).count()
    );
}

impl Fixture {
    fn search(
        &self,
        query: &Query,
        stats: &TermStats,
        limit: usize,
        accept: &dyn Fn(DocId) -> bool,
    ) -> Vec<(DocId, f32)> {
        let texts = |doc: DocId, visit: &mut dyn FnMut(&str, &str)| {
            let fields = &self.docs[doc.index()];
            borrowed(fields).for_each(|(path, text)| visit(path, text));
            fields.iter().map(|(_, text)| text.len()).sum()
        };
        let budget = Budget::default();
        let hits = self
            .index
            .search(query, stats, limit, accept, &texts, &budget);
        hits.expect(WITHIN_BUDGET)
    }

    fn is_live(&self, doc: DocId) -> bool {
        doc.index() < self.docs.len() && !doc.index().is_multiple_of(REMOVED_EVERY)
    }
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let docs: Vec<Vec<Field>> = (0..40).map(fields).collect();
        let mut index = TextIndex::new(Analyzer::default());
        for (number, fields) in (0..).zip(&docs) {
            index.insert(DocId(number), borrowed(fields));
        }
        for (number, fields) in (0..).zip(&docs).step_by(REMOVED_EVERY) {
            index.remove(DocId(number), borrowed(fields));
        }
        Fixture { index, docs }
    })
}

fn borrowed(fields: &[Field]) -> impl Iterator<Item = (&str, &str)> {
    fields
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
}

/// What document `number` says: plain text, or some fields.
fn fields(number: usize) -> Vec<Field> {
    const TEXTS: [&str; 6] = [
        "The red car drove to the well-known harbour",
        "Deep neural networks learn from examples, networks of networks",
        "Jürgen naïvely ate 12 crêpes in Zürich",
        "user@example.com wrote about red and blue cars",
        "機械学習 と 日本語 の テキスト",
        "a b c a b c a b a",
    ];
    const NAMES: [&str; 4] = ["John", "Jhon", "Johanna", "Maria de la Cruz"];
    let field = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let text = TEXTS[number % TEXTS.len()];
    match number % 4 {
        0 => vec![field("", text)],
        1 => vec![field("name", NAMES[number / 4 % 4]), field("note", text)],
        2 => vec![field("a.b", text), field("a.b", NAMES[number / 4 % 4])],
        _ => vec![field("first name", NAMES[number / 4 % 4]), field("", "")],
    }
}

/// Each form of a query, and each mistake.
fn seeds() -> Vec<Vec<u8>> {
    let queries = [
        "",
        "red car",
        "red OR car",
        "red -car",
        "red NOT car AND blue",
        "\"red car\"",
        "netw*",
        "jhon~",
        "jhon~2",
        "netwroks",
        "name:john",
        "a.b:(red OR blue)",
        "\"first name\":john",
        "(red OR blue) -(car harbour) \"networks of\"",
        "well-known user@example.com",
        "名:機械 機械学習*",
        "Zürich naïvely~1",
        "-red",
        "\"red",
        "((red)",
        "red)",
        "name:",
        "OR red",
        "red~9",
        "a b c -c OR (a -(b -(c -a)))",
    ];
    queries.map(|query| query.as_bytes().to_vec()).into()
}
