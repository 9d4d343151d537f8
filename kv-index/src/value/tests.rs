//! The index against a map from hashes, and against a scan over values.

use std::collections::{BTreeMap, BTreeSet};

use kv_proto::{Entry, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::content::{self, Content};
use crate::{Docs, Put};

/// Spreads over fingerprints, which are half of a hash.
fn hash(value: u32) -> u64 {
    u64::from(value.wrapping_mul(0x9e37_79b9)) << 32
}

#[derive(Debug, Clone)]
enum Op {
    /// A new document under these hashes.
    Insert(Vec<u32>),
    /// The nth of the documents that are there.
    Remove(usize),
    Renumber,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        // The few values come to have so many documents each that there are bitmaps, too.
        60 => vec(0u32..3, 0..4).prop_map(Op::Insert),
        20 => any::<usize>().prop_map(Op::Remove),
        1 => Just(Op::Renumber),
    ];
    vec(op, 0..800)
}

#[derive(Default)]
struct Model {
    docs: BTreeMap<DocId, Vec<u64>>,
    next: u32,
}

impl Model {
    fn insert(&mut self, hashes: &[u64]) -> DocId {
        let doc = DocId(self.next);
        self.next += 1;
        self.docs.insert(doc, hashes.to_vec());
        doc
    }

    fn nth(&self, n: usize) -> Option<DocId> {
        let count = self.docs.len();
        self.docs.keys().nth(n.checked_rem(count)?).copied()
    }

    fn renumber(&mut self) -> Renumbering {
        let is_alive = (0..self.next).map(|doc| self.docs.contains_key(&DocId(doc)));
        let renumbering = Renumbering::new(is_alive);
        let docs = std::mem::take(&mut self.docs).into_iter();
        let renumbered = docs.map(|(doc, hashes)| (renumbering.get(doc).unwrap(), hashes));
        self.docs = renumbered.collect();
        self.next = u32::try_from(self.docs.len()).unwrap();
        renumbering
    }

