//! Any bytes as one file of a snapshot: a part of a generation, or the manifest.
//!
//!   | flags u8 | file bytes … |
//!
//! Flag 1 asks for checksums, magics and lengths to be put right first: a fuzzer does not guess a
//! CRC, and behind it lie the decisions worth testing. Flag 2 makes the bytes the manifest.
//!
//! 1. Whatever the bytes, reading ends in entries or in an error that names the file and a place
//!    in it.
//! 2. Nothing is reserved for what a length or a count announces.
//! 3. Entries that were read can be decoded, or are refused, are loaded as what they are, and are
//!    the same when they are written and read again; so is a manifest.

#![no_main]

use std::collections::HashSet;
use std::path::Path;

use kv_node::snapshot::{
    Generation, MANIFEST, Manifest, PartId, PartReader, PartSummary, PartWriter, SNAPSHOT_DIR,
    SnapshotError, load,
};
use kv_node::{Db, Stamp};
use kv_proto::{Entry, Tag, Value};
use kv_wal::{SimStorage, Storage};
use libfuzzer_sys::fuzz_target;

const REPAIR: u8 = 1;
const IS_MANIFEST: u8 = 2;

const FILE_HEADER: usize = 32;
const BLOCK_HEADER: usize = 16;
const TRAILER: usize = 32;

fuzz_target!(init: fuzz::offer_seeds(seeds()), |data: &[u8]| {
    let [flags, bytes @ ..] = data else { return };
    let mut bytes = bytes.to_vec();
    match (flags & IS_MANIFEST != 0, flags & REPAIR != 0) {
        (true, false) => manifest(bytes),
        (true, true) => {
            repair_manifest(&mut bytes);
            manifest(bytes);
        }
        (false, false) => part(bytes),
        (false, true) => {
            repair_part(&mut bytes);
            part(bytes);
        }
    }
});

fn part(bytes: Vec<u8>) {
    let (len, storage) = (bytes.len(), SimStorage::new(1));
    storage.plant(&id().path(), bytes);
    let opened = fuzz::assert_modest(len, || PartReader::open(&storage, id()));
    let Some(reader) = accept(opened, &storage, &id().path()) else {
        return;
    };
    let read = fuzz::assert_modest(len, || entries(&reader));
    let entries = accept(read, &storage, &id().path());
    loads(&storage, &reader, entries.as_deref());
    if let Some(entries) = entries {
        entries.iter().for_each(decodes);
        let again = SimStorage::new(1);
        write(&again, &entries);
        assert!(
            whole(&again) == entries,
            "the same entries in the same order"
        );
    }
}

fn entries(reader: &PartReader) -> Result<Vec<Entry>, SnapshotError> {
    let mut entries = Vec::new();
    reader.read(|block| entries.extend(block))?;
    assert_eq!(reader.entry_count(), entries.len() as u64);
    Ok(entries)
}

/// The entries of a part that was just written.
fn whole(storage: &SimStorage) -> Vec<Entry> {
    let reader = PartReader::open(storage, id()).expect("what was written is whole");
    entries(&reader).expect("every block of it")
}

fn decodes(entry: &Entry) {
    if let Ok(value) = entry.value() {
        let mut payload = Vec::new();
        assert_eq!(value.encode_payload(&mut payload), entry.tag());
        assert!(payload == entry.payload(), "{value:?} has one encoding");
    }
}

/// What was read. An error must be damage, and at a place that the file at `path` has.
fn accept<T>(outcome: Result<T, SnapshotError>, storage: &SimStorage, path: &Path) -> Option<T> {
    let error = match outcome {
        Ok(read) => return Some(read),
        Err(error) => error,
    };
    let len = storage.contents(path).expect("it was planted").len() as u64;
    match &error {
        SnapshotError::Corrupt {
            path: named,
            offset,
            ..
        } if named == path && *offset <= len => None,
        _ => panic!("{error} is no place in {} of {len} bytes", path.display()),
    }
}

/// Loads the part as a generation of its own, as a node that starts does: `entries`, or an error.
fn loads(storage: &SimStorage, reader: &PartReader, entries: Option<&[Entry]>) {
    let len = storage
        .contents(&id().path())
        .expect("it was planted")
        .len();
    let part = PartSummary {
        file_bytes: len as u64,
        entry_count: reader.entry_count(),
        trailer_crc: reader.trailer_crc(),
    };
    let generation = Generation {
        stamp: id().stamp,
        finished_at_ms: 0,
        annex: None,
        parts: vec![part],
    };
    let db = Db::with_seed(1);
    let loaded = fuzz::assert_modest(len, || load(storage, &generation, &mut db.writer()));
    assert_eq!(loaded.is_ok(), entries.is_some());
    let Some(entries) = entries else { return };
    assert_eq!(db.applied(), id().stamp);
    let keys: HashSet<&[u8]> = entries.iter().map(Entry::key).collect();
    assert_eq!(db.key_count(), keys.len() as u64);
}

fn manifest(bytes: Vec<u8>) {
    let (len, storage, path) = (bytes.len(), SimStorage::new(1), Path::new(MANIFEST));
    storage.plant(path, bytes.clone());
    let loaded = fuzz::assert_modest(len, || Manifest::load(&storage));
    let Some(manifest) = accept(loaded, &storage, path) else {
        return;
    };
    for generation in &manifest.generations {
        assert_eq!(generation.part_ids().count(), generation.parts.len());
        let (file_bytes, entry_count) = (generation.file_bytes(), generation.entry_count());
        for part in &generation.parts {
            assert!(part.file_bytes <= file_bytes && part.entry_count <= entry_count);
        }
    }
    let purgeable = manifest.purgeable_index();
    let mut kept = manifest.generations.iter();
    assert!(kept.all(|generation| purgeable.is_none_or(|index| index <= generation.stamp.index)));
    manifest.store(&storage).expect("this disk does not fail");
    assert!(storage.contents(path) == Some(bytes), "one encoding");
}

