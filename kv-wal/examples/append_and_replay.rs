//! Appends a few records, closes the log, and reads them back.
//!
//! `cargo run -p kv-wal --example append_and_replay [DIR]`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{error::Error, path::Path, sync::Arc};

use kv_wal::{DiskStorage, Lsn, Options, Wal};

const KIND_NOTE: u8 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/append_and_replay".into());
    let wal = open(&root)?;
    for word in ["durable", "before", "acknowledged"] {
        wal.append(KIND_NOTE, 0, &[b"note: ", word.as_bytes()])?;
    }
    wal.wait(wal.last_lsn())?;
    println!("committed up to {}", wal.committed_lsn());
    wal.close()?;
    drop(wal);
    open(&root)?.close()?;
    Ok(())
}

/// Opens the log and prints what is in it.
fn open(root: &str) -> Result<Wal, Box<dyn Error>> {
    let storage = Arc::new(DiskStorage::open(root)?);
    let wal = Wal::open(
        storage,
        Path::new("wal"),
        Options::default(),
        Lsn::ZERO,
        &mut |lsn, record| {
            println!("{lsn}: {}", String::from_utf8_lossy(record.body));
            Ok(())
        },
    )?;
    println!("opened: {} records", wal.recovery().records);
    Ok(wal)
}
