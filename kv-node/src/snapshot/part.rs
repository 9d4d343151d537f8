//! One file of a snapshot.
//!
//! ```text
//! part      = header | block* | directory | trailer
//! header    = "KVSNAP01" | index u64 | now_ms u64 | part u16 | part_count u16 | crc32c u32
//! directory = offset u64 of each block
//! trailer   = block_count u64 | entry_count u64 | raw_bytes u64 | crc32c u32 | "KVSE"
//!                                                                              little-endian
//! ```
//!
//! 1. Blocks lie one behind the other from the header to the directory.
//! 2. The trailer's checksum covers the directory and the trailer, and starts from the header's.

use std::path::{Path, PathBuf};

use kv_proto::Entry;
use kv_wal::{OpenMode, Storage, StorageFile};

use super::block::{Block, BlockBuilder, HEADER_BYTES, entry_count_max};
use super::{Damage, PartSummary, SNAPSHOT_DIR, SnapshotError, io_error};
use crate::db::Stamp;

const MAGIC: &[u8; 8] = b"KVSNAP01";
const END_MAGIC: &[u8; 4] = b"KVSE";
const FILE_HEADER_BYTES: usize = 32;
const TRAILER_BYTES: usize = 32;

/// Written bytes are synced in such portions, so that the disk is never far behind and the log's
/// own syncs do not queue up behind a mountain of dirty pages.
const SYNC_BYTES: u64 = 64 << 10;

/// Which part of which generation a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartId {
    /// The last write in it.
    pub stamp: Stamp,
    /// Its number.
    pub part: u16,
    /// How many parts the generation has.
    pub part_count: u16,
}

impl PartId {
    /// The file, relative to the data directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let name = format!("{:016x}-{:02x}.snap", self.stamp.index, self.part);
        Path::new(SNAPSHOT_DIR).join(name)
    }

    fn header(&self) -> [u8; FILE_HEADER_BYTES] {
        let mut header = [0; FILE_HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&self.stamp.index.to_le_bytes());
        header[16..24].copy_from_slice(&self.stamp.now_ms.to_le_bytes());
        header[24..26].copy_from_slice(&self.part.to_le_bytes());
        header[26..28].copy_from_slice(&self.part_count.to_le_bytes());
        let crc = crc32c::crc32c(&header[..28]);
        header[28..].copy_from_slice(&crc.to_le_bytes());
        header
    }

    fn crc(&self) -> u32 {
        crc32c::crc32c(&self.header()[..28])
    }
}

/// Writes one part.
pub struct PartWriter {
    id: PartId,
    file: Box<dyn StorageFile>,
    file_crc: u32,
    block: BlockBuilder,
    directory: Vec<u8>,
    offset: u64,
    synced: u64,
    entry_count: u64,
    raw_bytes: u64,
}

