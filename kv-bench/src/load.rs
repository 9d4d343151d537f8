//! A closed loop: so many clients, each of which sends its next requests once the last ones are
//! answered.
//!
//! A few threads, one epoll each, drive all connections (`worker`); the caller coordinates:
//! warm up, record, stop. The generator notes its own processor time, so that a result that
//! measured the generator and not the server can be told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Serialize;

use crate::clock::now;
use crate::interrupt;
use crate::process::Usage;
use crate::protocol::{Native, Protocol, Resp};
use crate::workload::{Operations, Random, Share, Workload};

mod connection;
mod control;
mod input;
mod ledger;
mod pace;
pub mod report;
mod tally;
mod worker;

pub use report::{Latency, Report, ServerCost};
pub use tally::ErrorCount;

use connection::Connection;
use control::Control;
use pace::Pace;
use tally::Tally;
use worker::{Rhythm, Worker};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);
const CLIENT_COUNT_MAX: usize = 10_000;
const PIPELINE_MAX: u64 = 100_000;
/// Requests of a preload written together; it is to be quick, not measured.
const PRELOAD_PIPELINE: u64 = 64;

/// Which protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// The Redis protocol.
    Resp,
    /// Ours.
    Native,
}

impl FromStr for Wire {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Wire> {
        match text {
            "resp" => Ok(Wire::Resp),
            "native" => Ok(Wire::Native),
            _ => bail!("no such protocol: {text:?}; use resp or native"),
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wire::Resp => "resp",
            Wire::Native => "native",
        })
    }
}

/// Who asks what of whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The server.
    pub addr: SocketAddr,
    /// Which protocol is spoken.
    pub wire: Wire,
    /// Connections, 1 to 10,000.
    pub client_count: usize,
    /// Requests a connection writes together, 1 to 100,000.
    pub pipeline: u64,
    /// Generating threads, 1 to the number of clients.
    pub thread_count: usize,
    /// What is asked.
    pub workload: Workload,
    /// Decides the operations.
    pub seed: u64,
    /// Whether answers are checked; each client then uses only its own keys.
    pub verify: bool,
    /// Requests a second, all clients together; as fast as they are answered if absent.
    pub rate: Option<f64>,
    /// Longest wait for any answer before the load is given up.
    pub timeout: Duration,
}

/// How long a load lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Load before anything is recorded.
    pub warmup: Duration,
    /// What is recorded.
    pub length: Length,
    /// The server's process, whose use of processor and memory is noted.
    pub pid: Option<u32>,
}

/// When recording ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// After a time.
    Time(Duration),
    /// After so many answers.
    Requests(u64),
}

/// What a load is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Writing every key once.
    Preload,
    /// Nothing is recorded yet.
    WarmUp,
    /// Answers count.
    Record,
}

/// Is told, about ten times a second, how far a load is: the phase, the answers since it began,
/// and the share of it that is done.
pub type Observer<'a> = &'a mut dyn FnMut(Phase, u64, f64);

/// Writes every key once.
///
/// # Errors
///
/// If the server cannot be reached, refuses a write or is lost, or the load is interrupted.
pub fn preload(settings: &Settings, observe: Observer<'_>) -> Result<()> {
    let settings = Settings {
        pipeline: PRELOAD_PIPELINE,
        rate: None,
        verify: false,
        ..settings.clone()
    };
    let key_count = settings.workload.space.key_count();
    let control = Control::new(None);
    control.set_recording(true);
    let running = Running::start_with(&settings, control, |client| {
        Operations::fill(
            part(key_count, client, settings.client_count),
            settings.seed ^ client,
        )
    })?;
    running.wait(None, &mut |answered| {
        observe(Phase::Preload, answered, ratio(answered, key_count));
    })?;
    let tally = running.stop()?;
    if let Some((_, error)) = tally.errors.first_key_value() {
        bail!(
            "the preload was refused {} times: {}",
            error.count,
            error.example
        );
    }
    ensure!(
        tally.writes.len() == key_count,
        "the preload lost {} connections",
        tally.lost_connections
    );
    Ok(())
}

