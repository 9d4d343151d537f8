//! Any bytes as a log of up to two segments.
//!
//!   | flags u8 | sectors of the first segment u8 | segment bytes … |
//!
//! Flag 1 asks for checksums, salts and lengths to be put right first: a fuzzer does not guess a
//! CRC, and behind it lie the decisions worth testing.
//!
//! 1. Whatever the bytes, the log opens or is refused; inspecting it ends.
//! 2. A log that opens hands out records without a gap, can be appended to, and hands out the same
//!    and the new ones the next time, after a power cut.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kv_wal::inspect::inspect_segment;
use kv_wal::{Log, Lsn, Options, SegmentHeader, SimStorage, WalError};
use libfuzzer_sys::fuzz_target;

const SECTOR: usize = 512;
const STEP: usize = 4096;
const REPAIR: u8 = 1;
const DIR: &str = "wal";

/// A record as the visitor saw it.
type Seen = (Lsn, u8, u8, Vec<u8>);

fuzz_target!(init: fuzz::offer_seeds(seeds()), |data: &[u8]| {
    let [flags, sectors, image @ ..] = data else { return };
    let (first, second) = image.split_at(image.len().min(usize::from(*sectors) * SECTOR));
    let storage = SimStorage::new(1);
    for (seq, bytes) in [(1, first), (2, second)] {
        if !bytes.is_empty() {
            plant(&storage, seq, bytes.to_vec(), flags & REPAIR != 0);
        }
    }
    open_twice(storage);
});

fn open_twice(storage: SimStorage) {
    let Ok((mut log, mut expected)) = open(&storage) else {
        return;
    };
    for pair in expected.windows(2) {
        assert_eq!(pair[1].0, Lsn(pair[0].0.0 + 1), "records without a gap");
    }
    let Ok(lsn) = log.append(1, 0, &[b"new"]) else {
        return;
    };
    log.commit().expect("this disk does not fail");
    expected.push((lsn, 1, 0, b"new".to_vec()));
    drop(log);
    let (_, again) = open(&storage.reboot()).expect("a log that was open opens again");
    assert!(again == expected, "the same records and the new one");
}

fn open(storage: &SimStorage) -> Result<(Log, Vec<Seen>), WalError> {
    let mut seen = Vec::new();
    let mut visit = |lsn, record: kv_wal::RecordRef<'_>| {
        seen.push((lsn, record.kind, record.flags, record.body.to_vec()));
        Ok(())
    };
    let storage = Arc::new(storage.clone());
    let log = Log::open(storage, Path::new(DIR), options(), Lsn(0), &mut visit)?;
    Ok((log, seen))
}

fn options() -> Options {
    Options {
        segment_bytes: STEP as u64,
        segment_bytes_first: STEP as u64,
        salt_seed: Some(7),
        ..Options::default()
    }
}

fn plant(storage: &SimStorage, seq: u64, mut bytes: Vec<u8>, is_repaired: bool) {
    if is_repaired {
        repair(&mut bytes, seq);
    }
    let (header, findings) = inspect_segment(&bytes);
    // A group that does not follow is two findings: that, and the group.
    assert!(
        findings.len() <= 2 + 2 * (bytes.len() / SECTOR),
        "findings end with the bytes"
    );
    let name = match header {
        Some(header) => header.file_name(),
        None => format!("{seq:016x}-{seq:016x}.wal"),
    };
    storage.plant(&PathBuf::from(DIR).join(name), bytes);
}

/// Makes everything right that a checksum or a length guards, and nothing else.
fn repair(bytes: &mut Vec<u8>, seq: u64) {
    let len = bytes.len().max(SECTOR).next_multiple_of(STEP);
    bytes.resize(len, 0);
    bytes[..4].copy_from_slice(b"KVWS");
    bytes[4..8].copy_from_slice(&kv_wal::SEGMENT_VERSION.to_le_bytes());
    bytes[8..16].copy_from_slice(&seq.to_le_bytes());
    bytes[32..40].copy_from_slice(&(len as u64).to_le_bytes());
    seal(bytes, 0..44);
    let salt = SegmentHeader::decode(bytes).expect("it was put right").salt;
    for start in (SECTOR..len).step_by(SECTOR) {
        if bytes[start..].starts_with(b"KVWG") {
            repair_group(&mut bytes[start..], salt);
        }
    }
}

fn repair_group(bytes: &mut [u8], salt: u32) {
    bytes[4..8].copy_from_slice(&salt.to_le_bytes());
    let header_crc = seal(bytes, 0..28);
    let len = u32::from_le_bytes(bytes[24..28].try_into().expect("four bytes")) as usize;
    let end = 32_usize.saturating_add(len);
    if end.saturating_add(4) <= bytes.len() {
        let crc = crc32c::crc32c_append(header_crc, &bytes[32..end]);
        bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Puts the checksum of `range` behind it.
fn seal(bytes: &mut [u8], range: std::ops::Range<usize>) -> u32 {
    let crc = crc32c::crc32c(&bytes[range.clone()]);
    bytes[range.end..range.end + 4].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Real logs: empty, small, with a truncation, over two segments.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0, 8]];
    for (records, len) in [(0, 0), (1, 3), (5, 100), (12, 400), (2, 1500)] {
        for truncates in [false, true] {
            let image = image(records, len, truncates);
            let sectors = u8::try_from(STEP / SECTOR).expect("a small number");
            seeds.extend([0, REPAIR].map(|flags| [&[flags, sectors], &image[..]].concat()));
        }
    }
    seeds
}

/// The segments of a log with `records` records of `len` bytes, one after the other.
fn image(records: usize, len: usize, truncates: bool) -> Vec<u8> {
    let storage = SimStorage::new(1);
    let (mut log, _) = open(&storage).expect("an empty directory is a log");
    for number in 0..records {
        log.append(1, 0, &[&vec![number as u8; len]])
            .expect("there is space");
        log.commit().expect("this disk does not fail");
    }
    if truncates && records > 1 {
        log.truncate_after(Lsn(1)).expect("there is such a record");
        log.commit().expect("this disk does not fail");
    }
    let segments = log.segments();
    let contents = segments
        .iter()
        .rev()
        .take(2)
        .rev()
        .map(|info| storage.contents(&info.path));
    contents
        .flat_map(|bytes| bytes.expect("a live segment is there"))
        .collect()
}
