//! What was learnt from the entries, in a file.
//!
//! ```text
//! model/{index:016x}.model = "KVMODEL1" | index u64 | now_ms u64 | len u32 | crc32c u32 | bytes [len]
//!                                                                              little-endian
//! ```
//!
//! The bytes are those of [`TrainedModel`]; the checksum covers all that is before and behind it.
//!
//! 1. A file appears under its name when it is whole and on the disk: written beside it, synced,
//!    renamed, directory synced.
//! 2. A file that is damaged, or of a write that the log does not have, is no model, and no reason not
//!    to start.

use std::io;
use std::path::{Path, PathBuf};

use kv_index::embed::TrainedModel;
use kv_wal::{OpenMode, Storage};

use crate::db::Stamp;

/// Where the files are, in the data directory.
pub const MODEL_DIR: &str = "model";

const MAGIC: &[u8; 8] = b"KVMODEL1";
const HEADER_BYTES: usize = 32;
const LEN_AT: usize = 24;
const CRC_AT: usize = 28;

/// Far more than the largest model has.
const BYTES_MAX: u64 = 64 << 20;

const ENDING: &str = ".model";

/// Why a model cannot be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFileError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file, relative to the data directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Bytes are not what was written.
    #[error("{path} is damaged: {what}")]
    Corrupt {
        /// The file, relative to the data directory.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

type Result<T, E = ModelFileError> = std::result::Result<T, E>;

/// The file of the model that was learnt after the write `index`.
fn path_of(index: u64) -> PathBuf {
    Path::new(MODEL_DIR).join(format!("{index:016x}{ENDING}"))
}

/// Stores a model, durably.
///
/// # Errors
/// If the disk refuses; then there is no such file.
pub fn store(storage: &dyn Storage, stamp: Stamp, model: &TrainedModel) -> Result<()> {
    let (dir, path) = (Path::new(MODEL_DIR), path_of(stamp.index));
    storage
        .create_dir_all(dir)
        .and_then(|()| storage.sync_dir(Path::new("")))
        .map_err(io_error("create", dir))?;
    let new = path.with_extension("new");
    write(storage, &new, &encode(stamp, model)).map_err(io_error("write", &new))?;
    storage
        .rename(&new, &path)
        .and_then(|()| storage.sync_dir(dir))
        .map_err(io_error("rename", &new))
}

fn write(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if storage.exists(path)? {
        storage.remove(path)?;
    }
    let file = storage.open(path, OpenMode::CreateNew)?;
    file.write_at(bytes, 0)?;
    file.sync_all()
}

/// Reads the model that was learnt after the write `index`, and that write's stamp.
///
/// # Errors
/// If there is none, the disk refuses, or the file is damaged.
pub fn load(storage: &dyn Storage, index: u64) -> Result<(Stamp, TrainedModel)> {
    let path = path_of(index);
    let bytes = read(storage, &path).map_err(io_error("read", &path))?;
    match decode(&bytes) {
        Ok((stamp, model)) if stamp.index == index => Ok((stamp, model)),
        Ok(_) => Err(corrupt(&path, "it belongs to another write")),
        Err(what) => Err(corrupt(&path, what)),
    }
}

fn read(storage: &dyn Storage, path: &Path) -> io::Result<Vec<u8>> {
    let file = storage.open(path, OpenMode::Read)?;
    let len = file.len()?.min(BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The writes after which a model was stored, the last one first. Removes those of writes after
/// `applied`, which the log lost, and what an attempt that was cut has left.
///
/// # Errors
/// If the disk refuses.
pub fn list(storage: &dyn Storage, applied: u64) -> Result<Vec<u64>> {
    let (mut indexes, dir) = (Vec::new(), Path::new(MODEL_DIR));
    if !storage.exists(dir).map_err(io_error("look for", dir))? {
        return Ok(indexes);
    }
    for name in storage.list(dir).map_err(io_error("list", dir))? {
        let index = name.strip_suffix(ENDING);
        match index.and_then(|index| u64::from_str_radix(index, 16).ok()) {
            Some(index) if index <= applied => indexes.push(index),
            _ => remove(storage, &dir.join(name))?,
        }
    }
    indexes.sort_unstable_by(|a, b| b.cmp(a));
    Ok(indexes)
}

/// Removes the models before that of the write `index`.
///
/// # Errors
/// If the disk refuses.
pub fn remove_before(storage: &dyn Storage, index: u64) -> Result<()> {
    let known = list(storage, u64::MAX)?;
    let mut older = known.into_iter().filter(|known| *known < index);
    older.try_for_each(|old| remove(storage, &path_of(old)))
}

fn remove(storage: &dyn Storage, path: &Path) -> Result<()> {
    storage.remove(path).map_err(io_error("remove", path))
}

fn encode(stamp: Stamp, model: &TrainedModel) -> Vec<u8> {
    let bytes = model.to_bytes();
    let len = u32::try_from(bytes.len()).expect("a model is far smaller than 4 GiB");
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&stamp.index.to_le_bytes());
    out.extend_from_slice(&stamp.now_ms.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out), &bytes);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&bytes);
    out
}