/// Runs a load as planned.
///
/// # Errors
///
/// If the settings are out of bounds, the server cannot be reached or is lost, or the load is
/// interrupted.
pub fn run(settings: &Settings, plan: &Plan, observe: Observer<'_>) -> Result<Report> {
    let limit = match plan.length {
        Length::Requests(count) => Some(count),
        Length::Time(_) => None,
    };
    let running = Running::start(settings, limit)?;
    warm_up(&running, plan, observe)?;
    let before = Usages::read(plan.pid)?;
    let start = now();
    let answered_before = running.answered();
    running.record();
    let duration = match plan.length {
        Length::Time(duration) => Some(duration),
        Length::Requests(_) => None,
    };
    running.wait(duration, &mut |answered| {
        let answered = answered - answered_before;
        let done = match plan.length {
            Length::Time(duration) => (now() - start).as_secs_f64() / duration.as_secs_f64(),
            Length::Requests(count) => ratio(answered, count),
        };
        observe(Phase::Record, answered, done.min(1.0));
    })?;
    running.pause();
    let elapsed = now() - start;
    let after = Usages::read(plan.pid)?;
    let tally = running.stop()?;
    Ok(Report::new(settings, &tally, elapsed, &before, &after))
}

fn warm_up(running: &Running, plan: &Plan, observe: Observer<'_>) -> Result<()> {
    if plan.warmup.is_zero() {
        return Ok(());
    }
    let start = now();
    running.wait(Some(plan.warmup), &mut |answered| {
        let done = (now() - start).as_secs_f64() / plan.warmup.as_secs_f64();
        observe(Phase::WarmUp, answered, done.min(1.0));
    })
}

/// What the server and the generator had used at one moment.
#[derive(Debug, Clone, Copy)]
struct Usages {
    server: Option<Usage>,
    own: Usage,
}

impl Usages {
    fn read(pid: Option<u32>) -> Result<Usages> {
        let server = pid
            .map(|pid| Usage::of(pid).with_context(|| format!("cannot observe process {pid}")))
            .transpose()?;
        Ok(Usages {
            server,
            own: Usage::own().context("cannot observe this process")?,
        })
    }
}

/// A load in progress. Dropped, it stops.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    threads: Vec<JoinHandle<Result<Tally>>>,
    /// Disconnected once every thread has ended.
    ended: Receiver<Infallible>,
}

impl Running {
    /// Connects all clients and lets them go, without recording. Later at most `limit` requests
    /// are recorded.
    ///
    /// # Errors
    ///
    /// If the settings are out of bounds or the server cannot be reached.
    pub fn start(settings: &Settings, limit: Option<u64>) -> Result<Running> {
        let mut seeds = Random::new(settings.seed);
        Running::start_with(settings, Control::new(limit), |client| {
            let share = if settings.verify {
                Share::Own {
                    index: client,
                    count: settings.client_count as u64,
                }
            } else {
                Share::All
            };
            Operations::random(&settings.workload, share, seeds.next_u64())
        })
    }

    fn start_with(
        settings: &Settings,
        control: Control,
        operations: impl FnMut(u64) -> Operations,
    ) -> Result<Running> {
        settings.check()?;
        let space = &settings.workload.space;
        match settings.wire {
            Wire::Resp => {
                let resp = Resp::new(space);
                start(settings, control, operations, || resp.clone())
            }
            Wire::Native => {
                let native = Native::new(space).context("a write is too large")?;
                start(settings, control, operations, || native.clone())
            }
        }
    }

    /// Makes answers count from now on.
    pub fn record(&self) {
        self.control.set_recording(true);
    }

    /// Makes answers count no more.
    pub fn pause(&self) {
        self.control.set_recording(false);
    }