    fn check(&self, index: &ValueIndex) {
        for hash in (0..3).map(hash) {
            let with_hash = self
                .docs
                .iter()
                .filter(|(_, hashes)| hashes.contains(&hash));
            let expected: Vec<DocId> = with_hash.map(|(doc, _)| *doc).collect();
            let found = index.find(hash);
            assert_eq!(found.len(), expected.len());
            assert_eq!(found.collect::<Vec<_>>(), expected);
        }
        let hashes: BTreeSet<&u64> = self.docs.values().flatten().collect();
        assert_eq!(index.len(), hashes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_model(ops in ops()) {
        let (mut index, mut model) = (ValueIndex::default(), Model::default());
        for op in ops {
            match op {
                Op::Insert(values) => {
                    let hashes: Vec<u64> = values.into_iter().map(hash).collect();
                    index.insert(model.insert(&hashes), &hashes);
                }
                Op::Remove(n) => {
                    if let Some(doc) = model.nth(n) {
                        index.remove(doc, &model.docs.remove(&doc).unwrap());
                    }
                }
                Op::Renumber => index.renumber(&model.renumber()),
            }
        }
        model.check(&index);
        index.renumber(&model.renumber());
        model.check(&index);
        while let Some(doc) = model.nth(model.docs.len() / 3) {
            index.remove(doc, &model.docs.remove(&doc).unwrap());
            model.check(&index);
        }
        prop_assert!(index.is_empty());
    }
}

/// A shard as far as values go.
#[derive(Default)]
struct Shard {
    docs: Docs,
    values: ValueIndex,
}

impl Shard {
    fn put(&mut self, entry: &Entry, hasher: &ValueHasher) {
        let Put { new, old } = self.docs.put(entry.clone());
        self.forget(old, hasher);
        self.values.insert(new, &hasher.all(&Content::of(entry)));
    }

    fn forget(&mut self, old: Option<(DocId, Entry)>, hasher: &ValueHasher) {
        if let Some((doc, entry)) = old {
            self.values.remove(doc, &hasher.all(&Content::of(&entry)));
        }
    }

    fn keys(&self, hash: u64, is_it: impl Fn(&Entry) -> bool) -> BTreeSet<u8> {
        let docs = self.values.find(hash);
        let entries = docs.map(|doc| self.docs.get(doc).unwrap());
        entries
            .filter(|entry| is_it(entry))
            .map(|entry| entry.key()[0])
            .collect()
    }
}

fn keys(model: &BTreeMap<u8, Value>, is_it: impl Fn(&Value) -> bool) -> BTreeSet<u8> {
    let found = model.iter().filter(|(_, value)| is_it(value));
    found.map(|(key, _)| *key).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn finds_what_a_scan_finds(
        writes in vec((0u8..16, proptest::option::weighted(0.8, content::tests::values())), 0..60),
        compact_after in 0usize..60,
    ) {
        let hasher = ValueHasher::new(3);
        let (mut shard, mut model) = (Shard::default(), BTreeMap::new());
        for (index, (key, value)) in writes.iter().enumerate() {
            if let Some(value) = value {
                shard.put(&content::tests::entry(&[*key], value), &hasher);
                model.insert(*key, content::tests::meant(value));
            } else {
                let old = shard.docs.remove(&[*key]);
                shard.forget(old, &hasher);
                model.remove(key);
            }
            if index == compact_after {
                let renumbering = shard.docs.compact();
                shard.values.renumber(&renumbering);
            }
        }
        for sought in writes.iter().filter_map(|(_, value)| value.as_ref()) {
            let content = Content::from(sought);
            let found = shard.keys(hasher.value(&content), |entry| content::matches(entry, sought));
            let meant = content::tests::meant(sought);
            prop_assert_eq!(found, keys(&model, |value| *value == meant));
            let at_a = hasher.field("a", content.item());
            let found = shard.keys(at_a, |entry| content::matches_at(entry, "a", sought));
            let has = |value: &Value| {
                content::tests::fields_of(value).contains(&("a".to_owned(), meant.clone()))
            };
            prop_assert_eq!(found, keys(&model, has));
        }
    }
}

#[test]
fn a_million_overwrites_leave_no_trace() {
    let mut index = ValueIndex::default();
    let mut next = 0u32;
    let mut overwrite = |index: &mut ValueIndex, count: u32| {
        for _ in 0..count {
            let hashes = |doc: u32| [hash(doc % 5000), hash(u32::MAX), hash(doc | 1 << 20)];
            index.insert(DocId(next), &hashes(next));
            if let Some(old) = next.checked_sub(1000) {
                index.remove(DocId(old), &hashes(old));
            }
            next += 1;
        }
        (index.len(), index.memory_bytes())
    };
    let (len, bytes) = overwrite(&mut index, 100_000);
    let (len_after, bytes_after) = overwrite(&mut index, 1_000_000);
    assert_eq!(len_after, len);
    assert!(bytes_after < bytes * 2);
}

#[test]
fn what_is_removed_takes_no_memory_after_renumbering() {
    let mut index = ValueIndex::default();
    let hashes = |doc| [hash(doc), hash(u32::MAX)];
    (0..100_000).for_each(|doc| index.insert(DocId(doc), &hashes(doc)));
    let full = index.memory_bytes();
    (1..100_000).for_each(|doc| index.remove(DocId(doc), &hashes(doc)));
    index.renumber(&Renumbering::new((0..100_000).map(|doc| doc == 0)));
    assert_eq!(index.len(), 2);
    assert!(index.memory_bytes() < full / 100);
}

#[test]
fn hashes_depend_on_the_seed_the_path_and_the_type() {
    let hasher = ValueHasher::new(1);
    let one = Content::from(&Value::Int(1));
    let text = Content::from(&Value::Str("1".into()));
    let hashes = BTreeSet::from([
        hasher.value(&one),
        ValueHasher::new(2).value(&one),
        hasher.value(&text),
        hasher.field("", one.item()),
        hasher.field("a", one.item()),
        hasher.field("b", one.item()),
    ]);
    assert_eq!(hashes.len(), 6);
}
