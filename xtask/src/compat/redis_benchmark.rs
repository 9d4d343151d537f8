//! redis-benchmark: completes, and says nothing of errors.

use std::process::Command;

use anyhow::{Result, ensure};

use super::Bench;
use crate::step;

/// The tests that use commands of ours.
const TESTS: &str = "ping_inline,ping_mbulk,set,get,incr,mset";

/// What must be in the report, one line each.
const REPORTED: &[&str] = &[
    "PING_INLINE",
    "PING_MBULK",
    "SET",
    "GET",
    "INCR",
    "MSET (10 keys)",
];

/// Plain, pipelined, and in RESP3.
///
/// # Errors
///
/// When it fails, leaves a test out, or reports an error.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let shapes: &[&[&str]] = &[
        &["-n", "5000", "-c", "50"],
        &[
            "-n", "20000", "-c", "20", "-P", "16", "-r", "1000", "-d", "100",
        ],
        &["-n", "5000", "-c", "5", "-P", "4", "-3"],
    ];
    let (host, port) = bench.host_port();
    for shape in shapes {
        let mut command = Command::new("redis-benchmark");
        command
            .args(["-h", host, "-p", port, "-q", "-t", TESTS])
            .args(*shape);
        let report = step::output(&mut command)?;
        check(&report, &step::display(&command))?;
        println!("ok redis-benchmark {}", shape.join(" "));
    }
    Ok(())
}

fn check(report: &str, how: &str) -> Result<()> {
    let lines = || report.split(['\r', '\n']).map(str::trim);
    for test in REPORTED {
        let is_result = |line: &str| {
            line.starts_with(&format!("{test}: ")) && line.contains("requests per second")
        };
        ensure!(
            lines().any(is_result),
            "{how}: no result for {test} in\n{report}"
        );
    }
    let error = lines().find(|line| line.to_lowercase().contains("err"));
    ensure!(error.is_none(), "{how}: {}", error.unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> String {
        let line = |test: &&str| format!("{test}: 5.00 requests per second, p50=0.1 msec\n");
        REPORTED.iter().map(line).collect()
    }

    #[test]
    fn a_full_report_passes() {
        assert!(check(&good(), "it").is_ok());
    }

    #[test]
    fn a_missing_test_and_an_error_are_found() {
        assert!(check(&good().replace("INCR", "DECR"), "it").is_err());
        assert!(check(&format!("{}Error from server: ERR no", good()), "it").is_err());
    }
}
