//! Another embedder for the texts that are there.

use std::sync::Arc;

use kv_embed::Embedder;

use super::Indexes;
use crate::shard::Shard;

impl Indexes {
    /// Makes vectors of all texts anew, by `embedder`, while searches go on with those that are there;
    /// then they use the new ones, all at once. `goes_on` is asked now and then; after it said no
    /// everything is as it was. Returns whether the embedder is in use.
    ///
    /// Of two calls at the same time the second one waits.
    pub fn set_embedder(
        &self,
        embedder: &Arc<dyn Embedder>,
        mut goes_on: impl FnMut() -> bool,
    ) -> bool {
        let _alone = self.exchange.lock();
        let mut advance = |shard: &Shard| {
            while goes_on() {
                if !shard.advance_exchange(&**embedder, &self.maker) {
                    return true;
                }
            }
            false
        };
        for shard in &self.shards {
            shard.begin_exchange(embedder);
        }
        let is_done = self.shards.iter().all(&mut advance);
        let mut locked: Vec<_> = self.shards.iter().map(Shard::locked).collect();
        for (_, state) in &mut locked {
            state.end_next(is_done);
        }
        is_done
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kv_proto::command::SimilarTo;
    use kv_proto::{Entry, Tag};

    use super::*;
    use crate::{Change, IndexOptions, SimilarOptions};

    /// More than there are.
    const ALL: usize = 10_000;

    /// Counts letters.
    struct Letters;

    impl Embedder for Letters {
        fn name(&self) -> String {
            "letters".to_owned()
        }

        fn dims(&self) -> usize {
            26
        }

        fn embed_document(&self, text: &str, out: &mut [f32]) {
            for letter in text.bytes().filter(u8::is_ascii_lowercase) {
                out[usize::from(letter - b'a')] += 1.0;
            }
        }

        fn embed_query(&self, text: &str, out: &mut [f32]) {
            self.embed_document(text, out);
        }
    }

    /// What a map would have, and the indexes that are told of it.
    struct Node {
        entries: BTreeMap<Vec<u8>, Entry>,
        version: u64,
        indexes: Arc<Indexes>,
    }

    impl Node {
        fn put(&mut self, key: u64) {
            self.version += 1;
            let words = ["abc", "bcd", "cde", "xyz"];
            let pick = |nth: u64| words[usize::try_from((self.version >> nth) % 4).unwrap()];
            let text = format!("{} {}{}", pick(0), pick(1), pick(2));
            let key = key.to_le_bytes();
            let entry = Entry::new(&key, Tag::Bytes, text.as_bytes(), self.version, None);
            self.entries.insert(key.to_vec(), entry.clone());
            self.indexes.enqueue(Change::Put(entry));
        }

        fn remove(&mut self, key: u64) {
            if let Some(old) = self.entries.remove(key.to_le_bytes().as_slice()) {
                self.indexes.enqueue(Change::Remove(old));
            }
        }

        fn new() -> Node {
            let options = IndexOptions {
                shard_count: 2,
                ..IndexOptions::default()
            };
            let indexes = Arc::new(Indexes::new(&options));
            indexes.build_empty();
            let (entries, version) = (BTreeMap::new(), 0);
            let mut node = Node {
                entries,
                version,
                indexes,
            };
            (0..5_000).for_each(|key| node.put(key));
            assert_eq!(found(&node.indexes, ALL).len(), 5_000);
            node
        }
    }

    fn found(indexes: &Indexes, limit: usize) -> Vec<(bytes::Bytes, f64)> {
        let options = SimilarOptions {
            limit,
            ..SimilarOptions::default()
        };
        let hits = indexes.similar(&SimilarTo::from("abc xyz"), options, 0);
        let hits = hits.unwrap().into_iter();
        hits.map(|hit| (hit.key, hit.score)).collect()
    }

    #[test]
    fn every_text_has_a_new_vector_whatever_changes_meanwhile() {
        let mut node = Node::new();
        let (indexes, mut calls) = (Arc::clone(&node.indexes), 0);
        let letters: Arc<dyn Embedder> = Arc::new(Letters);
        let is_done = indexes.set_embedder(&letters, || {
            calls += 1;
            // Enough overwrites that the shards are renumbered meanwhile.
            (0..2_000).for_each(|number| node.put(number * calls % 1700));
            (0..100).for_each(|number| node.remove(number * 7 * calls));
            assert!(!found(&indexes, 1).is_empty());
            true
        });
        assert!(is_done && calls > 10);
        assert_eq!(indexes.stats().embedder, "letters");
        let fresh = Indexes::new(&IndexOptions {
            embedder: letters,
            ..IndexOptions::default()
        });
        fresh.build_empty();
        for entry in node.entries.values() {
            fresh.enqueue(Change::Put(entry.clone()));
        }
        assert_eq!(found(&indexes, ALL), found(&fresh, ALL));
        node.put(1);
        assert_eq!(found(&indexes, ALL).len(), node.entries.len());
    }

    #[test]
    fn an_exchange_that_is_given_up_changes_nothing() {
        let node = Node::new();
        let before = found(&node.indexes, ALL);
        let letters: Arc<dyn Embedder> = Arc::new(Letters);
        let mut calls = 0;
        let is_done = node.indexes.set_embedder(&letters, || {
            calls += 1;
            calls < 3
        });
        assert!(!is_done);
        assert_eq!(found(&node.indexes, ALL), before);
        assert_eq!(node.indexes.stats().embedder, "hashing");
    }
}
