//! Damaged files: the log gives back a prefix of what was written, or refuses and says where. Never
//! a wrong record, and never less than a later header proves to have been synced.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kv_wal::{
    Log, Lsn, SimStorage, Storage, Survival, SyncPolicy, WalError,
    inspect::{self, Finding},
};

use crate::workload::{self, DIR, Ledger, Random, body, options};

/// A log of two segments and a bit; sealed, if `closed`.
fn small_log(closed: bool) -> (SimStorage, Lsn) {
    let disk = SimStorage::new(1);
    let mut log = Ledger::default()
        .open(&disk, &options(SyncPolicy::Always))
        .unwrap();
    while log.segments().len() < 3 {
        workload::append(&mut log).unwrap();
        log.commit().unwrap();
    }
    let last = log.last_lsn();
    if closed {
        log.close().unwrap();
    }
    (disk, last)
}

fn segments(disk: &SimStorage) -> Vec<PathBuf> {
    let files = inspect::segment_files(disk, Path::new(DIR)).unwrap();
    files.into_iter().map(|file| file.path).collect()
}

/// The last record the log gives back, if it opens. Panics at a wrong record.
fn replay(disk: &SimStorage) -> Result<Lsn, WalError> {
    let mut last = Lsn::ZERO;
    let options = options(SyncPolicy::Always);
    Log::open(
        Arc::new(disk.clone()),
        Path::new(DIR),
        options,
        Lsn::ZERO,
        &mut |lsn, record| {
            assert_eq!(lsn, last.next(), "records come in order");
            assert!(
                record.kind == 1 && record.body == body(lsn),
                "record {lsn} is wrong"
            );
            last = lsn;
            Ok(())
        },
    )?;
    Ok(last)
}

/// Where a refusal says the damage is.
fn place(error: &WalError) -> (PathBuf, u64) {
    match error {
        WalError::Corrupt { path, offset, .. } => (path.clone(), *offset),
        other => panic!("a refusal must name file and offset: {other}"),
    }
}

/// Flips the bits of each byte of the log in turn, those that `bits` names.
fn flip_bits(
    disk: &SimStorage,
    bits: impl Fn(&[u8], u64) -> std::ops::Range<u8>,
    mut check: impl FnMut(&Path, u64, Result<Lsn, WalError>),
) {
    for path in segments(disk) {
        let bytes = disk.contents(&path).unwrap();
        for offset in 0..bytes.len() as u64 {
            for bit in bits(&bytes, offset) {
                let damaged = disk.reboot_with(Survival::Everything);
                assert!(damaged.flip_bit(&path, offset, bit));
                check(&path, offset, replay(&damaged));
            }
        }
    }
}

/// All bits where something is written; one a byte in the zeros, which are all alike.
fn every_bit(bytes: &[u8], offset: u64) -> std::ops::Range<u8> {
    let sector = usize::try_from(offset).unwrap() / 512 * 512;
    if bytes[sector..sector + 512].iter().any(|byte| *byte != 0) {
        0..8
    } else {
        0..1
    }
}

/// One bit a byte, each time another.
fn a_bit(_: &[u8], offset: u64) -> std::ops::Range<u8> {
    let bit = u8::try_from(offset % 8).unwrap();
    bit..bit + 1
}

#[test]
fn in_a_closed_log_every_flipped_bit_is_harmless_or_refused_at_its_place() {
    let (disk, last) = small_log(true);
    let mut refusals = 0;
    flip_bits(&disk, every_bit, |path, offset, outcome| match outcome {
        Ok(found) => assert_eq!(
            found,
            last,
            "{} byte {offset}: records are lost",
            path.display()
        ),
        Err(error) => {
            refusals += 1;
            let (file, at) = place(&error);
            assert_eq!(file, path);
            assert!(at <= offset, "the damage at {offset} is said to be at {at}");
        }
    });
    assert!(refusals > 10_000, "{refusals} refusals");
}

#[test]
fn in_an_unsealed_log_a_flipped_bit_costs_the_last_group_at_most() {
    let (disk, last) = small_log(false);
    let mut shorter = 0;
    flip_bits(&disk, a_bit, |path, offset, outcome| match outcome {
        Ok(found) => {
            assert!(
                found == last || found == last.previous(),
                "{} {offset}",
                path.display()
            );
            shorter += u64::from(found != last);
        }
        Err(error) => drop(place(&error)),
    });
    assert!(shorter > 100, "the last group was never lost");
}

#[test]
fn a_segment_of_any_other_length_is_refused() {
    let (disk, _) = small_log(true);
    for path in segments(&disk) {
        let bytes = disk.contents(&path).unwrap();
        for len in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 4096]) {
            let damaged = disk.reboot_with(Survival::Everything);
            let mut other = bytes.clone();
            other.resize(len, 0);
            damaged.plant(&path, other);
            let (file, offset) = place(&replay(&damaged).unwrap_err());
            assert_eq!(file, path);
            assert!(offset <= len as u64);
        }
    }
}

