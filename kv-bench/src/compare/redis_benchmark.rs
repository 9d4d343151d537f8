//! `redis-benchmark` as the generator: what Redis itself is measured with.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::interrupt;
use crate::process::{POLL_INTERVAL, Process};
use crate::workload::{KeySpace, Kind};

/// What `redis-benchmark` replaces by a random index of twelve digits.
const INDEX: &str = "__rand_int__";
const INDEX_DIGITS: usize = 12;
const PREFIX: &str = "key:";

/// One run of `redis-benchmark`.
#[derive(Debug, Clone)]
pub struct RedisBenchmark<'a> {
    /// The server.
    pub addr: SocketAddr,
    /// Which keys and values; keys must have at least 16 bytes.
    pub space: &'a KeySpace,
    /// `GET` or `SET`.
    pub kind: Kind,
    /// Connections.
    pub client_count: usize,
    /// Requests written together.
    pub pipeline: u64,
    /// Requests in all.
    pub request_count: u64,
}

impl RedisBenchmark<'_> {
    /// Its command line, without the program's name.
    ///
    /// # Errors
    ///
    /// If its keys cannot have the size wanted.
    pub fn arguments(&self) -> Result<Vec<String>> {
        let padding = self
            .space
            .key_bytes()
            .checked_sub(PREFIX.len() + INDEX_DIGITS)
            .context("keys of redis-benchmark have at least 16 bytes")?;
        let key = format!("{PREFIX}{}{INDEX}", "0".repeat(padding));
        let mut arguments: Vec<String> = [
            ("-h", self.addr.ip().to_string()),
            ("-p", self.addr.port().to_string()),
            ("-c", self.client_count.to_string()),
            ("-P", self.pipeline.to_string()),
            ("-n", self.request_count.to_string()),
            ("-r", self.space.key_count().to_string()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect();
        arguments.push("--csv".to_owned());
        match self.kind {
            Kind::Read => arguments.extend(["GET".to_owned(), key]),
            Kind::Write => {
                let mut value = Vec::new();
                self.space.write_value(0, 0, &mut value);
                let value = String::from_utf8(value).context("values are ASCII")?;
                arguments.extend(["SET".to_owned(), key, value]);
            }
        }
        Ok(arguments)
    }

    /// How it is started, for the record: without the port and the bytes of the value.
    ///
    /// # Errors
    ///
    /// As [`RedisBenchmark::arguments`].
    pub fn command_line(&self) -> Result<String> {
        let mut arguments = self.arguments()?;
        if let (Kind::Write, Some(value)) = (self.kind, arguments.last_mut()) {
            *value = format!("<{} bytes>", self.space.value_bytes());
        }
        let command = format!("redis-benchmark {}", arguments.join(" "));
        Ok(command.replace(&self.addr.port().to_string(), "PORT"))
    }

    /// Runs it and returns the requests a second that it reports.
    ///
    /// # Errors
    ///
    /// If it cannot be started, fails, or reports nothing, or the comparison is interrupted.
    pub fn run(&self) -> Result<f64> {
        let mut command = Command::new("redis-benchmark");
        command
            .args(self.arguments()?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Process::start("redis-benchmark", &mut command)
            .context("cannot start redis-benchmark")?;
        let status = loop {
            interrupt::check()?;
            match process.exit_status()? {
                Some(status) => break status,
                None => std::thread::sleep(POLL_INTERVAL),
            }
        };
        let output = read_all(process.child().stdout.take())?;
        let errors = read_all(process.child().stderr.take())?;
        ensure!(
            status.success(),
            "redis-benchmark failed: {} {}",
            output.trim(),
            errors.trim()
        );
        requests_per_second(&output)
            .with_context(|| format!("redis-benchmark reported nothing: {output:?} {errors:?}"))
    }
}

/// Its whole output is a few hundred bytes, which the pipe holds until it has ended.
fn read_all(pipe: Option<impl Read>) -> Result<String> {
    let Some(mut pipe) = pipe else {
        bail!("redis-benchmark has no output");
    };
    let mut text = String::new();
    pipe.read_to_string(&mut text)?;
    Ok(text)
}

/// The `rps` column of the last line.
fn requests_per_second(csv: &str) -> Option<f64> {
    let mut lines = csv.lines().skip_while(|line| !line.starts_with("\"test\""));
    let column = lines
        .next()?
        .split(',')
        .position(|name| name == "\"rps\"")?;
    // The first column is the command line, which holds no comma: keys and values are ours.
    let value = lines.last()?.split(',').nth(column)?;
    value
        .trim_matches('"')
        .parse()
        .ok()
        .filter(|value| *value > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benchmark(space: &KeySpace, kind: Kind) -> RedisBenchmark<'_> {
        RedisBenchmark {
            addr: "127.0.0.1:7000".parse().unwrap(),
            space,
            kind,
            client_count: 50,
            pipeline: 16,
            request_count: 1_000,
        }
    }

    #[test]
    fn keys_are_those_of_the_key_space() {
        let space = KeySpace::new(1_000_000, 20, 100).unwrap();
        let arguments = benchmark(&space, Kind::Read).arguments().unwrap();
        let key = arguments.last().unwrap().replace(INDEX, "000000000042");
        let mut expected = Vec::new();
        space.write_key(42, &mut expected);
        assert_eq!(key.into_bytes(), expected);
    }

    #[test]
    fn values_have_the_size_of_the_key_space_and_no_comma() {
        let space = KeySpace::new(1_000_000, 20, 1_000).unwrap();
        let arguments = benchmark(&space, Kind::Write).arguments().unwrap();
        let value = arguments.last().unwrap();
        assert_eq!(value.len(), 1_000);
        assert!(!value.contains(','));
    }

    #[test]
    fn keys_too_short_for_it_are_refused() {
        let space = KeySpace::new(1_000, 15, 100).unwrap();
        assert!(benchmark(&space, Kind::Read).arguments().is_err());
    }

    #[test]
    fn the_rate_is_read_from_its_report() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"p99_latency_ms\"\n\
                   \"GET key:0000__rand_int__\",\"90838.25\",\"0.611\",\"1.071\"\n";
        assert_eq!(requests_per_second(csv), Some(90_838.25));
        let warned = format!("WARNING: Could not fetch server CONFIG\n{csv}");
        assert_eq!(requests_per_second(&warned), Some(90_838.25));
    }

    #[test]
    fn a_report_without_a_rate_is_none() {
        for csv in [
            "",
            "\"test\",\"rps\"\n",
            "\"test\",\"rps\"\n\"GET\",\"0.00\"\n",
            "Error",
        ] {
            assert_eq!(requests_per_second(csv), None, "{csv:?}");
        }
    }
}