fn decode(bytes: &[u8]) -> Result<(Stamp, TrainedModel), String> {
    let Some((header, bytes)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err("it is shorter than its header".to_owned());
    };
    if !header.starts_with(MAGIC) {
        return Err("it is no model of this version".to_owned());
    }
    if u32_at(header, LEN_AT) as usize != bytes.len() {
        return Err("it is not as long as it was made".to_owned());
    }
    let found = crc32c::crc32c_append(crc32c::crc32c(&header[..CRC_AT]), bytes);
    let expected = u32_at(header, CRC_AT);
    if found != expected {
        return Err(format!("crc {found:#010x}, expected {expected:#010x}"));
    }
    let stamp = Stamp {
        index: u64_at(header, 8),
        now_ms: u64_at(header, 16),
    };
    let model = TrainedModel::from_bytes(bytes).map_err(|error| error.to_string())?;
    Ok((stamp, model))
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let bytes = header[at..at + 4].try_into();
    u32::from_le_bytes(bytes.expect("a slice of four bytes"))
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let bytes = header[at..at + 8].try_into();
    u64::from_le_bytes(bytes.expect("a slice of eight bytes"))
}

fn corrupt(path: &Path, what: impl Into<String>) -> ModelFileError {
    ModelFileError::Corrupt {
        path: path.to_owned(),
        what: what.into(),
    }
}

fn io_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> ModelFileError {
    let path = path.into();
    move |source| ModelFileError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use kv_index::embed::Trainer;
    use kv_wal::SimStorage;

    use super::*;

    const STAMP: Stamp = Stamp {
        index: 0x0102_0304,
        now_ms: 0x1112_1314_1516,
    };

    fn model() -> TrainedModel {
        let mut trainer = Trainer::new();
        trainer.add("the doctor saw a patient");
        trainer.add("a patient asked the doctor");
        trainer.finish()
    }

    #[test]
    fn a_model_has_the_bytes_of_version_1() {
        let empty = Trainer::new().finish();
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let expected = concat!(
            "4b564d4f44454c31",
            "0403020100000000",
            "1615141312110000",
            "14000000",
            "8c4c4061",
            "4b56524901000001000000000000000000000000"
        );
        assert_eq!(hex(&encode(STAMP, &empty)), expected);
    }

    #[test]
    fn what_was_stored_is_loaded_and_damage_is_found() {
        let disk = SimStorage::new(1);
        store(&disk, STAMP, &model()).unwrap();
        assert_eq!(load(&disk, STAMP.index).unwrap(), (STAMP, model()));
        let bytes = disk.contents(&path_of(STAMP.index)).unwrap();
        for place in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            disk.plant(&path_of(STAMP.index), damaged);
            assert!(load(&disk, STAMP.index).is_err(), "byte {place}");
        }
        for len in [0, 31, 32, bytes.len() - 1] {
            disk.plant(&path_of(STAMP.index), bytes[..len].to_vec());
            assert!(load(&disk, STAMP.index).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn models_of_lost_writes_go_and_older_ones_do() {
        let disk = SimStorage::new(1);
        assert!(list(&disk, 9).unwrap().is_empty());
        for index in [3, 1, 12, 7] {
            store(&disk, Stamp { index, now_ms: 1 }, &model()).unwrap();
        }
        assert_eq!(list(&disk, 9).unwrap(), [7, 3, 1]);
        assert_eq!(list(&disk, 99).unwrap(), [7, 3, 1]);
        remove_before(&disk, 7).unwrap();
        assert_eq!(list(&disk, 9).unwrap(), [7]);
    }
}
