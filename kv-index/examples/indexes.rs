//! What the indexes cost a key: nanoseconds, and bytes of memory as the operating system counts.
//!
//! `cargo run --release -p kv-index --example indexes -- [KEYS]`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use kv_index::content::Content;
use kv_index::ordered::{Direction, KeyRange, OrderedIndex, merge};
use kv_index::value::{ValueHasher, ValueIndex};
use kv_index::{DocId, Docs, Renumbering};
use kv_proto::{Entry, Tag};

fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |arg| arg.parse())?;
    let entries: Vec<Entry> = (0..count).map(entry).collect();
    println!("{count} keys of 16 bytes, in random order");
    docs(&entries);
    ordered(&entries);
    contents(&entries);
    values(&entries);
    Ok(())
}

/// A key that is a permutation of the numbers, and a text of some 80 bytes.
fn entry(number: u32) -> Entry {
    let key = format!("user:{:011}", number.wrapping_mul(0x9e37_79b1));
    let text = format!("text {number}, of a length that texts like this one have in many a store");
    Entry::new(key.as_bytes(), Tag::Bytes, text.as_bytes(), 1, None)
}

fn docs(entries: &[Entry]) {
    let mut docs = Docs::default();
    let before = resident_bytes();
    time("docs: put, new key", entries.len(), || {
        entries
            .iter()
            .for_each(|entry| drop(docs.put(entry.clone())));
    });
    memory(before, entries.len(), docs.memory_bytes());
    time("docs: by key", entries.len(), || {
        let found = entries
            .iter()
            .filter(|entry| docs.by_key(entry.key()).is_some());
        assert_eq!(found.count(), entries.len());
    });
    let part = &entries[..entries.len() / 2];
    time("docs: put, overwrite", part.len(), || {
        part.iter().for_each(|entry| drop(docs.put(entry.clone())));
    });
    let total = docs.alive() + docs.dead();
    time("docs: compact", total, || drop(docs.compact()));
}

fn ordered(entries: &[Entry]) {
    let mut index = OrderedIndex::default();
    let before = resident_bytes();
    time("ordered: insert", entries.len(), || {
        for entry in entries {
            index.insert(entry.clone());
        }
    });
    memory(before, entries.len(), index.memory_bytes());
    time("ordered: replace", entries.len(), || {
        for entry in entries {
            index.insert(entry.clone());
        }
    });
    let all = KeyRange::all();
    for direction in [Direction::Ascending, Direction::Descending] {
        let name = format!("ordered: scan, {direction:?}");
        time(&name, entries.len(), || {
            let bytes: usize = index
                .range(&all, direction)
                .map(|entry| entry.key().len())
                .sum();
            black_box(bytes);
        });
    }
    time("ordered: remove", entries.len(), || {
        entries
            .iter()
            .for_each(|entry| assert!(index.remove(entry.key())));
    });
    let half = entries.len() / 2;
    let mut shards = Vec::new();
    time("ordered: collect, two shards", entries.len(), || {
        shards.extend(
            entries
                .chunks(half.max(1))
                .map(|part| part.iter().cloned().collect()),
        );
    });
    time("ordered: scan, merged", entries.len(), || {
        let scans = shards
            .iter()
            .map(|shard: &OrderedIndex| shard.range(&all, Direction::Ascending));
        black_box(
            merge(scans, Direction::Ascending)
                .map(|entry| entry.key().len())
                .sum::<usize>(),
        );
    });
}

fn contents(entries: &[Entry]) {
    let hasher = ValueHasher::new(1);
    let mut hashes = Vec::new();
    let mut all_of = |entry: &Entry| {
        hashes.clear();
        hasher.append_all(&Content::of(entry), &mut hashes);
        hashes.len()
    };
    time("content: hashes of a text", entries.len(), || {
        assert_eq!(
            entries.iter().map(&mut all_of).sum::<usize>(),
            entries.len()
        );
    });
    let json = br#"{"name":"John","age":30,"tags":["a","b"],"address":{"city":"Graz","zip":8010}}"#;
    let json = Entry::new(b"k", Tag::Bytes, json, 1, None);
    time("content: hashes of 80 bytes of JSON", 100_000, || {
        assert!(
            (0..100_000)
                .map(|_| all_of(black_box(&json)))
                .sum::<usize>()
                > 0
        );
    });
}

fn values(entries: &[Entry]) {
    let hasher = ValueHasher::new(1);
    let distinct = |entry: &Entry| hasher.value(&Content::of(entry));
    let hashes: Vec<u64> = entries.iter().map(distinct).collect();
    value("distinct values", &hashes);
    let few: Vec<u64> = hashes.iter().map(|hash| (hash % 1000) << 32).collect();
    value("1000 values", &few);
    let pairs: Vec<u64> = (0..hashes.len()).map(|index| hashes[index / 2]).collect();
    value("two documents a value", &pairs);
}

fn value(what: &str, hashes: &[u64]) {
    let mut index = ValueIndex::default();
    let before = resident_bytes();
    let name = |operation: &str| format!("value, {what}: {operation}");
    time(&name("insert"), hashes.len(), || {
        for (doc, hash) in (0..).map(DocId).zip(hashes) {
            index.insert(doc, &[*hash]);
        }
    });
    memory(before, hashes.len(), index.memory_bytes());
    time(&name("find the first"), hashes.len(), || {
        let found = hashes.iter().filter_map(|hash| index.find(*hash).next());
        assert_eq!(found.count(), hashes.len());
    });
    let next = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
    time(&name("remove and insert anew"), hashes.len(), || {
        for (doc, hash) in (0..).zip(hashes) {
            index.remove(DocId(doc), &[*hash]);
            index.insert(DocId(next + doc), &[*hash]);
        }
    });
    let renumbering = Renumbering::new((0..2 * next).map(|doc| doc >= next));
    time(&name("renumber"), hashes.len(), || {
        index.renumber(&renumbering)
    });
}

fn time(what: &str, count: usize, run: impl FnOnce()) {
    #[expect(clippy::disallowed_methods, reason = "it measures time")]
    let start = Instant::now();
    run();
    let nanos = start.elapsed().as_secs_f64() * 1e9;
    println!("{what:<50} {:>8.1} ns", nanos / count as f64);
}

fn memory(before: Option<usize>, count: usize, reported: usize) {
    let reported = reported as f64 / count as f64;
    let resident = resident_bytes().zip(before);
    let resident = resident.map(|(now, before)| now.saturating_sub(before) as f64 / count as f64);
    let resident = resident.map_or("?".to_owned(), |bytes| format!("{bytes:.1}"));
    println!(
        "{:<50} {resident:>8} bytes, {reported:.1} by its own count",
        "  memory"
    );
}

/// Memory of this process, where Linux says.
fn resident_bytes() -> Option<usize> {
    const PAGE_BYTES: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}
