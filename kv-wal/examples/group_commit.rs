//! How fast the log commits: threads that append a record, wait for it, and again; beside it, what
//! the disk does when each record is written and synced by itself.
//!
//! `cargo run --release -p kv-wal --example group_commit -- [THREADS] [SECONDS] [DIR]`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{
    error::Error,
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use kv_wal::{DiskStorage, Lsn, Options, Wal};

const RECORD: [u8; 128] = [7; 128];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let threads: usize = args.next().map_or(Ok(50), |arg| arg.parse())?;
    let seconds: u64 = args.next().map_or(Ok(5), |arg| arg.parse())?;
    let root = PathBuf::from(args.next().unwrap_or_else(|| "target/group_commit".into()));
    let time = Duration::from_secs(seconds);
    naive(&root, time)?;
    grouped(&root, threads, time)
}

/// A growing file, one write and one sync a record.
fn naive(root: &Path, time: Duration) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(root)?;
    let path = root.join("naive");
    let file = File::create(&path)?;
    let start = now();
    let mut syncs = 0u32;
    while start.elapsed() < time {
        file.write_all_at(&RECORD, u64::from(syncs) * RECORD.len() as u64)?;
        file.sync_data()?;
        syncs += 1;
    }
    println!(
        "naive: {:.0} records/s",
        f64::from(syncs) / start.elapsed().as_secs_f64()
    );
    std::fs::remove_file(path)?;
    Ok(())
}

fn grouped(root: &Path, threads: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let storage = Arc::new(DiskStorage::open(root.join("log"))?);
    let wal = Wal::open(
        storage,
        Path::new("wal"),
        Options::default(),
        Lsn::ZERO,
        &mut |_, _| Ok(()),
    )?;
    let stop = Arc::new(AtomicBool::new(false));
    let start = now();
    let writers: Vec<_> = (0..threads)
        .map(|_| {
            let (wal, stop) = (wal.clone(), Arc::clone(&stop));
            thread::spawn(move || append_until(&wal, &stop))
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Relaxed);
    for writer in writers {
        writer.join().map_err(|_| "a writer panicked")??;
    }
    report(&wal, threads, start.elapsed());
    wal.close()?;
    drop(wal);
    std::fs::remove_dir_all(root.join("log"))?;
    Ok(())
}

fn append_until(wal: &Wal, stop: &AtomicBool) -> Result<(), kv_wal::WalError> {
    while !stop.load(Relaxed) {
        wal.wait(wal.append(1, 0, &[&RECORD])?)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn report(wal: &Wal, threads: usize, elapsed: Duration) {
    let stats = wal.stats();
    let seconds = elapsed.as_secs_f64();
    println!(
        "{threads} threads: {:.0} records/s, {:.0} syncs/s of {:.0} µs, {:.1} records a group, {} at most",
        stats.records as f64 / seconds,
        stats.syncs as f64 / seconds,
        stats.sync_ns as f64 / 1000.0 / stats.syncs.max(1) as f64,
        stats.records as f64 / stats.groups.max(1) as f64,
        stats.group_records_max,
    );
    println!(
        "segments: {} prepared, {} live; syncs by duration, doubling from 1 µs: {:?}",
        stats.segments_prepared,
        wal.segments().len(),
        stats.sync_buckets,
    );
}

#[expect(clippy::disallowed_methods, reason = "an example measures time")]
fn now() -> Instant {
    Instant::now()
}
