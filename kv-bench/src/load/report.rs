//! What a load measured, for people and as JSON.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::tally::Tally;
use super::{Errors, Settings, Usages, Wire};
use crate::text::{bytes, count, duration};

/// A generator busier than this may have been slower than the server.
const GENERATOR_BUSY_MAX: f64 = 0.9;

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was asked for.
    pub load: LoadSummary,
    /// Recorded time.
    pub seconds: f64,
    /// Recorded answers.
    pub requests: u64,
    /// Answers a second.
    pub ops_per_second: f64,
    /// All recorded answers.
    pub latency: Latency,
    /// Reads alone, if there were any.
    pub reads: Option<Latency>,
    /// Writes alone, if there were any.
    pub writes: Option<Latency>,
    /// Reads of keys that were not there.
    pub misses: u64,
    /// Answers that contradict what was written; 0 unless verified.
    pub mismatches: u64,
    /// Connections that ended early.
    pub lost_connections: u64,
    /// Refusals by kind.
    pub errors: Errors,
    /// What it cost the server, if its process is known.
    pub server: Option<ServerCost>,
    /// Share of the generating threads' time that was spent computing.
    pub generator_busy: f64,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadSummary {
    /// The server.
    pub addr: String,
    /// Which protocol was spoken.
    pub protocol: Wire,
    /// Connections.
    pub clients: usize,
    /// Requests written together.
    pub pipeline: u64,
    /// Generating threads.
    pub threads: usize,
    /// Number of keys.
    pub keys: u64,
    /// Size of a key.
    pub key_bytes: usize,
    /// Size of a value.
    pub value_bytes: usize,
    /// Share of reads.
    pub read_share: f64,
    /// How keys were drawn.
    pub distribution: String,
    /// What decided the operations.
    pub seed: u64,
    /// Whether answers were checked.
    pub verified: bool,
    /// Requests a second that were to be sent; absent: as fast as answered.
    pub rate: Option<f64>,
}

/// Latencies in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Mean.
    pub mean_us: f64,
    /// Half are faster.
    pub p50_us: f64,
    /// 90 % are faster.
    pub p90_us: f64,
    /// 99 % are faster.
    pub p99_us: f64,
    /// 99.9 % are faster.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// What a load cost the server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ServerCost {
    /// Processor time, all threads.
    pub cpu_seconds: f64,
    /// Processor time for one request.
    pub cpu_us_per_op: f64,
    /// Resident memory when recording began.
    pub rss_bytes_before: u64,
    /// Resident memory when it ended.
    pub rss_bytes_after: u64,
}

impl Report {
    pub(super) fn new(
        settings: &Settings,
        tally: &Tally,
        elapsed: Duration,
        before: &Usages,
        after: &Usages,
    ) -> Report {
        let all = tally.all();
        let seconds = elapsed.as_secs_f64();
        let own = (after.own.cpu.saturating_sub(before.own.cpu)).as_secs_f64();
        Report {
            load: LoadSummary::new(settings),
            seconds,
            requests: all.len(),
            ops_per_second: float(all.len()) / seconds,
            latency: Latency::of(&all),
            reads: Latency::of_any(&tally.reads),
            writes: Latency::of_any(&tally.writes),
            misses: tally.misses,
            mismatches: tally.mismatches,
            lost_connections: tally.lost_connections,
            errors: tally.errors.clone(),
            server: ServerCost::new(before, after, all.len()),
            generator_busy: own / (seconds * float(settings.thread_count as u64)),
        }
    }

    /// Answers that were refusals.
    #[must_use]
    pub fn error_count(&self) -> u64 {
        self.errors.values().map(|error| error.count).sum()
    }

    /// Whether everything was answered as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.error_count() == 0 && self.mismatches == 0 && self.lost_connections == 0
    }
}

