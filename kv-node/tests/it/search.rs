//! Searches on a node: they see what was acknowledged before, whatever changed it, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use kv_index::IndexOptions;
use kv_node::db::{Db, Stamp};
use kv_node::standalone::Standalone;
use kv_node::store::{ManualClock, Store, StoreOptions};
use kv_proto::command::SearchOptions;
use kv_proto::reply::{ErrorCode, Reply};
use kv_proto::resp::{Parsed, RequestDecoder, parse};
use kv_proto::{Command, Limits, WireLimits};
use kv_wal::{SimStorage, Survival};
use proptest::prelude::*;

fn command(line: &str) -> Command {
    let mut bytes = BytesMut::from(format!("{line}\r\n").as_bytes());
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let requests = decoder.decode(&mut bytes);
    match parse(requests.iter().next().unwrap(), &Limits::default()) {
        Ok(Parsed::Data(request)) => request.command,
        other => panic!("{line}: {other:?}"),
    }
}

/// The keys that a reply of keys, or of keys and scores, tells of.
fn keys(reply: Reply) -> BTreeSet<String> {
    let Reply::Array(items) = reply else {
        panic!("{reply:?}");
    };
    let keys = items.into_iter().filter_map(|item| match item {
        Reply::Bytes(key) => Some(String::from_utf8(key.to_vec()).unwrap()),
        _ => None,
    });
    keys.collect()
}

fn found(store: &Store, query: &str) -> BTreeSet<String> {
    keys(store.execute(command(query)))
}

fn set_of(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(ToString::to_string).collect()
}

fn standalone(dir: &Path) -> Standalone {
    let node = Standalone::open(&StoreOptions::new(dir)).unwrap();
    while !node.store().db().indexes().is_built() {
        std::thread::yield_now();
    }
    node
}

#[test]
fn the_examples_of_the_first_version_work() {
    let dir = tempfile::tempdir().unwrap();
    let node = standalone(dir.path());
    let store = node.store();
    for line in [
        r#"KV.SET user:1 '{"name":"John","age":30}'"#,
        r#"SET user:2 '{"name":"Jane","age":30}'"#,
        "SET doc:1 'Python is a programming language'",
        "SET doc:2 'Deep learning uses neural networks with many layers'",
        "SET doc:3 'A recipe for apple pie'",
    ] {
        assert_eq!(store.execute(command(line)), Reply::Ok);
    }
    assert_eq!(
        found(store, r#"KV.FIND '{"name":"John","age":30}'"#),
        set_of(&["user:1"])
    );
    assert_eq!(
        found(store, "KV.FIND 30 AT age"),
        set_of(&["user:1", "user:2"])
    );
    assert_eq!(found(store, "KV.SEARCH python"), set_of(&["doc:1"]));
    let Reply::Array(similar) = store.execute(command("KV.SIMILAR 'neural networks' K 5")) else {
        panic!("hits");
    };
    assert_eq!(
        similar[0],
        Reply::Bytes(Bytes::from("doc:2")),
        "the best comes first"
    );
    assert!(similar.len() <= 10);
    let range = store.execute(command("KV.RANGE user: 'user;' LIMIT 1 REV"));
    let Reply::Array(range) = range else {
        panic!("a range")
    };
    assert_eq!(range[0], Reply::Bytes(Bytes::from("user:2")));
}

/// Writers store words of their own and look for them at once; how many they missed.
fn misses(store: &Arc<Store>, writer_count: usize, write_count: usize) -> usize {
    let missed = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for writer in 0..writer_count {
            let missed = &missed;
            threads.spawn(move || {
                for number in 0..write_count {
                    let (key, word) = (
                        format!("{writer}:{}", number % 7),
                        format!("w{writer}x{number}"),
                    );
                    store.execute(command(&format!("SET {key} 'some {word} here'")));
                    let old = format!("w{writer}x{}", number.wrapping_sub(7));
                    let is_there = found(store, &format!("KV.SEARCH {word}")).contains(&key)
                        && found(store, &format!("KV.FIND '\"some {word} here\"'")).contains(&key)
                        && found(
                            store,
                            &format!("KV.SIMILAR 'some {word} here' PREFIX {key}"),
                        )
                        .contains(&key);
                    let is_gone =
                        found(store, &format!("KV.FIND '\"some {old} here\"'")).is_empty();
                    missed.fetch_add(usize::from(!is_there || !is_gone), Ordering::Relaxed);
                }
            });
        }
    });
    missed.into_inner()
}

#[test]
fn what_was_acknowledged_is_found_by_whoever_asks_next() {
    let dir = tempfile::tempdir().unwrap();
    let node = standalone(dir.path());
    assert_eq!(misses(node.store(), 8, 60), 0);
    drop(node);
    let node = standalone(dir.path());
    let all = found(node.store(), "KV.SEARCH some LIMIT 1000");
    assert_eq!(all.len(), 8 * 7, "after a restart, too");
}

#[cfg(feature = "planted-bugs")]
mod planted {
    use super::*;

    #[test]
    fn searches_that_do_not_wait_for_writes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::new(dir.path());
        options.indexes.skips_barrier = true;
        let node = Standalone::open(&options).unwrap();
        while !node.store().db().indexes().is_built() {
            std::thread::yield_now();
        }
        assert!(misses(node.store(), 4, 60) > 0);
    }
}

