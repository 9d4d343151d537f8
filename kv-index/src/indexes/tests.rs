use std::collections::BTreeMap;

use kv_proto::command::{SearchOptions, SimilarTo};
use kv_proto::{Tag, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ordered::{Direction, KeyRange};

const NOW_MS: u64 = 1000;

const VALUES: [&str; 8] = [
    "red apple",
    "green apple and pear",
    "Pears",
    r#"{"name": "John", "age": 30}"#,
    r#"{"name": "Jane", "age": 30, "likes": ["apple", "music"]}"#,
    "30",
    "",
    "\u{1}",
];

#[derive(Debug, Clone)]
enum Op {
    Put {
        key: u8,
        value: usize,
        expires_at_ms: Option<u64>,
    },
    Remove(u8),
    Clear,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let expiry = prop_oneof![4 => Just(None), 1 => Just(Some(NOW_MS)), 1 => Just(Some(NOW_MS + 1))];
    let put = (0u8..16, 0..VALUES.len(), expiry).prop_map(|(key, value, expires_at_ms)| Op::Put {
        key,
        value,
        expires_at_ms,
    });
    let op = prop_oneof![20 => put, 6 => (0u8..16).prop_map(Op::Remove), 1 => Just(Op::Clear)];
    vec(op, 0..80)
}

fn options(shard_count: usize) -> IndexOptions {
    IndexOptions {
        shard_count,
        ..IndexOptions::default()
    }
}

/// Entries by key, as the map of a node has them.
#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, Entry>);

impl Model {
    fn run(&mut self, op: &Op, version: u64, indexes: &Indexes) {
        match op {
            Op::Put {
                key,
                value,
                expires_at_ms,
            } => {
                let value = VALUES[*value].as_bytes();
                let entry = Entry::new(&[*key], Tag::Bytes, value, version, *expires_at_ms);
                self.0.insert(vec![*key], entry.clone());
                indexes.enqueue(Change::Put(entry));
            }
            Op::Remove(key) => {
                if let Some(old) = self.0.remove([*key].as_slice()) {
                    indexes.enqueue(Change::Remove(old));
                }
            }
            Op::Clear => {
                self.0.clear();
                indexes.clear();
            }
        }
    }

    fn keys(&self, is_it: impl Fn(&Entry) -> bool) -> Vec<Vec<u8>> {
        let live = self.0.values().filter(|entry| !entry.is_expired(NOW_MS));
        live.filter(|entry| is_it(entry))
            .map(|entry| entry.key().to_vec())
            .collect()
    }

    fn check(&self, indexes: &Indexes) {
        self.check_values(indexes);
        self.check_words(indexes);
        self.check_meaning(indexes);
        let range = indexes.range(&KeyRange::all(), Direction::Ascending, 100, NOW_MS);
        assert_eq!(sorted_keys(range.unwrap()), self.keys(|_| true));
    }

    fn check_values(&self, indexes: &Indexes) {
        let john = Value::from_json(VALUES[3].as_bytes()).unwrap();
        let found = indexes.find(&john, None, 100, NOW_MS).unwrap();
        assert_eq!(
            sorted_keys(found),
            self.keys(|entry| entry.payload() == VALUES[3].as_bytes())
        );
        let found = indexes
            .find(&Value::Int(30), Some("age"), 100, NOW_MS)
            .unwrap();
        let is_thirty = |entry: &Entry| entry.payload().starts_with(b"{");
        assert_eq!(sorted_keys(found), self.keys(is_thirty));
    }

    fn check_words(&self, indexes: &Indexes) {
        for (query, word) in [
            ("apples", "apple"),
            ("pear", "pear"),
            ("likes:music", "music"),
        ] {
            let options = SearchOptions::new().limit(100);
            let hits = indexes.search(query, &options, NOW_MS).unwrap();
            let mut keys: Vec<_> = hits.iter().map(|hit| hit.key.to_vec()).collect();
            keys.sort_unstable();
            let has_it = |entry: &Entry| text(entry).to_lowercase().contains(word);
            assert_eq!(keys, self.keys(has_it), "{query}");
            assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
        }
    }

    fn check_meaning(&self, indexes: &Indexes) {
        let query = SimilarTo::from("green apple and pear");
        let options = SimilarOptions {
            limit: 100,
            ..SimilarOptions::default()
        };
        let hits = indexes.similar(&query, options, NOW_MS).unwrap();
        let has_words = |entry: &Entry| text(entry).chars().any(char::is_alphanumeric);
        assert_eq!(hits.len(), self.keys(has_words).len());
        let exact = self.keys(|entry| text(entry) == "green apple and pear");
        let best: Vec<_> = hits[..exact.len()]
            .iter()
            .map(|hit| hit.key.to_vec())
            .collect();
        assert_eq!(best, exact, "the same text comes first");
    }
}

fn text(entry: &Entry) -> &str {
    std::str::from_utf8(entry.payload()).unwrap()
}

fn sorted_keys(entries: Vec<Entry>) -> Vec<Vec<u8>> {
    let keys: Vec<_> = entries.iter().map(|entry| entry.key().to_vec()).collect();
    assert!(keys.is_sorted());
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn searches_agree_with_a_look_at_everything(ops in ops(), shard_count in 1..4usize) {
        let (indexes, mut model) = (Indexes::new(&options(shard_count)), Model::default());
        indexes.build_empty();
        for (op, version) in ops.iter().zip(1..) {
            model.run(op, version, &indexes);
            if version % 7 == 0 {
                model.check(&indexes);
            }
        }
        model.check(&indexes);
    }

    #[test]
    fn building_agrees_with_having_been_there(ops in ops(), built_after in 0..80usize) {
        let (indexes, mut model) = (Indexes::new(&options(2)), Model::default());
        for (op, version) in ops.iter().zip(1..) {
            // What happens before and during the build is in the map, and told.
            model.run(op, version, &indexes);
            if version == built_after as u64 {
                build(&indexes, 0, &model);
            }
        }
        if !(1..=ops.len()).contains(&built_after) {
            build(&indexes, 0, &model);
        }
        prop_assert_eq!(indexes.find(&Value::Null, None, 1, 0), Err(SearchError::Building));
        build(&indexes, 1, &model);
        model.check(&indexes);
    }
}

fn build(indexes: &Indexes, shard: usize, model: &Model) {
    let mut rest = vec![model.0.values().cloned().collect::<Vec<_>>()];
    indexes.build(shard, || rest.pop());
}

#[test]
fn a_removed_entry_that_was_read_before_does_not_come_back() {
    let indexes = Indexes::new(&options(1));
    let entry = Entry::new(b"k", Tag::Bytes, b"apple", 1, None);
    let mut reads = 0;
    indexes.build(0, || {
        reads += 1;
        // It is read from the map, and removed before it is indexed.
        indexes.enqueue(Change::Remove(entry.clone()));
        (reads == 1).then(|| vec![entry.clone()])
    });
    assert_eq!(
        indexes.search("apple", &SearchOptions::new(), 0),
        Ok(vec![])
    );
    assert_eq!(indexes.stats().documents, 0);
}

#[test]
fn nothing_grows_when_keys_are_overwritten() {
    let indexes = Indexes::new(&options(2));
    indexes.build_empty();
    let overwrite = |count: u64| {
        for version in 1..=count {
            let key = (version % 500).to_le_bytes();
            let text = format!("value {} of key {}", version % 13, version % 500);
            indexes.enqueue(Change::Put(Entry::new(
                &key,
                Tag::Bytes,
                text.as_bytes(),
                version,
                None,
            )));
            if version % 1000 == 0 {
                drop(indexes.search("value", &SearchOptions::new(), 0));
            }
        }
        indexes.stats()
    };
    let before = overwrite(40_000);
    let after = Indexes::stats(&indexes);
    assert_eq!(before, after);
    indexes.clear();
    let first = overwrite(40_000);
    indexes.clear();
    let second = overwrite(120_000);
    assert_eq!((first.documents, second.documents), (500, 500));
    assert!(second.bytes() < 2 * first.bytes(), "{first:?} {second:?}");
}

#[test]
fn keys_are_in_the_indexes_that_the_rules_say() {
    let rules = ["all", "log:=none", "raw:=value"].map(|rule| rule.parse().unwrap());
    let indexes = Indexes::new(&IndexOptions {
        rules: Rules::new(rules),
        ..options(2)
    });
    indexes.build_empty();
    for (version, key) in (1..).zip(["a", "log:a", "raw:a"]) {
        let entry = Entry::new(key.as_bytes(), Tag::Bytes, b"apple", version, None);
        indexes.enqueue(Change::Put(entry));
    }
    let found = indexes
        .find(&Value::Str("apple".into()), None, 10, 0)
        .unwrap();
    assert_eq!(sorted_keys(found), [b"a".to_vec(), b"raw:a".to_vec()]);
    let hits = indexes.search("apple", &SearchOptions::new(), 0).unwrap();
    assert_eq!(hits.len(), 1);
    assert!(
        indexes
            .range(&KeyRange::all(), Direction::Ascending, 10, 0)
            .is_none()
    );
}

#[test]
fn without_an_index_the_error_says_what_to_do() {
    let indexes = Indexes::new(&IndexOptions {
        rules: Rules::new(["none".parse().unwrap()]),
        ..options(1)
    });
    let error = indexes
        .search("apple", &SearchOptions::new(), 0)
        .unwrap_err();
    assert!(error.to_string().contains("--index text"), "{error}");
}

#[test]
fn hybrid_hits_come_from_words_and_from_meaning() {
    let indexes = Indexes::new(&options(2));
    indexes.build_empty();
    for (version, value) in (1..).zip(["neural networks", "nueral netwrok", "a cake recipe"]) {
        let key = [u8::try_from(version).unwrap()];
        let entry = Entry::new(&key, Tag::Bytes, value.as_bytes(), version, None);
        indexes.enqueue(Change::Put(entry));
    }
    let options = SearchOptions::new().hybrid().explain().snippets().limit(2);
    let hits = indexes.search("neural network", &options, 0).unwrap();
    let keys: Vec<_> = hits.iter().map(|hit| hit.key[0]).collect();
    assert_eq!(keys, [1, 2]);
    assert_eq!(
        hits[0].snippet.as_deref(),
        Some("<b>neural</b> <b>networks</b>")
    );
    let Some(Value::Map(why)) = &hits[1].explanation else {
        panic!("{hits:?}");
    };
    assert_eq!(why["words_rank"], Value::Null);
    assert_eq!(why["meaning_rank"], Value::Int(2));
}

#[test]
fn a_search_that_takes_too_long_is_refused_whatever_takes_long() {
    let indexes = Indexes::new(&IndexOptions {
        steps_max: 150_000,
        ..options(2)
    });
    indexes.build_empty();
    let text = "red car ".repeat(50);
    for number in 0..100u8 {
        let text = format!("{text} w{number} x{}", number % 10);
        let entry = Entry::new(&[number], Tag::Bytes, text.as_bytes(), 1, None);
        indexes.enqueue(Change::Put(entry));
    }
    let plain = || SearchOptions::new().limit(10);
    let many = || SearchOptions::new().limit(100);
    let refused = |query: &str, options: SearchOptions| {
        let error = indexes.search(query, &options, 0).unwrap_err();
        assert!(matches!(error, SearchError::TooBroad(_)), "{error:?}");
        error.to_string()
    };
    assert_eq!(
        indexes.search("w7 red", &plain(), 0).map(|hits| hits.len()),
        Ok(1)
    );
    assert_eq!(
        indexes.search("red", &many(), 0).map(|hits| hits.len()),
        Ok(100)
    );
    let error = refused("\"car car\"", plain());
    assert!(
        error.contains("\"car car\" are in up to 100 documents"),
        "{error}"
    );
    assert!(refused("red", many().snippets()).contains("fewer hits"));
    assert!(refused("red", many().hybrid().explain()).contains("fewer hits"));
    assert!(indexes.search("\"car car\" w7", &plain(), 0).is_ok());
}

#[test]
fn values_that_take_too_long_to_compare_are_not_looked_for_further() {
    let indexes = Indexes::new(&IndexOptions {
        steps_max: 60_000,
        ..options(2)
    });
    indexes.build_empty();
    for number in 0..100u8 {
        let json = format!(r#"{{"is": "red", "note": "{}"}}"#, "x".repeat(1000));
        let entry = Entry::new(&[number], Tag::Bytes, json.as_bytes(), 1, None);
        indexes.enqueue(Change::Put(entry));
    }
    let find = |limit| indexes.find(&Value::Str("red".into()), Some("is"), limit, 0);
    assert_eq!(find(3).map(|found| found.len()), Ok(3));
    assert_eq!(find(100), Err(SearchError::FoundTooMuch));
}

#[cfg(feature = "planted-bugs")]
mod planted {
    use super::*;

    #[test]
    fn a_search_that_does_not_wait_for_changes_misses_them() {
        let indexes = Indexes::new(&IndexOptions {
            skips_barrier: true,
            ..options(1)
        });
        indexes.build_empty();
        indexes.enqueue(Change::Put(Entry::new(b"k", Tag::Bytes, b"apple", 1, None)));
        let hits = indexes.search("apple", &SearchOptions::new(), 0).unwrap();
        assert!(hits.is_empty(), "the planted bug is in place");
    }
}
