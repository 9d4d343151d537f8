use std::path::Path;

use bytes::Bytes;
use kv_proto::command::{Expiry, Set, When};
use kv_proto::{Command, EncodedValue, Entry, Tag, Value};
use kv_wal::{SimStorage, Storage};

use super::*;
use crate::db::{Cut, Db, Stamp};

const NOW_MS: u64 = 1_000_000;

fn set(key: String, value: EncodedValue, expiry: Expiry) -> Command {
    let mut set = Set::new(key.into(), value);
    set.expiry = expiry;
    Command::Set(set)
}

fn apply(db: &Db, command: &Command) {
    let stamp = Stamp {
        index: db.applied().index + 1,
        now_ms: NOW_MS,
    };
    db.apply(stamp, command);
}

/// Entries of all kinds, some of them expiring.
fn fill(db: &Db, count: u32) {
    for i in 0..count {
        let value = match i % 3 {
            0 => EncodedValue::from_bytes(vec![b'x'; i as usize % 200].into()),
            1 => EncodedValue::from(&Value::Int(i64::from(i))),
            _ => EncodedValue::from(&Value::List(vec![Value::Str(i.to_string())])),
        };
        let expiry = match i % 5 {
            0 => Expiry::At(When::UnixMs(2_000_000 + i64::from(i))),
            _ => Expiry::Clear,
        };
        apply(db, &set(format!("key:{i}"), value, expiry));
    }
}

fn cut(db: &Db) -> std::sync::Arc<Cut> {
    db.writer().cut().unwrap()
}

fn write_generation(disk: &SimStorage, db: &Db, cut: &Cut) -> Generation {
    let parts = write(disk, db, cut, &mut Unpaced).unwrap();
    Generation {
        stamp: cut.stamp(),
        finished_at_ms: NOW_MS,
        parts,
        annex: None,
    }
}

fn load_generation(disk: &SimStorage, generation: &Generation) -> Result<Db, SnapshotError> {
    let db = Db::with_seed(99);
    load(disk, generation, &mut db.writer())?;
    Ok(db)
}

#[test]
fn what_was_written_is_loaded() {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    fill(&db, 2000);
    let huge = EncodedValue::from_bytes(vec![b'h'; 1 << 20].into());
    apply(&db, &set("huge".to_owned(), huge, Expiry::Clear));
    let generation = write_generation(&disk, &db, &cut(&db));
    let loaded = load_generation(&disk, &generation).unwrap();
    assert_eq!(loaded.digest(), db.digest());
    assert_eq!(loaded.key_count(), 2001);
    assert_eq!(loaded.memory_bytes(), db.memory_bytes());
    assert_eq!(loaded.expiring_key_count(), 400);
    assert_eq!(loaded.next_deadline_ms(), Some(2_000_000));
    assert_eq!(loaded.applied(), db.applied());
    assert_eq!(generation.entry_count(), 2001);
}

#[test]
fn an_empty_state_is_a_snapshot_too() {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    apply(&db, &Command::Flush);
    let generation = write_generation(&disk, &db, &cut(&db));
    assert_eq!(load_generation(&disk, &generation).unwrap().key_count(), 0);
}

#[test]
fn a_cut_does_not_see_what_comes_after_it() {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    fill(&db, 1000);
    let before = db.digest();
    let cut = cut(&db);
    for i in 0..1000 {
        let key = Bytes::from(format!("key:{i}"));
        match i % 3 {
            0 => apply(&db, &Command::Del(vec![key])),
            1 => apply(&db, &Command::Persist(key)),
            _ => apply(
                &db,
                &Command::Append {
                    key,
                    suffix: Bytes::from_static(b"!"),
                },
            ),
        }
    }
    apply(&db, &Command::Flush);
    fill(&db, 10);
    let generation = write_generation(&disk, &db, &cut);
    let loaded = load_generation(&disk, &generation).unwrap();
    assert_eq!(loaded.digest(), before);
}

#[test]
fn a_second_cut_waits_until_nobody_holds_the_first() {
    let db = Db::with_seed(1);
    let first = cut(&db);
    assert!(db.writer().cut().is_none());
    drop(first);
    assert!(db.writer().cut().is_some());
}

/// A generation that is small and yet has several blocks, of both kinds, and its files.
fn small_generation() -> (SimStorage, Generation, u64) {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    fill(&db, 40);
    let generation = write_generation(&disk, &db, &cut(&db));
    (disk, generation, db.digest())
}

