//! The bytes of the format, kept for ever: `testdata/v1` must be written and read as it is.
//!
//! `KV_WAL_BLESS=1 cargo test -p kv-wal golden` writes the files of a new version.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use kv_wal::{Log, Lsn, SimStorage, Storage, SyncPolicy, inspect};

use crate::workload::{DIR, options};

const BODIES: [&[u8]; 5] = [b"", b"one", &[0xab; 600], &[0xcd; 1800], b"last"];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1")
}

/// A group of two records, one of a single large one, a roll with a head, a truncation, a seal.
fn write_log() -> SimStorage {
    let disk = SimStorage::new(1);
    let (storage, dir) = (Arc::new(disk.clone()), Path::new(DIR));
    let options = options(SyncPolicy::Always);
    let mut log = Log::open(storage, dir, options, Lsn::ZERO, &mut |_, _| Ok(())).unwrap();
    for (index, body) in BODIES.iter().enumerate() {
        if index == 2 {
            log.set_segment_head(9, 0, b"head".to_vec());
        }
        log.append(u8::try_from(index).unwrap(), 0x80, &[body])
            .unwrap();
        if index > 0 {
            log.commit().unwrap();
        }
    }
    log.truncate_after(Lsn(3)).unwrap();
    log.close().unwrap();
    disk
}

fn segments(disk: &SimStorage) -> Vec<(String, Vec<u8>)> {
    let names = disk
        .list(DIR.as_ref())
        .unwrap()
        .into_iter()
        .filter(|name| name.ends_with(".wal"));
    names
        .map(|name| {
            (
                name.clone(),
                disk.contents(&Path::new(DIR).join(name)).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_log_is_written_as_it_always_was() {
    let written = segments(&write_log());
    assert_eq!(written.len(), 2);
    if std::env::var_os("KV_WAL_BLESS").is_some() {
        fs::create_dir_all(testdata()).unwrap();
        for (name, bytes) in &written {
            fs::write(testdata().join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in written {
        let golden = fs::read(testdata().join(&name)).unwrap();
        assert!(golden == bytes, "{name} is written differently");
    }
}

#[test]
fn a_log_written_long_ago_is_read() {
    let disk = SimStorage::new(1);
    for entry in fs::read_dir(testdata()).unwrap() {
        let entry = entry.unwrap();
        let path = Path::new(DIR).join(entry.file_name());
        disk.plant(&path, fs::read(entry.path()).unwrap());
    }
    let mut records = Vec::new();
    let options = options(SyncPolicy::Always);
    let (storage, dir) = (Arc::new(disk.clone()), Path::new(DIR));
    Log::open(storage, dir, options, Lsn::ZERO, &mut |lsn, record| {
        assert_eq!(record.truncates_after(), (lsn == Lsn(8)).then_some(Lsn(3)));
        records.push((lsn.0, record.kind, record.flags, record.body.to_vec()));
        Ok(())
    })
    .unwrap();
    let user = |lsn, kind: u8| (lsn, kind, 0x80, BODIES[usize::from(kind)].to_vec());
    let head = |lsn| (lsn, 9, 0, b"head".to_vec());
    let truncation = (8, 0xff, 0, 3u64.to_le_bytes().to_vec());
    let expected = [
        user(1, 0),
        user(2, 1),
        head(3),
        user(4, 2),
        head(5),
        user(6, 3),
        user(7, 4),
        truncation,
    ];
    assert_eq!(records, expected);
}

#[test]
fn the_fixed_parts_are_where_the_format_says() {
    let disk = write_log();
    let file = inspect::segment_files(&disk, DIR.as_ref())
        .unwrap()
        .remove(0);
    let bytes = disk.contents(&file.path).unwrap();
    let u32_at = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    let u64_at = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    assert_eq!(&bytes[..4], b"KVWS");
    assert_eq!(
        (u32_at(4), u64_at(8), u64_at(16)),
        (1, file.seq, file.first_lsn.0)
    );
    assert_eq!((u64_at(24), u64_at(32)), (0, 4096));
    assert_eq!(u32_at(44), crc32c::crc32c(&bytes[..44]));
    assert_eq!(&bytes[512..516], b"KVWG");
    assert_eq!((u32_at(516), u64_at(520), u64_at(528)), (u32_at(40), 1, 0));
    assert_eq!(
        (u32_at(536), u32_at(540)),
        (15, crc32c::crc32c(&bytes[512..540]))
    );
    assert_eq!(&bytes[544..559], b"\0\x80\0\0\0\0\x01\x80\x03\0\0\0one");
    assert_eq!(
        u32_at(559),
        crc32c::crc32c_append(u32_at(540), &bytes[544..559])
    );
}
