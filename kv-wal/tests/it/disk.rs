//! The real disk.

use std::{io, os::unix::fs::PermissionsExt, path::Path};

use kv_wal::{DiskStorage, OpenMode, Storage};

fn disk() -> (tempfile::TempDir, DiskStorage) {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskStorage::open(root.path().join("data")).unwrap();
    (root, disk)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_and_directories_are_for_the_owner_alone() {
    let (_root, disk) = disk();
    disk.create_dir_all("a/b".as_ref()).unwrap();
    disk.open("a/b/file".as_ref(), OpenMode::CreateNew).unwrap();
    let _lock = disk.lock("LOCK".as_ref()).unwrap();
    assert_eq!(mode(disk.root()), 0o700);
    assert_eq!(mode(&disk.root().join("a/b")), 0o700);
    assert_eq!(mode(&disk.root().join("a/b/file")), 0o600);
    assert_eq!(mode(&disk.root().join("LOCK")), 0o600);
}

#[test]
fn a_lock_names_its_holder_and_goes_with_it() {
    let (_root, disk) = disk();
    let lock = disk.lock("LOCK".as_ref()).unwrap();
    let error = disk.lock("LOCK".as_ref()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let expected = format!("pid {}", std::process::id());
    assert!(error.to_string().starts_with("locked by "), "{error}");
    assert!(error.to_string().ends_with(&expected), "{error}");
    drop(lock);
    disk.lock("LOCK".as_ref()).unwrap();
}

#[test]
fn paths_do_not_leave_the_root() {
    let (_root, disk) = disk();
    for path in ["/etc/passwd", "../other", "a/../../b"] {
        let error = disk.open(path.as_ref(), OpenMode::Read).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
    }
}

#[test]
fn a_file_reads_back_what_was_written() {
    let (_root, disk) = disk();
    let file = disk.open("file".as_ref(), OpenMode::CreateNew).unwrap();
    file.allocate(4096).unwrap();
    assert_eq!(file.len().unwrap(), 4096);
    file.write_at(b"hello", 4094).unwrap();
    file.write_zeros(0, 100_000).unwrap();
    file.write_at(b"hello", 99_998).unwrap();
    file.sync_data().unwrap();
    let mut bytes = [1; 8];
    assert_eq!(file.read_at(&mut bytes, 99_996).unwrap(), 7);
    assert_eq!(&bytes[..7], b"\0\0hello");
    let error = file.read_exact_at(&mut bytes, 99_996).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let again = disk.open("file".as_ref(), OpenMode::CreateNew).unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn names_are_listed_in_order_without_directories() {
    let (_root, disk) = disk();
    disk.create_dir_all("dir".as_ref()).unwrap();
    for name in ["b", "a", "c"] {
        disk.open(name.as_ref(), OpenMode::CreateNew).unwrap();
    }
    disk.rename("c".as_ref(), "0".as_ref()).unwrap();
    disk.remove("b".as_ref()).unwrap();
    disk.sync_dir("".as_ref()).unwrap();
    assert_eq!(disk.list("".as_ref()).unwrap(), ["0", "a"]);
    assert!(disk.exists("dir".as_ref()).unwrap());
    assert!(!disk.exists("b".as_ref()).unwrap());
}

#[test]
fn inspection_creates_nothing() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing");
    let error = DiskStorage::open_existing(&missing).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(!missing.exists());
}
