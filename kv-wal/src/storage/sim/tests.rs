use std::io;

use super::*;

const FILE: &str = "file";

fn create(disk: &SimStorage, path: &str) -> Box<dyn StorageFile> {
    disk.open(path.as_ref(), OpenMode::CreateNew).unwrap()
}

/// A disk with one durable file of `bytes`.
fn with_file(bytes: &[u8]) -> (SimStorage, Box<dyn StorageFile>) {
    let disk = SimStorage::new(1);
    let file = create(&disk, FILE);
    file.write_at(bytes, 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    (disk, file)
}

fn contents(disk: &SimStorage) -> Option<Vec<u8>> {
    disk.contents(FILE.as_ref())
}

/// What becomes of `disk` under many seeds.
fn outcomes<T: Ord>(disk: &SimStorage, look: impl Fn(&SimStorage) -> T) -> Vec<T> {
    let mut outcomes: Vec<T> = (0..64)
        .map(|seed| look(&disk.reboot_with(Survival::Random(seed))))
        .collect();
    outcomes.sort();
    outcomes.dedup();
    outcomes
}

#[test]
fn what_is_synced_survives() {
    let (disk, _file) = with_file(b"durable");
    assert_eq!(outcomes(&disk, contents), [Some(b"durable".to_vec())]);
}

#[test]
fn unsynced_sectors_survive_one_by_one_and_never_in_part() {
    let (disk, file) = with_file(&[1; 1024]);
    file.write_at(&[2; 1024], 0).unwrap();
    let sectors = outcomes(&disk, |disk| {
        let bytes = contents(disk).unwrap();
        assert!(
            bytes
                .chunks(512)
                .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
        );
        (bytes[0], bytes[512])
    });
    assert_eq!(sectors, [(1, 1), (1, 2), (2, 1), (2, 2)]);
}

#[test]
fn an_unsynced_length_survives_or_not() {
    let (disk, file) = with_file(b"durable");
    file.set_len(2000).unwrap();
    let lengths = outcomes(&disk, |disk| contents(disk).unwrap().len());
    assert_eq!(lengths, [7, 2000]);
}

#[test]
fn names_survive_one_by_one_until_their_directory_is_synced() {
    let (disk, _file) = with_file(b"old");
    create(&disk, "new").sync_data().unwrap();
    disk.rename(FILE.as_ref(), "moved".as_ref()).unwrap();
    let names = |disk: &SimStorage| disk.list(Path::new("")).unwrap().join(" ");
    assert_eq!(
        outcomes(&disk, names),
        ["file", "file new", "moved", "moved new"]
    );
    disk.sync_dir(Path::new("")).unwrap();
    assert_eq!(outcomes(&disk, names), ["moved new"]);
    disk.remove("moved".as_ref()).unwrap();
    assert_eq!(outcomes(&disk, names), ["moved new", "new"]);
}

#[test]
fn a_directory_that_is_not_synced_takes_its_files_with_it() {
    let disk = SimStorage::new(1);
    disk.create_dir_all("a/b".as_ref()).unwrap();
    create(&disk, "a/b/file").sync_data().unwrap();
    disk.sync_dir("a/b".as_ref()).unwrap();
    let there = |disk: &SimStorage| disk.exists("a/b/file".as_ref()).unwrap();
    assert_eq!(outcomes(&disk, there), [false, true]);
    disk.sync_dir("a".as_ref()).unwrap();
    disk.sync_dir("".as_ref()).unwrap();
    assert_eq!(outcomes(&disk, there), [true]);
}

#[test]
fn the_cut_operation_takes_effect_unsynced_and_everything_after_fails() {
    let (disk, file) = with_file(b"old");
    disk.cut_at(disk.operations() + 1);
    file.write_at(b"new", 0).unwrap_err();
    assert!(disk.is_cut());
    file.sync_data().unwrap_err();
    file.read_at(&mut [0], 0).unwrap_err();
    disk.list(Path::new("")).unwrap_err();
    assert_eq!(
        outcomes(&disk, contents),
        [Some(b"new".to_vec()), Some(b"old".to_vec())]
    );
}

#[test]
fn a_failed_sync_loses_what_it_should_have_written_for_good() {
    let (disk, file) = with_file(b"old");
    file.write_at(b"new", 0).unwrap();
    disk.fail_sync_at(disk.syncs() + 1);
    file.sync_data().unwrap_err();
    file.sync_data().unwrap();
    assert_eq!(contents(&disk).unwrap(), b"new", "the cache still has it");
    assert_eq!(outcomes(&disk, contents), [Some(b"old".to_vec())]);
    file.write_at(b"new", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&disk, contents), [Some(b"new".to_vec())]);
}

#[test]
fn a_full_disk_refuses_growth_and_nothing_else() {
    let (disk, file) = with_file(&[1; 1000]);
    disk.set_capacity(1000);
    file.write_at(&[2; 1000], 0).unwrap();
    for refused in [
        file.write_at(b"x", 1000),
        file.set_len(1001),
        file.allocate(1001).map(drop),
    ] {
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    disk.set_capacity(2000);
    assert!(file.allocate(2000).unwrap());
    assert_eq!(disk.used_bytes(), 2000);
    disk.remove(FILE.as_ref()).unwrap();
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn counted_faults_hit_the_call_they_are_meant_for() {
    let (disk, file) = with_file(b"old");
    disk.fail_operation_at(disk.operations() + 2);
    file.write_at(b"one", 0).unwrap();
    file.write_at(b"two", 0).unwrap_err();
    file.write_at(b"six", 3).unwrap();
    assert_eq!(contents(&disk).unwrap(), b"onesix");
    disk.fail_read_at(disk.reads() + 1);
    file.read_at(&mut [0], 0).unwrap_err();
    assert_eq!(file.read_at(&mut [0], 0).unwrap(), 1);
}

#[test]
fn a_flipped_bit_stays_flipped() {
    let (disk, _file) = with_file(&[0; 4]);
    assert!(disk.flip_bit(FILE.as_ref(), 2, 7));
    assert!(!disk.flip_bit(FILE.as_ref(), 4, 0));
    assert_eq!(contents(&disk.reboot()).unwrap(), [0, 0, 0x80, 0]);
}