#[test]
fn every_flipped_bit_is_found() {
    let (disk, generation, digest) = small_generation();
    for id in generation.part_ids() {
        let path = id.path();
        for offset in 0..disk.contents(&path).unwrap().len() as u64 {
            let bit = (offset % 8) as u8;
            assert!(disk.flip_bit(&path, offset, bit));
            match read_part(&disk, &generation, id) {
                Err(error @ SnapshotError::Corrupt { .. }) => {
                    assert!(error.to_string().contains(".snap at byte"), "{error}");
                }
                other => panic!("bit {bit} of byte {offset} of {path:?}: {other:?}"),
            }
            disk.flip_bit(&path, offset, bit);
        }
    }
    assert_eq!(
        load_generation(&disk, &generation).unwrap().digest(),
        digest
    );
}

/// One part as [`load`] reads it; a whole load for each bit would take minutes.
fn read_part(
    disk: &SimStorage,
    generation: &Generation,
    id: PartId,
) -> Result<Vec<Entry>, SnapshotError> {
    let reader = load::open(disk, id, &generation.parts[usize::from(id.part)])?;
    let mut entries = Vec::new();
    reader.read(|block| entries.extend(block))?;
    Ok(entries)
}

#[test]
fn every_truncation_is_found() {
    let (disk, generation, _) = small_generation();
    let id = generation.part_ids().next().unwrap();
    let whole = disk.contents(&id.path()).unwrap();
    for len in 0..whole.len() {
        disk.plant(&id.path(), whole[..len].to_vec());
        let read = read_part(&disk, &generation, id);
        assert!(read.unwrap_err().is_damage(), "{len} of {}", whole.len());
    }
}

#[test]
fn a_missing_or_foreign_part_is_found() {
    let (disk, generation, _) = small_generation();
    let ids: Vec<_> = generation.part_ids().collect();
    let other = disk.contents(&ids[1].path()).unwrap();
    disk.plant(&ids[0].path(), other);
    assert!(load_generation(&disk, &generation).unwrap_err().is_damage());
    disk.remove(&ids[0].path()).unwrap();
    assert!(load_generation(&disk, &generation).unwrap_err().is_damage());
}

#[test]
fn every_flipped_bit_of_the_manifest_is_found() {
    let (disk, generation, _) = small_generation();
    let manifest = Manifest::default().with(generation);
    manifest.store(&disk).unwrap();
    let path = Path::new(MANIFEST);
    for offset in 0..disk.contents(path).unwrap().len() as u64 {
        for bit in 0..8 {
            disk.flip_bit(path, offset, bit);
            assert!(Manifest::load(&disk).unwrap_err().is_damage());
            disk.flip_bit(path, offset, bit);
        }
    }
    assert_eq!(Manifest::load(&disk).unwrap(), manifest);
}

#[test]
fn two_generations_are_kept_and_files_of_others_removed() {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    let mut manifest = Manifest::default();
    for _ in 0..4 {
        fill(&db, 10);
        manifest = manifest.with(write_generation(&disk, &db, &cut(&db)));
    }
    remove_unnamed(&disk, &manifest).unwrap();
    let indexes: Vec<_> = manifest.generations.iter().map(|g| g.stamp.index).collect();
    assert_eq!(indexes, [40, 30]);
    assert_eq!(manifest.purgeable_index(), Some(30));
    let files = disk.list(Path::new(SNAPSHOT_DIR)).unwrap();
    assert_eq!(files.len(), 2 * usize::from(PART_COUNT));
}

struct GiveUp;

impl Pace for GiveUp {
    fn wrote(&mut self, _bytes: u64) -> Result<(), SnapshotError> {
        Err(SnapshotError::Cancelled)
    }
}

#[test]
fn a_snapshot_that_was_given_up_leaves_no_files() {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    let large = EncodedValue::from_bytes(vec![b'h'; 1 << 20].into());
    apply(&db, &set("large".to_owned(), large, Expiry::Clear));
    let written = write(&disk, &db, &cut(&db), &mut GiveUp);
    assert!(matches!(written, Err(SnapshotError::Cancelled)));
    assert!(disk.list(Path::new(SNAPSHOT_DIR)).unwrap().is_empty());
}

#[test]
fn parts_are_about_equal_and_for_ever_the_same() {
    let mut counts = [0; 16];
    for i in 0..16_000 {
        counts[usize::from(part_of(format!("key:{i}").as_bytes(), 16))] += 1;
    }
    assert!(counts.iter().all(|count| (800..1200).contains(count)));
    let parts = [&b""[..], b"a", b"key:1", b"\xff\0"].map(|key| part_of(key, 16));
    assert_eq!(parts, [0, 12, 12, 5]);
}

