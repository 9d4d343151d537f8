//! `kv-cluster-sim`: runs simulations of whole clusters, seed by seed.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command line tool, which says how fast it is"
)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use kv_cluster::sim::{self, SimFailure, SimReport, SimSettings};
use kv_sim::Coverage;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs simulations of whole clusters: the same seed is the same run.
#[derive(Parser)]
struct Args {
    /// One seed, with all that can be said of it.
    #[arg(long, conflicts_with_all = ["seeds", "start"])]
    seed: Option<u64>,
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them [default: 0]
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Begin with a seed that nobody has run; it is printed.
    #[arg(long, conflicts_with_all = ["seed", "start"])]
    fresh: bool,
    /// Threads [default: one a processor]
    #[arg(long)]
    jobs: Option<usize>,
    /// Client operations a seed, at least.
    #[arg(long, default_value_t = 2_000)]
    operations: usize,
    /// Faults a seed.
    #[arg(long, default_value_t = 24)]
    faults: usize,
    /// Tells what happens in a single seed, on stderr: `debug`, or `info` for less.
    #[arg(long, requires = "seed")]
    log: Option<tracing::Level>,
    /// So many seeds are run twice, and must be the same run.
    #[arg(long, default_value_t = 0)]
    twice: u64,
    /// Go on after a seed that failed.
    #[arg(long)]
    keep_going: bool,
    /// Arms a deliberate fault in every node; then a seed must fail.
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    planted: Option<String>,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.fresh {
        args.start = now_ns();
        println!("from seed {} on", args.start);
    }
    if let Some(level) = args.log {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .without_time()
            .init();
    }
    match args.planted() {
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
        Ok(planted) => match Run::new(&args, planted).all() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    }
}

/// A number that no run before has had.
fn now_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

#[cfg(feature = "planted-bugs")]
type Planted = Option<kv_cluster::Bug>;
#[cfg(not(feature = "planted-bugs"))]
type Planted = ();

impl Args {
    #[cfg(feature = "planted-bugs")]
    fn planted(&self) -> Result<Planted, String> {
        let Some(name) = &self.planted else {
            return Ok(None);
        };
        let bugs = kv_cluster::Bug::ALL;
        let found = bugs.into_iter().find(|bug| format!("{bug:?}") == *name);
        match found {
            Some(bug) => Ok(Some(bug)),
            None => Err(format!("no such bug: {name}; there are {bugs:?}")),
        }
    }

    #[cfg(not(feature = "planted-bugs"))]
    #[expect(clippy::unused_self, reason = "the feature's version reads it")]
    #[expect(clippy::unnecessary_wraps, reason = "the feature's version may fail")]
    fn planted(&self) -> Result<Planted, String> {
        Ok(())
    }
}

/// A run of seeds.
struct Run<'a> {
    args: &'a Args,
    planted: Planted,
    next: AtomicU64,
    is_over: AtomicBool,
    result: Mutex<Tally>,
}

struct Tally {
    coverage: Coverage,
    seeds: u64,
    operations: u64,
    recovery_us_max: u64,
    failed: Vec<SimFailure>,
}

impl<'a> Run<'a> {
    fn new(args: &'a Args, planted: Planted) -> Run<'a> {
        Run {
            args,
            planted,
            next: AtomicU64::new(args.seed.unwrap_or(args.start)),
            is_over: AtomicBool::new(false),
            result: Mutex::new(Tally {
                coverage: sim::expected(),
                seeds: 0,
                operations: 0,
                recovery_us_max: 0,
                failed: Vec::new(),
            }),
        }
    }

    /// Whether all went through.
    fn all(self) -> bool {
        let began = Instant::now();
        let jobs = match (self.args.seed, self.args.jobs) {
            (Some(_), _) => 1,
            (None, Some(jobs)) => jobs.max(1),
            (None, None) => thread::available_parallelism().map_or(1, usize::from),
        };
        thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| self.work());
            }
        });
        let seconds = began.elapsed().as_secs_f64();
        let is_single = self.args.seed.is_some();
        let Ok(tally) = self.result.into_inner() else {
            return false;
        };
        tally.print(seconds, is_single || self.args.seeds < 50)
    }

    fn work(&self) {
        let end = match self.args.seed {
            Some(seed) => seed.saturating_add(1),
            None => self.args.start.saturating_add(self.args.seeds),
        };
        while !self.is_over.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let outcome = self.seed(seed);
            self.note(outcome);
        }
    }

    fn seed(&self, seed: u64) -> Result<SimReport, SimFailure> {
        let report = self.once(seed)?;
        let is_first = seed < self.args.start.saturating_add(self.args.twice);
        if is_first && self.args.twice > 0 {
            let again = self.once(seed)?;
            if again.trace_hash != report.trace_hash {
                return Err(SimFailure {
                    seed,
                    at_us: 0,
                    problem: "two runs of the seed differ".to_owned(),
                });
            }
        }
        Ok(report)
    }

    /// A panic is a failure of the seed: a broken invariant of the code that is simulated.
    fn once(&self, seed: u64) -> Result<SimReport, SimFailure> {
        let settings = SimSettings {
            operations_min: self.args.operations,
            faults: self.args.faults,
            ..self.settings(seed)
        };
        catch_unwind(AssertUnwindSafe(|| sim::run(&settings))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(SimFailure {
                seed,
                at_us: 0,
                problem: format!("panicked: {}", text.unwrap_or("without a word")),
            })
        })
    }

    #[cfg(feature = "planted-bugs")]
    fn settings(&self, seed: u64) -> SimSettings {
        SimSettings {
            planted: self.planted,
            ..SimSettings::new(seed)
        }
    }

    #[cfg(not(feature = "planted-bugs"))]
    fn settings(&self, seed: u64) -> SimSettings {
        let () = self.planted;
        SimSettings::new(seed)
    }

    fn note(&self, outcome: Result<SimReport, SimFailure>) {
        let Ok(mut tally) = self.result.lock() else {
            return;
        };
        match outcome {
            Ok(report) => {
                if self.args.seed.is_some() {
                    println!("{report}");
                }
                tally.seeds += 1;
                tally.operations += report.checked.operations as u64;
                tally.recovery_us_max = tally.recovery_us_max.max(report.recovery_us);
                tally.coverage.merge(&report.coverage);
            }
            Err(failure) => {
                eprintln!("FAILED {failure}");
                tally.failed.push(failure);
                if !self.args.keep_going {
                    self.is_over.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Tally {
    /// Whether it shows what it was to show.
    fn print(&self, seconds: f64, may_lack: bool) -> bool {
        print!("{}", self.coverage);
        let seeds = self.seeds + self.failed.len() as u64;
        println!(
            "{seeds} seeds in {seconds:.1} s ({:.1} a second), {} operations, longest recovery {} ms",
            rate(seeds, seconds),
            self.operations,
            self.recovery_us_max / 1000
        );
        let missing: Vec<_> = self.coverage.missing().collect();
        let is_covered = missing.is_empty() || may_lack;
        if !is_covered {
            eprintln!("error: it never came to: {}", missing.join(", "));
        }
        for failure in &self.failed {
            eprintln!(
                "error: seed {} failed; run it with --seed {0}",
                failure.seed
            );
        }
        is_covered && self.failed.is_empty()
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn rate(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}
