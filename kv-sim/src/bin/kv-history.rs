//! `kv-history FILE…`: checks histories of client operations, as JSON lines.
//!
//! Exit code 0: nothing is wrong with any of them; 1: something is; 2: a file is no history.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool"
)]

use std::{env, fs::File, io::BufReader, process::ExitCode};

use kv_sim::{Checked, Failure, History, check};

fn main() -> ExitCode {
    let paths: Vec<String> = env::args().skip(1).collect();
    if paths.is_empty() {
        eprintln!("usage: kv-history FILE…");
        return ExitCode::from(2);
    }
    let worst = paths.iter().map(|path| report(path)).max();
    ExitCode::from(worst.unwrap_or(0))
}

/// Says what was found, and the exit code for it.
fn report(path: &str) -> u8 {
    match check_file(path) {
        Ok(checked) => {
            println!("{path}: {checked}: nothing is wrong");
            0
        }
        Err(failure @ Failure::History(_)) => {
            eprintln!("error: {path} is no history\n  cause: {failure}");
            2
        }
        Err(failure) => {
            println!("{path}: {failure}");
            1
        }
    }
}

fn check_file(path: &str) -> Result<Checked, Failure> {
    let file = File::open(path).map_err(kv_sim::HistoryError::from)?;
    check(&History::read(BufReader::new(file))?)
}