impl PartWriter {
    /// Begins a file; one of the same name, left by an attempt that was cut, is removed.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn create(storage: &dyn Storage, id: PartId) -> Result<PartWriter, SnapshotError> {
        let path = id.path();
        if storage.exists(&path).map_err(io_error("look for", &path))? {
            storage.remove(&path).map_err(io_error("remove", &path))?;
        }
        let file = storage
            .open(&path, OpenMode::CreateNew)
            .map_err(io_error("create", &path))?;
        file.write_at(&id.header(), 0)
            .map_err(io_error("write", &path))?;
        Ok(PartWriter {
            id,
            file,
            file_crc: id.crc(),
            block: BlockBuilder::default(),
            directory: Vec::new(),
            offset: FILE_HEADER_BYTES as u64,
            synced: 0,
            entry_count: 0,
            raw_bytes: 0,
        })
    }

    /// Adds an entry; how many bytes that made it write.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn push(&mut self, entry: &Entry) -> Result<u64, SnapshotError> {
        self.entry_count += 1;
        match self.block.push(entry) {
            true => self.write_block(),
            false => Ok(0),
        }
    }

    fn write_block(&mut self) -> Result<u64, SnapshotError> {
        self.raw_bytes += self.block.raw_bytes();
        let bytes = self.block.finish(self.file_crc, self.offset);
        let written = bytes.len() as u64;
        self.file
            .write_at(bytes, self.offset)
            .map_err(io_error("write", self.id.path()))?;
        self.directory.extend_from_slice(&self.offset.to_le_bytes());
        self.offset += written;
        if self.offset - self.synced >= SYNC_BYTES {
            self.file
                .sync_data()
                .map_err(io_error("sync", self.id.path()))?;
            self.synced = self.offset;
        }
        Ok(written)
    }

    /// Ends the file and makes its bytes durable; its name becomes so with its directory.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn finish(mut self) -> Result<PartSummary, SnapshotError> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        let block_count = self.directory.len() as u64 / 8;
        let mut end = std::mem::take(&mut self.directory);
        end.extend_from_slice(&block_count.to_le_bytes());
        end.extend_from_slice(&self.entry_count.to_le_bytes());
        end.extend_from_slice(&self.raw_bytes.to_le_bytes());
        let crc = crc32c::crc32c_append(self.file_crc, &end);
        end.extend_from_slice(&crc.to_le_bytes());
        end.extend_from_slice(END_MAGIC);
        let path = self.id.path();
        self.file
            .write_at(&end, self.offset)
            .map_err(io_error("write", &path))?;
        self.file.sync_all().map_err(io_error("sync", &path))?;
        Ok(PartSummary {
            file_bytes: self.offset + end.len() as u64,
            entry_count: self.entry_count,
            trailer_crc: crc,
        })
    }
}

/// Reads one part.
pub struct PartReader {
    path: PathBuf,
    file: Box<dyn StorageFile>,
    file_crc: u32,
    /// Where the blocks begin, and where the last one ends.
    offsets: Vec<u64>,
    entry_count: u64,
    trailer_crc: u32,
}

struct Trailer {
    entry_count: u64,
    crc: u32,
}

impl PartReader {
    /// Opens a file and checks everything but its blocks.
    ///
    /// # Errors
    /// If the disk refuses, or the file is damaged or another one.
    pub fn open(storage: &dyn Storage, id: PartId) -> Result<PartReader, SnapshotError> {
        let path = id.path();
        let file = storage
            .open(&path, OpenMode::Read)
            .map_err(io_error("open", &path))?;
        let file_bytes = file.len().map_err(io_error("read", &path))?;
        let mut reader = PartReader {
            path,
            file,
            file_crc: id.crc(),
            offsets: Vec::new(),
            entry_count: 0,
            trailer_crc: 0,
        };
        reader.check_header(id, file_bytes)?;
        let trailer = reader.read_trailer(file_bytes)?;
        reader.entry_count = trailer.entry_count;
        reader.trailer_crc = trailer.crc;
        Ok(reader)
    }

    fn check_header(&self, id: PartId, file_bytes: u64) -> Result<(), SnapshotError> {
        let expected = (FILE_HEADER_BYTES + TRAILER_BYTES) as u64;
        if file_bytes < expected {
            let found = file_bytes;
            return Err(self.corrupt(found, Damage::Length { found, expected }));
        }
        let header: [u8; FILE_HEADER_BYTES] = self.read_array(0)?;
        if header[..8] != *MAGIC {
            return Err(self.corrupt(0, Damage::Magic));
        }
        let found = crc32c::crc32c(&header[..28]);
        let expected = le_u32(&header[28..]);
        if found != expected {
            return Err(self.corrupt(0, Damage::Crc { found, expected }));
        }
        match header == id.header() {
            true => Ok(()),
            false => Err(self.corrupt(8, Damage::Misplaced)),
        }
    }

