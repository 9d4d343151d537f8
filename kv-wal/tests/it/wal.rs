//! The log on threads, on the real disk.

use std::{path::Path, sync::Arc};

use kv_wal::{DiskStorage, Lsn, Options, Wal};

fn options() -> Options {
    Options {
        segment_bytes: 64 << 10,
        segment_bytes_first: 64 << 10,
        ..Options::default()
    }
}

fn open(root: &Path) -> (Wal, Vec<(Lsn, Vec<u8>)>) {
    let storage = Arc::new(DiskStorage::open(root).unwrap());
    let mut records = Vec::new();
    let wal = Wal::open(
        storage,
        Path::new("wal"),
        options(),
        Lsn::ZERO,
        &mut |lsn, record| {
            records.push((lsn, record.body.to_vec()));
            Ok(())
        },
    );
    (wal.unwrap(), records)
}

#[test]
fn what_was_waited_for_is_replayed() {
    let root = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..3 {
        let (wal, records) = open(root.path());
        assert_eq!(records, expected, "round {round}");
        for number in 0..1000u32 {
            let body = number.to_le_bytes();
            let lsn = wal.append(1, 0, &[&body]).unwrap();
            if number % 100 == 0 {
                wal.wait(lsn).unwrap();
            }
            expected.push((lsn, body.to_vec()));
        }
        wal.close().unwrap();
    }
}