    /// Answers since the start, recorded or not.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.control.answered()
    }

    /// Waits until the load ends by itself or `duration` is over, telling `observe` the answers
    /// so far.
    ///
    /// # Errors
    ///
    /// If the process is asked to end.
    pub fn wait(&self, duration: Option<Duration>, observe: &mut dyn FnMut(u64)) -> Result<()> {
        let start = now();
        loop {
            let left = duration.map_or(TICK, |duration| duration.saturating_sub(now() - start));
            match self.ended.recv_timeout(left.min(TICK)) {
                Ok(never) => match never {},
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            interrupt::check()?;
            observe(self.answered());
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    /// Ends all threads and returns the latency of the recorded writes and reads.
    ///
    /// # Errors
    ///
    /// If a thread lost all its connections.
    pub fn latency(self) -> Result<Latency> {
        Ok(Latency::of(&self.stop()?.all()))
    }

    fn stop(mut self) -> Result<Tally> {
        self.control.stop();
        let mut sum = Tally::new();
        for thread in self.threads.drain(..) {
            let tally = thread
                .join()
                .map_err(|_| anyhow!("a generating thread panicked"))??;
            sum.add(&tally);
        }
        Ok(sum)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.stop();
        for thread in self.threads.drain(..) {
            // Its result is of no interest to whoever gave the load up.
            let _ = thread.join();
        }
    }
}

impl Settings {
    fn check(&self) -> Result<()> {
        let is_within = |value, most| (1..=most).contains(&value);
        ensure!(
            is_within(self.client_count, CLIENT_COUNT_MAX),
            "clients must be 1 to {CLIENT_COUNT_MAX}"
        );
        ensure!(
            is_within(self.thread_count, self.client_count),
            "threads must be 1 to the number of clients"
        );
        ensure!(
            (1..=PIPELINE_MAX).contains(&self.pipeline),
            "the pipeline must be 1 to {PIPELINE_MAX}"
        );
        ensure!(
            (0.0..=1.0).contains(&self.workload.read_share),
            "the read share must be 0 to 1"
        );
        ensure!(
            self.rate.is_none_or(|rate| rate.is_finite() && rate > 0.0),
            "the rate must be above 0"
        );
        let key_count = self.workload.space.key_count();
        ensure!(
            !self.verify || key_count >= self.client_count as u64,
            "to verify there must be at least one key a client"
        );
        Ok(())
    }

    /// One thread's share of the rate, as batches.
    fn pace(&self) -> Option<Pace> {
        let threads = u32::try_from(self.thread_count).unwrap_or(u32::MAX);
        self.rate.map(|rate| {
            #[expect(clippy::cast_precision_loss, reason = "at most 100,000")]
            let batch = self.pipeline as f64;
            Pace::new(
                now(),
                Duration::from_secs_f64(f64::from(threads) * batch / rate),
            )
        })
    }
}

fn start<P: Protocol + 'static>(
    settings: &Settings,
    control: Control,
    mut operations: impl FnMut(u64) -> Operations,
    protocol: impl Fn() -> P,
) -> Result<Running> {
    let mut parts: Vec<Vec<Connection<P>>> = Vec::new();
    parts.resize_with(settings.thread_count, Vec::new);
    for client in 0..settings.client_count {
        let connection = Connection::new(
            connect(settings.addr)?,
            protocol(),
            settings.workload.space.clone(),
            operations(client as u64),
            settings.verify,
            now(),
        );
        parts[client % settings.thread_count].push(connection);
    }
    let control = Arc::new(control);
    let (ending, ended) = mpsc::channel();
    let mut running = Running {
        control: Arc::clone(&control),
        threads: Vec::new(),
        ended,
    };
    for connections in parts {
        let rhythm = Rhythm {
            pipeline: settings.pipeline,
            pace: settings.pace(),
            timeout: settings.timeout,
        };
        let worker = Worker::new(connections, rhythm, Arc::clone(&control))?;
        let (control, ending) = (Arc::clone(&control), ending.clone());
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || run_worker(worker, &control, ending))
            .context("cannot start a generating thread")?;
        running.threads.push(thread);
    }
    Ok(running)
}

/// If one thread fails the others stop too. `ending` says so by being dropped.
fn run_worker<P: Protocol>(
    worker: Worker<P>,
    control: &Control,
    ending: mpsc::Sender<Infallible>,
) -> Result<Tally> {
    let result = worker.run();
    if result.is_err() {
        control.stop();
    }
    drop(ending);
    result
}

fn connect(addr: SocketAddr) -> Result<mio::net::TcpStream> {
    let stream = std::net::TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)
        .with_context(|| format!("cannot connect to {addr}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(mio::net::TcpStream::from_std(stream))
}

/// Which of `count` keys are written by one of `parts`.
fn part(count: u64, index: u64, parts: usize) -> std::ops::Range<u64> {
    let edge = |index: u64| {
        let edge = u128::from(count) * u128::from(index) / parts as u128;
        u64::try_from(edge).expect("at most the count: fits")
    };
    edge(index)..edge(index + 1)
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

/// Errors by kind, as reports show them.
pub type Errors = BTreeMap<String, ErrorCount>;

#[cfg(test)]
mod tests;
