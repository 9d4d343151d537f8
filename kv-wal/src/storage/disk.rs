//! The real disk: one root directory, positioned reads and writes, never a memory map, so that an I/O
//! error is an error and not a signal.
//!
//! Directories are made for the owner alone (0700), and so are files (0600).

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use rustix::fs::FlockOperation;

use super::{LockGuard, OpenMode, Storage, StorageFile};

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Longest text taken from a lock file, in bytes.
const LOCK_TEXT_BYTES_MAX: u64 = 256;

/// The files under one directory of the real file system.
#[derive(Clone, Debug)]
pub struct DiskStorage {
    root: PathBuf,
}

impl DiskStorage {
    /// Opens `root`, creating it if need be.
    ///
    /// # Errors
    /// The system's answer.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<DiskStorage> {
        let root = root.into();
        create_dir_all(&root)?;
        Ok(DiskStorage { root })
    }

    /// Opens `root` without creating it or anything else, for inspection.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, or the system's answer.
    pub fn open_existing(root: impl Into<PathBuf>) -> io::Result<DiskStorage> {
        let root = root.into();
        if fs::metadata(&root)?.is_dir() {
            return Ok(DiskStorage { root });
        }
        Err(io::ErrorKind::NotADirectory.into())
    }

    /// The directory that paths are relative to.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        if path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Ok(self.root.join(path));
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path leaves the data directory",
        ))
    }
}

impl Storage for DiskStorage {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options.read(true).mode(FILE_MODE);
        match mode {
            OpenMode::Read => {}
            OpenMode::Write => drop(options.write(true)),
            OpenMode::CreateNew => drop(options.write(true).create_new(true)),
        }
        let file = options.open(self.resolve(path)?)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.resolve(from)?, self.resolve(to)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.resolve(path)?)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.resolve(dir)?)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        create_dir_all(&self.resolve(dir)?)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(self.resolve(dir)?)?.sync_all()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        fs::exists(self.resolve(path)?)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(self.resolve(path)?)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(locked_by(&mut file)),
            Err(error) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.write_all_at(holder_name().as_bytes(), 0)?;
        file.flush()?;
        Ok(Box::new(DiskLock { _file: file }))
    }
}

fn create_dir_all(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
}

/// `kv-node pid 4121`: what this process leaves in a lock file.
fn holder_name() -> String {
    let program = std::env::current_exe().ok();
    let name = program
        .as_deref()
        .and_then(Path::file_name)
        .map_or("a process".into(), |name| name.to_string_lossy());
    format!("{name} pid {}", std::process::id())
}

fn locked_by(file: &mut File) -> io::Error {
    let mut holder = String::new();
    let read = file.take(LOCK_TEXT_BYTES_MAX).read_to_string(&mut holder);
    let holder = match (read, holder.trim()) {
        (Ok(_), name) if !name.is_empty() => name,
        _ => "another process",
    };
    io::Error::new(io::ErrorKind::WouldBlock, format!("locked by {holder}"))
}

/// The lock goes with the file's last descriptor.
#[derive(Debug)]
struct DiskLock {
    _file: File,
}

impl LockGuard for DiskLock {}

#[derive(Debug)]
struct DiskFile(File);

impl StorageFile for DiskFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<bool> {
        allocate(&self.0, len)
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, len: u64) -> io::Result<bool> {
    use rustix::{fs::FallocateFlags, io::Errno};
    loop {
        match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => break,
            Err(error) => return Err(error.into()),
        }
    }
    file.set_len(len)?;
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn allocate(file: &File, len: u64) -> io::Result<bool> {
    file.set_len(len)?;
    Ok(false)
}