#[test]
fn zeroed_sectors_are_a_refusal_unless_nothing_was_acknowledged_after_them() {
    let (disk, last) = small_log(true);
    for path in segments(&disk) {
        let bytes = disk.contents(&path).unwrap();
        for sector in 0..bytes.len() / 512 {
            let damaged = disk.reboot_with(Survival::Everything);
            let mut zeroed = bytes.clone();
            zeroed[sector * 512..][..512].fill(0);
            damaged.plant(&path, zeroed);
            match replay(&damaged) {
                Ok(found) => assert_eq!(found, last, "sector {sector} of {}", path.display()),
                Err(error) => assert_eq!(place(&error).0, path),
            }
        }
    }
}

#[test]
fn a_missing_segment_is_refused() {
    let (disk, _) = small_log(true);
    let paths = segments(&disk);
    let without = |path: &Path| {
        let damaged = disk.reboot_with(Survival::Everything);
        damaged.remove(path).unwrap();
        replay(&damaged).unwrap_err()
    };
    let first = without(&paths[0]);
    assert!(
        matches!(
            first,
            WalError::Gap {
                expected: Lsn(1),
                ..
            }
        ),
        "{first}"
    );
    assert_eq!(place(&without(&paths[1])).0, paths[0]);
}

#[test]
fn segments_that_changed_names_are_refused() {
    let (disk, _) = small_log(true);
    let paths = segments(&disk);
    let swapped = disk.reboot_with(Survival::Everything);
    swapped.plant(&paths[0], disk.contents(&paths[1]).unwrap());
    swapped.plant(&paths[1], disk.contents(&paths[0]).unwrap());
    assert_eq!(place(&replay(&swapped).unwrap_err()), (paths[0].clone(), 0));
    let renamed = disk.reboot_with(Survival::Everything);
    renamed.rename(&paths[0], "wal/first.wal".as_ref()).unwrap();
    assert_eq!(
        place(&replay(&renamed).unwrap_err()),
        ("wal/first.wal".into(), 0)
    );
}

#[test]
fn a_group_in_anothers_place_is_refused() {
    let (disk, _) = small_log(true);
    let path = segments(&disk).remove(0);
    let offsets: Vec<usize> = inspect::open_segment(&disk, &path)
        .unwrap()
        .filter_map(|finding| match finding.unwrap() {
            Finding::Group(group) if group.header.group_bytes() == 512 => {
                Some(usize::try_from(group.offset).unwrap())
            }
            _ => None,
        })
        .collect();
    let (first, second) = (offsets[0], offsets[1]);
    for (from, to) in [(first, second), (second, first)] {
        let copied = disk.reboot_with(Survival::Everything);
        let mut bytes = disk.contents(&path).unwrap();
        bytes.copy_within(from..from + 512, to);
        copied.plant(&path, bytes);
        assert_eq!(
            place(&replay(&copied).unwrap_err()),
            (path.clone(), to as u64)
        );
    }
}

#[test]
fn segments_that_overlap_are_refused() {
    let (disk, _) = small_log(true);
    let paths = segments(&disk);
    let mut log = disk.contents(&paths[1]).unwrap();
    let header = kv_wal::SegmentHeader::decode(&log).unwrap();
    let first_lsn = header.first_lsn.previous();
    let overlapping = kv_wal::SegmentHeader {
        first_lsn,
        ..header
    };
    log[..512].copy_from_slice(&overlapping.encode());
    disk.remove(&paths[1]).unwrap();
    disk.plant(&Path::new(DIR).join(overlapping.file_name()), log);
    let refused = place(&replay(&disk).unwrap_err());
    assert!(
        paths[0] == refused.0 || refused.0.ends_with(overlapping.file_name()),
        "{refused:?}"
    );
}

/// The first run was cut before it could seal the log; the second one showed the record.
#[test]
fn damage_to_what_a_recovery_has_shown_is_refused() {
    let disk = SimStorage::new(1);
    let mut log = Ledger::default()
        .open(&disk, &options(SyncPolicy::Always))
        .unwrap();
    workload::append(&mut log).unwrap();
    log.commit().unwrap();
    drop(log);
    let disk = disk.reboot();
    assert_eq!(replay(&disk).unwrap(), Lsn(1));
    let path = segments(&disk).remove(0);
    disk.flip_bit(&path, 512 + 40, 0);
    assert_eq!(place(&replay(&disk.reboot()).unwrap_err()), (path, 512));
}