#[test]
fn after_a_power_cut_searches_find_what_is_there() {
    let disk = SimStorage::new(3);
    let clock = Arc::new(ManualClock::new(1));
    let options = StoreOptions::new("data");
    let store = Store::open_inline(Arc::new(disk.clone()), clock.clone(), &options).unwrap();
    for number in 0..50 {
        store.execute(command(&format!("SET k{number} 'apple {number}'")));
    }
    store.execute(command("DEL k1 k2"));
    let rebooted = disk.reboot_with(Survival::Nothing);
    drop(store);
    let store = Store::open_inline(Arc::new(rebooted), clock, &options).unwrap();
    let loading = store.execute(command("KV.SEARCH apple"));
    assert!(
        matches!(&loading, Reply::Error(error) if error.code == ErrorCode::Loading),
        "{loading:?}"
    );
    store.db().build_indexes();
    assert_eq!(found(&store, "KV.SEARCH apple LIMIT 100").len(), 48);
    assert_eq!(found(&store, "KV.FIND '\"apple 1\"'"), set_of(&[]));
}

#[test]
fn bad_searches_are_refused_and_empty_ones_find_nothing() {
    let options = IndexOptions {
        vector_dims: 512,
        ..IndexOptions::default()
    };
    let db = Db::with_indexes(Some(1), &options);
    db.build_indexes();
    let search = |query: &str| {
        let (query, options) = (query.to_owned(), SearchOptions::new());
        db.read(0, &Command::Search { query, options })
    };
    for query in ["\"open", "(open", "NOT apple", "a~9", &"word ".repeat(800)] {
        let reply = search(query);
        assert!(
            matches!(&reply, Reply::Error(error) if error.code == ErrorCode::Err),
            "{query}: {reply:?}"
        );
    }
    for query in ["", "\u{0}\u{1}", "...", "nothing"] {
        assert_eq!(search(query), Reply::Array(Vec::new()), "{query:?}");
    }
    let vector = |vector: Vec<f32>| {
        db.read(
            0,
            &Command::Similar {
                query: vector.into(),
                k: 5,
                prefix: None,
                explain: false,
            },
        )
    };
    assert!(matches!(vector(vec![1.0; 3]), Reply::Error(_)));
    assert_eq!(vector(vec![0.0; 512]), Reply::Array(Vec::new()));
}

const WORDS: [&str; 4] = ["apple", "pear", "plum", "fig"];

fn writes() -> impl Strategy<Value = String> {
    let key = || (0..6u8).prop_map(|key| format!("k{key}"));
    let word = || prop::sample::select(&WORDS[..]);
    prop_oneof![
        6 => (key(), word(), word()).prop_map(|(key, a, b)| format!("SET {key} '{a} {b}'")),
        2 => (key(), word()).prop_map(|(key, word)| format!("KV.SET {key} '{{\"f\":\"{word}\"}}'")),
        2 => (key(), word()).prop_map(|(key, word)| format!("SET {key} {word} PX 5")),
        2 => (key(), word()).prop_map(|(key, word)| format!("APPEND {key} ' {word}'")),
        1 => (key(), key()).prop_map(|(from, to)| format!("RENAME {from} {to}")),
        1 => key().prop_map(|from| format!("COPY {from} copy REPLACE")),
        1 => (key(), key()).prop_map(|(a, b)| format!("DEL {a} {b}")),
        1 => key().prop_map(|key| format!("PEXPIRE {key} 3")),
        1 => key().prop_map(|key| format!("GETDEL {key}")),
        1 => (key(), word()).prop_map(|(key, word)| format!("MSET {key} {word} k0 {word}")),
        1 => Just("FLUSHALL".to_owned()),
    ]
}

/// Keys and texts of all entries, from a look at each of them.
fn everything(db: &Db, now_ms: u64) -> Vec<(String, String)> {
    let all = keys(db.read(now_ms, &command("KEYS *")));
    let text = |key: &String| match db.read(now_ms, &command(&format!("GET {key}"))) {
        Reply::Entry(entry) => String::from_utf8_lossy(entry.payload()).into_owned(),
        other => panic!("{other:?}"),
    };
    all.into_iter()
        .map(|key| (key.clone(), text(&key)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_command_tells_the_indexes_what_it_changed(lines in prop::collection::vec(writes(), 1..60)) {
        let db = Db::with_indexes(Some(1), &IndexOptions::default());
        db.build_indexes();
        for (line, now_ms) in lines.iter().zip(1..) {
            let mut write = command(line);
            write.stamp(now_ms);
            db.apply(Stamp { index: now_ms, now_ms }, &write);
            let there = everything(&db, now_ms);
            for word in WORDS {
                let has_it = there.iter().filter(|(_, text)| text.contains(word));
                let expected: BTreeSet<String> = has_it.map(|(key, _)| key.clone()).collect();
                let query = command(&format!("KV.SEARCH {word}"));
                prop_assert_eq!(keys(db.read(now_ms, &query)), expected, "{} after {}", word, line);
            }
            let range = keys(db.read(now_ms, &command("KV.RANGE '' zzz")));
            prop_assert_eq!(range.len(), there.len());
        }
    }
}