/// Makes everything right that a checksum or a length guards, and nothing else.
fn repair_part(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().max(FILE_HEADER + TRAILER), 0);
    let trailer_at = bytes.len() - TRAILER;
    bytes[..FILE_HEADER].copy_from_slice(&image(&[])[..FILE_HEADER]);
    bytes[trailer_at + 28..].copy_from_slice(b"KVSE");
    let file_crc = crc32c::crc32c(&bytes[..FILE_HEADER - 4]);
    let room = (trailer_at - FILE_HEADER) / 8;
    let count = usize::try_from(u64_at(bytes, trailer_at)).unwrap_or(usize::MAX);
    let directory_at = trailer_at - 8 * count.min(room);
    if directory_at < trailer_at {
        bytes[directory_at..directory_at + 8].copy_from_slice(&(FILE_HEADER as u64).to_le_bytes());
    }
    let starts = (directory_at..trailer_at).step_by(8);
    let mut bounds: Vec<u64> = starts.map(|at| u64_at(bytes, at)).collect();
    bounds.push(directory_at as u64);
    for pair in bounds.windows(2) {
        repair_block(bytes, file_crc, pair[0], pair[1]);
    }
    let crc = crc32c::crc32c_append(file_crc, &bytes[directory_at..trailer_at + 24]);
    bytes[trailer_at + 24..trailer_at + 28].copy_from_slice(&crc.to_le_bytes());
}

/// The block from `start` to `end`, if there can be one.
fn repair_block(bytes: &mut [u8], file_crc: u32, start: u64, end: u64) {
    let range = start as usize..end as usize;
    let Some(block) = bytes
        .get_mut(range)
        .filter(|block| block.len() >= BLOCK_HEADER)
    else {
        return;
    };
    let stored = (block.len() - BLOCK_HEADER) as u32;
    block[..4].copy_from_slice(&stored.to_le_bytes());
    let crc = crc32c::crc32c_append(file_crc, &start.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &block[..12]);
    let crc = crc32c::crc32c_append(crc, &block[BLOCK_HEADER..]);
    block[12..BLOCK_HEADER].copy_from_slice(&crc.to_le_bytes());
}

fn repair_manifest(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().max(16), 0);
    bytes[..8].copy_from_slice(b"KVMANI01");
    let end = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn id() -> PartId {
    PartId {
        stamp: Stamp {
            index: 3,
            now_ms: 1_000_000,
        },
        part: 0,
        part_count: 1,
    }
}

fn write(storage: &SimStorage, entries: &[Entry]) -> PartSummary {
    let dir = Path::new(SNAPSHOT_DIR);
    storage
        .create_dir_all(dir)
        .expect("this disk does not fail");
    let mut writer = PartWriter::create(storage, id()).expect("this disk does not fail");
    for entry in entries {
        writer.push(entry).expect("nor does it here");
    }
    writer.finish().expect("nor at the end")
}

/// The part that holds `entries`.
fn image(entries: &[Entry]) -> Vec<u8> {
    let storage = SimStorage::new(1);
    write(&storage, entries);
    storage.contents(&id().path()).expect("it was written")
}

/// Real parts: empty, stored as they are, compressed, of two blocks; and manifests.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![Vec::new()];
    for entries in [vec![], kinds(), many(300), vec![long(), long()]] {
        let image = image(&entries);
        seeds.extend([0, REPAIR].map(|flags| [&[flags], &image[..]].concat()));
    }
    for generations in 0..3 {
        let image = manifest_image(generations);
        let flags = [IS_MANIFEST, IS_MANIFEST | REPAIR];
        seeds.extend(flags.map(|flags| [&[flags], &image[..]].concat()));
    }
    seeds
}

/// An entry of each kind, some of which expire.
fn kinds() -> Vec<Entry> {
    let json = [
        "null",
        "true",
        "-7",
        "2.5",
        "\"text\"",
        "[1,[2]]",
        "{\"a\":{\"b\":[]}}",
    ];
    let values = json.map(|json| Value::from_json(json.as_bytes()).expect("this is JSON"));
    let entries = values.iter().zip(1..).map(|(value, number)| {
        let mut payload = Vec::new();
        let tag = value.encode_payload(&mut payload);
        let expiry = (number % 2 == 0).then_some(number << 40);
        Entry::new(&[number as u8], tag, &payload, number, expiry)
    });
    let bytes = Entry::new(b"bytes", Tag::Bytes, b"\0\xff", 9, None);
    entries.chain([bytes]).collect()
}

fn many(count: u64) -> Vec<Entry> {
    let numbers = 0..count;
    numbers
        .map(|number| Entry::new(&number.to_be_bytes(), Tag::Bytes, b"", number, None))
        .collect()
}

/// Fills a block by itself.
fn long() -> Entry {
    Entry::new(b"long", Tag::Bytes, &[b'x'; 128 << 10], 1, None)
}

fn manifest_image(generations: u64) -> Vec<u8> {
    let storage = SimStorage::new(1);
    let summary = write(&storage, &kinds());
    let mut manifest = Manifest::default();
    for index in 0..generations {
        manifest = manifest.with(Generation {
            stamp: Stamp {
                index,
                now_ms: 1_000_000,
            },
            finished_at_ms: 1_000_001,
            annex: None,
            parts: vec![summary; 3],
        });
    }
    manifest.store(&storage).expect("this disk does not fail");
    storage
        .contents(Path::new(MANIFEST))
        .expect("it was stored")
}
