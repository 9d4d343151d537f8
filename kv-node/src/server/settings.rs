//! Settings of the part that talks to clients, the same in every mode.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::ArgAction;
use kv_proto::limits::Limits;

use crate::config::{ByteSize, Period};

/// Settings of the part that talks to clients.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Server")]
pub struct ServerSettings {
    /// Address for clients (RESP and native protocol); port 0 takes any free one
    #[arg(long, env = "KV_LISTEN", value_name = "ADDR", default_value_t = Self::default().listen)]
    pub listen: SocketAddr,

    /// Address for /healthz, /readyz, /metrics and /status; port 0 takes any free one
    #[arg(long, env = "KV_ADMIN", value_name = "ADDR", default_value_t = Self::default().admin)]
    pub admin: SocketAddr,

    /// File with the password clients must give; only its owner may read it. Without one, the
    /// server listens on loopback addresses only
    #[arg(long, env = "KV_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Threads that serve connections, 1 to 64; by default half as many as there are processors,
    /// at most 8
    #[arg(long, env = "KV_IO_THREADS", value_name = "N", default_value_t = Self::default().io_threads,
          value_parser = count_between(1, 64))]
    pub io_threads: usize,

    /// Let requests ask for faults (KV.FAULT): for tests only
    #[arg(long, env = "KV_DEBUG_FAULTS", num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = ArgAction::Set)]
    pub debug_faults: bool,

    /// Connections served at once, 1 to 1000000; beyond, a client gets an error and is closed
    #[arg(long, env = "KV_CONNECTIONS_MAX", value_name = "N", default_value_t = Self::default().connections_max,
          value_parser = count_between(1, 1_000_000))]
    pub connections_max: usize,

    /// Size of one request, 64KiB to 512MiB
    #[arg(long, env = "KV_FRAME_BYTES_MAX", value_name = "BYTES", default_value_t = Self::default().frame_bytes_max,
          value_parser = bytes_between(64 << 10, 512 << 20))]
    pub frame_bytes_max: ByteSize,

    /// Replies a client may leave unread, 64KiB to 1GiB; beyond, it is served no further
    #[arg(long, env = "KV_UNREAD_OUTPUT_BYTES_MAX", value_name = "BYTES",
          default_value_t = Self::default().unread_output_bytes_max, value_parser = bytes_between(64 << 10, 1 << 30))]
    pub unread_output_bytes_max: ByteSize,

    /// Time in which a client beyond that must read something, else it is closed; at least 1ms
    #[arg(long, env = "KV_UNREAD_OUTPUT_TIMEOUT", value_name = "TIME",
          default_value_t = Self::default().unread_output_timeout, value_parser = nonzero_period)]
    pub unread_output_timeout: Period,

    /// Time in which a request that has begun must arrive (again for each 64 KiB of it), else the
    /// client is closed; at least 1ms
    #[arg(long, env = "KV_PARTIAL_FRAME_TIMEOUT", value_name = "TIME",
          default_value_t = Self::default().partial_frame_timeout, value_parser = nonzero_period)]
    pub partial_frame_timeout: Period,

    /// Time without a request after which a client is closed, subscribers excepted; 0: never
    #[arg(long, env = "KV_IDLE_TIMEOUT", value_name = "TIME", default_value_t = Self::default().idle_timeout)]
    pub idle_timeout: Period,

    /// Time that requests in progress have to finish when the server stops; at least 1ms
    #[arg(long, env = "KV_SHUTDOWN_TIMEOUT", value_name = "TIME", default_value_t = Self::default().shutdown_timeout,
          value_parser = nonzero_period)]
    pub shutdown_timeout: Period,

    /// Length of a key, 1 byte to 65535 bytes
    #[arg(long, env = "KV_KEY_BYTES_MAX", value_name = "BYTES", default_value_t = Self::default().key_bytes_max,
          value_parser = bytes_between(1, 65_535))]
    pub key_bytes_max: ByteSize,

    /// Length of a value, 1KiB to 256MiB; no longer than half of --frame-bytes-max
    #[arg(long, env = "KV_VALUE_BYTES_MAX", value_name = "BYTES", default_value_t = Self::default().value_bytes_max,
          value_parser = bytes_between(1 << 10, 256 << 20))]
    pub value_bytes_max: ByteSize,

    /// Keys in one request and commands in one MULTI, 1 to 1000000
    #[arg(long, env = "KV_BATCH_OPS_MAX", value_name = "N", default_value_t = Self::default().batch_ops_max,
          value_parser = count_between(1, 1_000_000))]
    pub batch_ops_max: usize,
}

impl Default for ServerSettings {
    fn default() -> ServerSettings {
        let limits = Limits::default();
        ServerSettings {
            listen: (Ipv4Addr::LOCALHOST, 5000).into(),
            admin: (Ipv4Addr::LOCALHOST, 5200).into(),
            password_file: None,
            io_threads: usable_threads(),
            debug_faults: false,
            connections_max: 10_000,
            frame_bytes_max: ByteSize::mib(16),
            unread_output_bytes_max: ByteSize::mib(16),
            unread_output_timeout: Period::seconds(10),
            partial_frame_timeout: Period::seconds(10),
            idle_timeout: Period::seconds(300),
            shutdown_timeout: Period::seconds(10),
            key_bytes_max: ByteSize(limits.key_bytes_max as u64),
            value_bytes_max: ByteSize(limits.value_bytes_max as u64),
            batch_ops_max: limits.batch_ops_max,
        }
    }
}

impl ServerSettings {
    /// What a command may ask of the data.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            key_bytes_max: self.key_bytes_max.as_usize(),
            value_bytes_max: self.value_bytes_max.as_usize(),
            batch_ops_max: self.batch_ops_max,
        }
    }
}

/// The other half is for the log, the system's network code, and everybody else.
fn usable_threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors / 2).clamp(1, 8)
}

fn count_between(min: usize, max: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let count = text.parse::<usize>().map_err(|error| error.to_string())?;
        in_bounds(count, min, max)
    }
}

fn bytes_between(min: u64, max: u64) -> impl Fn(&str) -> Result<ByteSize, String> + Clone {
    move |text| {
        let size = text
            .parse::<ByteSize>()
            .map_err(|error| error.to_string())?;
        in_bounds(size, ByteSize(min), ByteSize(max))
    }
}

fn nonzero_period(text: &str) -> Result<Period, String> {
    let period = text.parse::<Period>().map_err(|error| error.to_string())?;
    match period.as_ms() {
        0 => Err("must be at least 1ms".into()),
        _ => Ok(period),
    }
}

fn in_bounds<T: PartialOrd + std::fmt::Display>(value: T, min: T, max: T) -> Result<T, String> {
    match value >= min && value <= max {
        true => Ok(value),
        false => Err(format!("must be between {min} and {max}")),
    }
}