impl LoadSummary {
    fn new(settings: &Settings) -> LoadSummary {
        let workload = &settings.workload;
        LoadSummary {
            addr: settings.addr.to_string(),
            protocol: settings.wire,
            clients: settings.client_count,
            pipeline: settings.pipeline,
            threads: settings.thread_count,
            keys: workload.space.key_count(),
            key_bytes: workload.space.key_bytes(),
            value_bytes: workload.space.value_bytes(),
            read_share: workload.read_share,
            distribution: workload.distribution.to_string(),
            seed: settings.seed,
            verified: settings.verify,
            rate: settings.rate,
        }
    }
}

impl Latency {
    pub(super) fn of(histogram: &Histogram<u64>) -> Latency {
        let quantile = |quantile| micros(histogram.value_at_quantile(quantile));
        Latency {
            count: histogram.len(),
            mean_us: histogram.mean() / 1_000.0,
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            max_us: micros(histogram.max()),
        }
    }

    fn of_any(histogram: &Histogram<u64>) -> Option<Latency> {
        (!histogram.is_empty()).then(|| Latency::of(histogram))
    }
}

impl ServerCost {
    fn new(before: &Usages, after: &Usages, requests: u64) -> Option<ServerCost> {
        let (before, after) = (before.server?, after.server?);
        let cpu_seconds = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        Some(ServerCost {
            cpu_seconds,
            cpu_us_per_op: cpu_seconds * 1e6 / float(requests.max(1)),
            rss_bytes_before: before.rss_bytes,
            rss_bytes_after: after.rss_bytes,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.load)?;
        writeln!(
            f,
            "  {} ops/s   ({} in {:.2} s)",
            count(self.ops_per_second),
            count(float(self.requests)),
            self.seconds
        )?;
        writeln!(f, "  {:<10}{}", "latency", self.latency)?;
        if let (Some(reads), Some(writes)) = (&self.reads, &self.writes) {
            writeln!(f, "  {:<10}{reads}", "  reads")?;
            writeln!(f, "  {:<10}{writes}", "  writes")?;
        }
        self.write_answers(f)?;
        if let Some(server) = &self.server {
            writeln!(f, "  {:<10}{server}", "server")?;
        }
        self.write_generator(f)
    }
}

impl Report {
    fn write_answers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = "answers";
        if self.is_clean() && self.misses == 0 {
            return writeln!(f, "  {label:<10}all as expected");
        }
        writeln!(
            f,
            "  {label:<10}{} errors, {} misses, {} wrong values, {} connections lost",
            self.error_count(),
            self.misses,
            self.mismatches,
            self.lost_connections
        )?;
        for (kind, error) in &self.errors {
            writeln!(f, "    {kind} × {}: {}", error.count, error.example)?;
        }
        Ok(())
    }

    fn write_generator(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let busy = self.generator_busy * 100.0;
        write!(f, "  {:<10}{busy:.0} % busy", "generator")?;
        if self.generator_busy > GENERATOR_BUSY_MAX {
            write!(f, "; it may be what limits: try more --threads")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for LoadSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} over {}: {} clients × {} requests, {} keys of {} + {} bytes {}, {:.0} % reads, \
             seed {}",
            self.addr,
            self.protocol,
            self.clients,
            self.pipeline,
            count(float(self.keys)),
            self.key_bytes,
            self.value_bytes,
            self.distribution,
            self.read_share * 100.0,
            self.seed
        )?;
        if let Some(rate) = self.rate {
            write!(f, ", {} ops/s wanted", count(rate))?;
        }
        if self.verified {
            write!(f, ", verified")?;
        }
        Ok(())
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {}   p99 {}   p99.9 {}   max {}",
            duration(self.p50_us),
            duration(self.p99_us),
            duration(self.p999_us),
            duration(self.max_us)
        )
    }
}

impl fmt::Display for ServerCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s CPU, {:.2} µs/op, RSS {} (was {})",
            self.cpu_seconds,
            self.cpu_us_per_op,
            bytes(float(self.rss_bytes_after)),
            bytes(float(self.rss_bytes_before))
        )
    }
}

fn micros(nanos: u64) -> f64 {
    float(nanos) / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn float(value: u64) -> f64 {
    value as f64
}