/// Without repetitions, so that the block is stored as it is, whatever the compressor does.
fn golden_entries() -> Vec<Entry> {
    let (first, second) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
    let int = 0x1122_3344_5566_7788_i64.to_le_bytes();
    vec![
        Entry::new(b"bytes", Tag::Bytes, b"\0\xff", first, None),
        Entry::new(b"int", Tag::Int, &int, second, Some(0x0099_aabb_ccdd_eeff)),
    ]
}

/// The same, and one that has a vector.
fn golden_entries_with_vector() -> Vec<Entry> {
    let vector = [0.1f32, -2.0, 3e8].map(f32::to_le_bytes);
    let vector = Entry::with_vector(b"vec", Tag::Str, b"text", vector.as_flattened(), 7, None);
    golden_entries().into_iter().chain([vector]).collect()
}

fn golden_id() -> PartId {
    PartId {
        stamp: Stamp {
            index: 3,
            now_ms: NOW_MS,
        },
        part: 1,
        part_count: 2,
    }
}

fn golden_part(entries: &[Entry]) -> Vec<u8> {
    let disk = SimStorage::new(1);
    disk.create_dir_all(Path::new(SNAPSHOT_DIR)).unwrap();
    let mut writer = PartWriter::create(&disk, golden_id()).unwrap();
    for entry in entries {
        assert_eq!(writer.push(entry).unwrap(), 0);
    }
    writer.finish().unwrap();
    disk.contents(&golden_id().path()).unwrap()
}

#[test]
fn a_part_has_the_bytes_of_version_1() {
    let part = golden_part(&golden_entries());
    assert_eq!(part, include_bytes!("../../testdata/part-v1.snap"));
    let part = golden_part(&golden_entries_with_vector());
    assert_eq!(part, include_bytes!("../../testdata/part-v1-vector.snap"));
}

#[test]
fn a_part_of_version_1_is_read() {
    let twenty = (0..20).flat_map(|_| golden_entries()).collect();
    let golden = [
        (
            &include_bytes!("../../testdata/part-v1.snap")[..],
            golden_entries(),
        ),
        (include_bytes!("../../testdata/part-v1-lz4.snap"), twenty),
        (
            include_bytes!("../../testdata/part-v1-vector.snap"),
            golden_entries_with_vector(),
        ),
    ];
    for (bytes, expected) in golden {
        let disk = SimStorage::new(1);
        disk.create_dir_all(Path::new(SNAPSHOT_DIR)).unwrap();
        disk.plant(&golden_id().path(), bytes.to_vec());
        let reader = PartReader::open(&disk, golden_id()).unwrap();
        let mut entries = Vec::new();
        reader.read(|block| entries.extend(block)).unwrap();
        assert_eq!(entries, expected);
    }
}

#[test]
fn a_manifest_has_the_bytes_of_version_1() {
    let generation = |index| Generation {
        stamp: Stamp {
            index,
            now_ms: NOW_MS,
        },
        finished_at_ms: NOW_MS + 1,
        parts: vec![PartSummary {
            file_bytes: 100,
            entry_count: 2,
            trailer_crc: 0x0102_0304,
        }],
        annex: None,
    };
    let manifest = Manifest {
        generations: vec![generation(9), generation(5)],
    };
    let disk = SimStorage::new(1);
    manifest.store(&disk).unwrap();
    let golden = include_bytes!("../../testdata/manifest-v1");
    assert_eq!(disk.contents(Path::new(MANIFEST)).unwrap(), golden);
    assert_eq!(Manifest::decode(golden).unwrap(), manifest);
}

fn annexed(index: u64, tag: u64) -> Generation {
    Generation {
        stamp: Stamp {
            index,
            now_ms: NOW_MS,
        },
        finished_at_ms: NOW_MS + 1,
        parts: vec![],
        annex: Some(AnnexSummary {
            tag,
            file_bytes: 7,
            crc: 0x0102_0304,
            log_index: 11,
        }),
    }
}

#[test]
fn a_manifest_with_annexes_has_the_bytes_of_version_2() {
    let manifest = Manifest {
        generations: vec![
            annexed(9, 20),
            Generation {
                annex: None,
                ..annexed(5, 0)
            },
        ],
    };
    let disk = SimStorage::new(1);
    manifest.store(&disk).unwrap();
    let golden = include_bytes!("../../testdata/manifest-v2");
    assert_eq!(disk.contents(Path::new(MANIFEST)).unwrap(), golden);
    assert_eq!(Manifest::decode(golden).unwrap(), manifest);
}

