//! `kv-bench load`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use kv_bench::load::{self, Length, Plan, Settings, Wire};
use kv_bench::progress::Progress;
use kv_bench::workload::{Distribution, KeySpace, Workload};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The server, HOST:PORT.
    #[arg(short, long, default_value = "127.0.0.1:5000")]
    addr: String,
    /// Which protocol is spoken: resp or native.
    #[arg(long, default_value = "resp")]
    protocol: Wire,
    /// Connections, 1 to 10,000.
    #[arg(short, long, default_value_t = 50)]
    clients: usize,
    /// Requests a connection writes together; the next ones follow once all are answered.
    #[arg(short = 'P', long, default_value_t = 1)]
    pipeline: u64,
    /// Generating threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Number of keys.
    #[arg(short, long, default_value_t = 1_000_000)]
    keys: u64,
    /// Size of a key.
    #[arg(long, default_value_t = 20)]
    key_bytes: usize,
    /// Size of a value.
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// Share of reads, 0 to 1.
    #[arg(short, long, default_value_t = 0.5)]
    read_share: f64,
    /// How keys are drawn: uniform, zipf or zipf:THETA.
    #[arg(short, long, default_value = "uniform")]
    distribution: Distribution,
    /// How long to record, in seconds.
    #[arg(short, long, default_value_t = 10.0, value_parser = seconds)]
    seconds: f64,
    /// How many answers to record, instead of a time.
    #[arg(short = 'n', long, conflicts_with = "seconds")]
    requests: Option<u64>,
    /// Load before recording, in seconds.
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    warmup: f64,
    /// Write every key once before all else.
    #[arg(long)]
    preload: bool,
    /// Check every value read. Each client then uses only its own keys and knows what they hold.
    #[arg(long)]
    verify: bool,
    /// Requests a second, all clients together; as fast as they are answered if absent.
    #[arg(long)]
    rate: Option<f64>,
    /// Decides the operations.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The server's process id, to note its use of processor and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// Give up if no answer comes for so many seconds.
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    timeout: f64,
    /// Write the result as JSON to FILE, or with - to stdout instead of the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// At most a week.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    const SECONDS_MAX: f64 = 7.0 * 24.0 * 3_600.0;
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds))
        .ok_or_else(|| format!("not a number from 0 to {SECONDS_MAX}"))
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let settings = arguments.settings()?;
    let report = {
        let progress = Progress::new();
        let mut observe = |phase, answered, done| progress.show(phase, answered, done);
        if arguments.preload {
            load::preload(&settings, &mut observe)?;
        }
        load::run(&settings, &arguments.plan(), &mut observe)?
    };
    if let Some(path) = &arguments.json {
        super::write_json(path, &report)?;
    }
    if arguments.json.as_deref() != Some(Path::new("-")) {
        super::print(&report.to_string())?;
    }
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Arguments {
    fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            addr: resolve(&self.addr)?,
            wire: self.protocol,
            client_count: self.clients,
            pipeline: self.pipeline,
            thread_count: self.threads,
            workload: Workload {
                space: KeySpace::new(self.keys, self.key_bytes, self.value_bytes)?,
                read_share: self.read_share,
                distribution: self.distribution,
            },
            seed: self.seed,
            verify: self.verify,
            rate: self.rate,
            timeout: Duration::from_secs_f64(self.timeout),
        })
    }

    fn plan(&self) -> Plan {
        Plan {
            warmup: Duration::from_secs_f64(self.warmup),
            length: match self.requests {
                Some(count) => Length::Requests(count),
                None => Length::Time(Duration::from_secs_f64(self.seconds)),
            },
            pid: self.pid,
        }
    }
}

fn resolve(addr: &str) -> Result<SocketAddr> {
    addr.to_socket_addrs()
        .with_context(|| format!("cannot resolve {addr:?}; expected HOST:PORT"))?
        .next()
        .with_context(|| format!("{addr:?} has no address"))
}
