//! The disk as the log and the snapshots see it: a directory of flat files behind two traits.
//!
//! 1. Paths are relative to the storage's root and never leave it.
//! 2. A write is durable once `sync_data` or `sync_all` of its file returned; a created, renamed or
//!    removed name once `sync_dir` of its directory returned. Nothing is durable earlier.
//! 3. After a failed sync the unsynced bytes may be lost even if a later sync succeeds.
//!
//! [`DiskStorage`] is the real one, [`SimStorage`] loses and breaks things on purpose.

use std::{fmt::Debug, io, path::Path};

mod disk;
mod sim;

pub use disk::DiskStorage;
pub use sim::{SimStorage, Survival};

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing in place.
    Write,
    /// A file that must not exist yet, for reading and writing.
    CreateNew,
}

/// Holds a lock until dropped.
pub trait LockGuard: Send + Sync + Debug {}

/// A directory of files on some disk.
pub trait Storage: Send + Sync + Debug {
    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound`, `AlreadyExists` (for [`OpenMode::CreateNew`]), or the system's answer.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn StorageFile>>;

    /// Gives a file another name, replacing what has that name, in one step.
    ///
    /// # Errors
    /// `NotFound`, or the system's answer.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or the system's answer.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files in a directory, sorted; directories are left out.
    ///
    /// # Errors
    /// `NotFound`, or the system's answer.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Creates a directory and those above it, readable by the owner only. Existing is fine.
    ///
    /// # Errors
    /// The system's answer.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable. The root is the empty path.
    ///
    /// # Errors
    /// The system's answer; which of the names are durable is then unknown.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Whether a file or directory has this name.
    ///
    /// # Errors
    /// The system's answer.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Takes the lock on `path`, creating the file, and leaves this process's name and pid in it.
    ///
    /// # Errors
    /// `WouldBlock` with the text `locked by <name> pid <pid>` while another holder has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>>;
}

/// An open file. All methods take `&self`: offsets are explicit, so threads can share it.
#[expect(
    clippy::len_without_is_empty,
    reason = "an empty file is not a case of its own"
)]
pub trait StorageFile: Send + Sync + Debug {
    /// Reads up to `buf.len()` bytes; fewer only at the end of the file.
    ///
    /// # Errors
    /// The system's answer.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `buf`, growing the file if need be.
    ///
    /// # Errors
    /// The system's answer; any part of it may have been written.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the bytes, and the length needed to read them, durable.
    ///
    /// # Errors
    /// The system's answer; what is durable is then unknown, see the module's third invariant.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the bytes and all metadata durable.
    ///
    /// # Errors
    /// As for [`sync_data`](StorageFile::sync_data).
    fn sync_all(&self) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// The system's answer.
    fn len(&self) -> io::Result<u64>;

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// The system's answer.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Extends the file with zeros to `len` and reserves the space, so that writing there cannot
    /// run out of it. `false` if this file system cannot reserve; then only the length is set.
    ///
    /// # Errors
    /// `StorageFull`, or the system's answer.
    fn allocate(&self, len: u64) -> io::Result<bool>;

    /// Reads exactly `buf.len()` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before, or the system's answer.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if self.read_at(buf, offset)? == buf.len() {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// Writes `len` zeros at `offset`.
    ///
    /// # Errors
    /// As for [`write_at`](StorageFile::write_at).
    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let mut done = 0;
        while done < len {
            let part = usize::try_from(len - done)
                .unwrap_or(usize::MAX)
                .min(ZEROS.len());
            self.write_at(ZEROS.get(..part).unwrap_or(&ZEROS), offset + done)?;
            done += part as u64;
        }
        Ok(())
    }
}

/// Whether an error says that there is no room, so that trying again later makes sense.
#[must_use]
pub fn is_out_of_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