#[test]
fn an_annex_is_read_as_it_was_written_and_no_other_way() {
    let disk = SimStorage::new(1);
    disk.create_dir_all(Path::new(SNAPSHOT_DIR)).unwrap();
    let stamp = golden_id().stamp;
    let annex = write_annex(&disk, stamp, 4, 2, b"what else there is").unwrap();
    let disk = disk.reboot();
    assert_eq!(
        read_annex(&disk, stamp, &annex).unwrap(),
        b"what else there is"
    );
    for offset in 0..annex.file_bytes {
        disk.flip_bit(&annex.path(stamp), offset, 3);
        assert!(read_annex(&disk, stamp, &annex).unwrap_err().is_damage());
        disk.flip_bit(&annex.path(stamp), offset, 3);
    }
    disk.remove(&annex.path(stamp)).unwrap();
    assert!(read_annex(&disk, stamp, &annex).unwrap_err().is_damage());
}

#[test]
fn files_that_another_generation_has_too_are_not_removed() {
    let (disk, db) = (SimStorage::new(1), Db::with_seed(1));
    fill(&db, 10);
    let mut older = write_generation(&disk, &db, &cut(&db));
    let mut newer = older.clone();
    for (generation, tag) in [(&mut older, 1), (&mut newer, 2)] {
        let annex = write_annex(&disk, generation.stamp, tag, 0, b"annex").unwrap();
        generation.annex = Some(annex);
    }
    let manifest = Manifest::default().with(newer.clone());
    remove(&disk, &older, &manifest).unwrap();
    assert!(newer.paths().all(|path| disk.contents(&path).is_some()));
    let files = disk.list(Path::new(SNAPSHOT_DIR)).unwrap();
    assert_eq!(files.len(), newer.paths().count());
}

#[test]
fn totals_beyond_all_bounds_do_not_overflow() {
    let huge = PartSummary {
        file_bytes: u64::MAX,
        entry_count: u64::MAX,
        trailer_crc: 0,
    };
    let manifest = Manifest::default().with(Generation {
        stamp: golden_id().stamp,
        finished_at_ms: 0,
        parts: vec![huge; 2],
        annex: None,
    });
    let disk = SimStorage::new(1);
    manifest.store(&disk).unwrap();
    let generation = &Manifest::load(&disk).unwrap().generations[0];
    assert_eq!(generation.file_bytes(), u64::MAX);
    assert_eq!(generation.entry_count(), u64::MAX);
}

/// The golden part, which says that it has `entry_count` entries and has its checksum right.
fn part_of_entries(entry_count: u64) -> Vec<u8> {
    let mut bytes = include_bytes!("../../testdata/part-v1.snap").to_vec();
    let trailer_at = bytes.len() - 32;
    bytes[trailer_at + 8..trailer_at + 16].copy_from_slice(&entry_count.to_le_bytes());
    let file_crc = crc32c::crc32c(&bytes[..28]);
    // Its directory has one block.
    let crc = crc32c::crc32c_append(file_crc, &bytes[trailer_at - 8..trailer_at + 24]);
    bytes[trailer_at + 24..trailer_at + 28].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn more_entries_than_a_file_has_room_for_are_refused_before_any_is_read() {
    let disk = SimStorage::new(1);
    let path = golden_id().path();
    disk.plant(&path, part_of_entries(2));
    assert_eq!(
        PartReader::open(&disk, golden_id()).unwrap().entry_count(),
        2
    );
    for entry_count in [5_000, 1 << 56, u64::MAX] {
        disk.plant(&path, part_of_entries(entry_count));
        let error = PartReader::open(&disk, golden_id()).err().unwrap();
        let place = (disk.contents(&path).unwrap().len() - 24).to_string();
        assert!(error.to_string().contains(&place), "{error}");
        assert!(error.is_damage());
    }
}

#[test]
fn a_file_of_as_many_entries_as_fit_is_read() {
    let disk = SimStorage::new(1);
    disk.create_dir_all(Path::new(SNAPSHOT_DIR)).unwrap();
    let mut writer = PartWriter::create(&disk, golden_id()).unwrap();
    let smallest = Entry::new(b"", Tag::Null, b"", 0, None);
    for _ in 0..100_000 {
        writer.push(&smallest).unwrap();
    }
    writer.finish().unwrap();
    let reader = PartReader::open(&disk, golden_id()).unwrap();
    let mut count = 0;
    reader.read(|block| count += block.len()).unwrap();
    assert_eq!(count, 100_000);
}