#[test]
fn a_log_without_the_records_after_the_snapshot_is_a_gap() {
    let (disk, _) = small_log(true);
    let paths = segments(&disk);
    disk.remove(&paths[0]).unwrap();
    let open = |after: u64| {
        let options = options(SyncPolicy::Always);
        let (storage, dir) = (
            Arc::new(disk.reboot_with(Survival::Everything)),
            Path::new(DIR),
        );
        Log::open(storage, dir, options, Lsn(after), &mut |_, _| Ok(()))
    };
    let first = inspect::segment_files(&disk, Path::new(DIR)).unwrap()[0].first_lsn;
    assert!(open(first.0 - 1).is_ok());
    let error = open(first.0 - 2).unwrap_err();
    assert!(
        matches!(error, WalError::Gap { found, .. } if found == first),
        "{error}"
    );
}

#[test]
fn an_empty_directory_is_no_log_for_a_snapshot() {
    let storage = Arc::new(SimStorage::new(1));
    let options = options(SyncPolicy::Always);
    let opened = Log::open(storage, Path::new(DIR), options, Lsn(5), &mut |_, _| Ok(()));
    assert!(matches!(
        opened,
        Err(WalError::Gap {
            expected: Lsn(6),
            found: Lsn::ZERO,
            ..
        })
    ));
}

#[test]
fn a_refused_log_is_left_as_it_is() {
    let (disk, _) = small_log(true);
    let path = segments(&disk).remove(1);
    disk.flip_bit(&path, 600, 0);
    let before = disk.operations();
    replay(&disk).unwrap_err();
    let syncs_of_the_ancestors = 1;
    assert_eq!(disk.operations() - before, syncs_of_the_ancestors);
}

#[test]
fn inspection_finds_what_is_there_and_where_it_is_damaged() {
    let (disk, last) = small_log(true);
    let path = segments(&disk).remove(1);
    let dump = |disk: &SimStorage| -> Vec<Finding> {
        let dump = inspect::open_segment(disk, &path).unwrap();
        assert!(dump.header().is_some());
        dump.map(Result::unwrap).collect()
    };
    let groups = |findings: &[Finding]| {
        findings
            .iter()
            .filter(|finding| matches!(finding, Finding::Group(_)))
            .count()
    };
    let whole = dump(&disk);
    assert_eq!(groups(&whole), whole.len());
    assert!(whole.iter().any(|finding| matches!(finding, Finding::Group(group)
        if group.records.iter().all(|record| record.lsn < last && record.body == body(record.lsn)))));
    disk.flip_bit(&path, 600, 0);
    let damaged = dump(&disk);
    assert!(
        matches!(damaged[0], Finding::Damage { offset: 512, .. }),
        "{:?}",
        damaged[0]
    );
    assert_eq!(groups(&damaged), whole.len() - 1);
}

#[test]
fn inspection_agrees_with_itself_on_files_and_bytes() {
    let (disk, _) = small_log(false);
    for path in segments(&disk) {
        let dump = inspect::open_segment(&disk, &path).unwrap();
        let header = dump.header();
        let findings: Vec<Finding> = dump.map(Result::unwrap).collect();
        let bytes = disk.contents(&path).unwrap();
        assert_eq!(inspect::inspect_segment(&bytes), (header, findings));
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_can_be_inspected(bytes in proptest::collection::vec(0u8..=255, 0..2048)) {
        let (header, _) = inspect::inspect_segment(&bytes);
        proptest::prop_assert_eq!(header, None);
    }

    /// Random bytes seldom look like a log; scribbles on a real one do.
    #[test]
    fn scribbled_segments_can_be_inspected_and_opened(
        scribbles in proptest::collection::vec((0usize..12288, 0u8..=255), 1..40),
        len in 0usize..12288,
    ) {
        let (disk, _) = small_log(true);
        let paths = segments(&disk);
        for path in &paths {
            let mut bytes = disk.contents(path).unwrap();
            for (at, byte) in &scribbles {
                let len = bytes.len();
                bytes[at % len] = *byte;
            }
            let cut = &bytes[..len.min(bytes.len())];
            drop(inspect::inspect_segment(cut));
            disk.plant(path, bytes);
        }
        if let Err(error) = replay(&disk) {
            drop(place(&error));
        }
    }
}

/// A header whose checksum is right may still claim anything.
#[test]
fn a_crafted_header_costs_no_time_and_no_memory() {
    let header = kv_wal::SegmentHeader {
        seq: 1,
        first_lsn: Lsn(u64::MAX),
        durable_lsn: Lsn(u64::MAX),
        segment_bytes: u64::MAX,
        salt: 1,
    };
    let mut bytes = header.encode();
    bytes.extend((0..2048).map(|at| u8::try_from(Random(at).below(256)).unwrap()));
    let (found, findings) = inspect::inspect_segment(&bytes);
    assert_eq!(found, Some(header));
    assert_eq!(findings.len(), 1, "the length is wrong: {findings:?}");
}