    /// Reads the directory too.
    fn read_trailer(&mut self, file_bytes: u64) -> Result<Trailer, SnapshotError> {
        let trailer_at = file_bytes - TRAILER_BYTES as u64;
        let trailer: [u8; TRAILER_BYTES] = self.read_array(trailer_at)?;
        if trailer[28..] != *END_MAGIC {
            return Err(self.corrupt(trailer_at + 28, Damage::Magic));
        }
        let block_count = le_u64(&trailer);
        let directory_at = block_count
            .checked_mul(8)
            .and_then(|bytes| trailer_at.checked_sub(bytes))
            .filter(|at| *at >= FILE_HEADER_BYTES as u64)
            .ok_or_else(|| self.corrupt(trailer_at, Damage::Malformed("too many blocks")))?;
        let directory = self.read_vec(directory_at, trailer_at - directory_at)?;
        let crc = crc32c::crc32c_append(self.file_crc, &directory);
        let found = crc32c::crc32c_append(crc, &trailer[..24]);
        let expected = le_u32(&trailer[24..]);
        if found != expected {
            return Err(self.corrupt(directory_at, Damage::Crc { found, expected }));
        }
        self.offsets = directory.chunks_exact(8).map(le_u64).collect();
        self.offsets.push(directory_at);
        self.check_directory(directory_at)?;
        let entry_count = le_u64(&trailer[8..]);
        // Room is made for so many before the first block is read.
        if entry_count > entry_count_max(file_bytes) {
            let damage = Damage::Malformed("more entries than the file has room for");
            return Err(self.corrupt(trailer_at + 8, damage));
        }
        Ok(Trailer {
            entry_count,
            crc: expected,
        })
    }

    fn check_directory(&self, directory_at: u64) -> Result<(), SnapshotError> {
        let is_first_in_place = self.offsets.first() == Some(&(FILE_HEADER_BYTES as u64));
        let is_ascending = self
            .offsets
            .windows(2)
            .all(|pair| pair[0].saturating_add(HEADER_BYTES as u64) <= pair[1]);
        match is_first_in_place && is_ascending {
            true => Ok(()),
            false => {
                let damage = Damage::Malformed("the directory's offsets do not ascend");
                Err(self.corrupt(directory_at, damage))
            }
        }
    }

    /// How many entries the file has.
    #[must_use]
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// The checksum that the manifest has of this file.
    #[must_use]
    pub fn trailer_crc(&self) -> u32 {
        self.trailer_crc
    }

    /// Calls `visit` with the entries of one block after the other.
    ///
    /// # Errors
    /// If the disk refuses, or a block is damaged; `visit` has then seen those before it.
    pub fn read(&self, mut visit: impl FnMut(Vec<Entry>)) -> Result<(), SnapshotError> {
        let mut entry_count = 0;
        for bounds in self.offsets.windows(2) {
            let (offset, end) = (bounds[0], bounds[1]);
            let bytes = self.read_vec(offset, end - offset)?;
            let entries = Block::decode(self.file_crc, offset, &bytes)
                .and_then(|block| block.entries())
                .map_err(|(at, damage)| self.corrupt(offset + at, damage))?;
            entry_count += entries.len() as u64;
            visit(entries);
        }
        if entry_count != self.entry_count {
            let damage = Damage::Malformed("the file's entries are not as many as it says");
            return Err(self.corrupt(0, damage));
        }
        Ok(())
    }

    fn read_array<const N: usize>(&self, offset: u64) -> Result<[u8; N], SnapshotError> {
        let mut bytes = [0; N];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(io_error("read", &self.path))?;
        Ok(bytes)
    }

    /// `len` was held against the file's length, so this allocates no more than there is to read.
    fn read_vec(&self, offset: u64, len: u64) -> Result<Vec<u8>, SnapshotError> {
        let len = usize::try_from(len)
            .map_err(|_| self.corrupt(offset, Damage::Malformed("longer than memory")))?;
        let mut bytes = vec![0; len];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(io_error("read", &self.path))?;
        Ok(bytes)
    }

    fn corrupt(&self, offset: u64, damage: Damage) -> SnapshotError {
        SnapshotError::Corrupt {
            path: self.path.clone(),
            offset,
            damage,
        }
    }
}

fn le_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("a slice of eight bytes"))
}

fn le_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("a slice of four bytes"))
}
