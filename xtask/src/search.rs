//! `cargo xtask search`: what is acknowledged is found at once, and what is gone is not.
//!
//! Writers store, overwrite and delete texts and structures with words that nothing else has. Each
//! acknowledgement is handed to a searcher, which looks for the new content by word, by value, by
//! field and by meaning, and for the content that it replaced. Then the node is killed and started
//! again, and everything is looked for once more.
//!
//! 1. A key that is looked for does not change meanwhile: its writer waits for the verdict.
//! 2. A claim is handed over only to a searcher that is free, so that it looks at once.

mod claim;
mod searcher;
mod version;
mod writer;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http;
use crate::node::{Node, Options, tail};
use crate::random::Random;
use crate::resp::{Connection, command};
use crate::scratch;
use crate::workspace::{Profile, Workspace};
use searcher::Counts;
use writer::Writer;

/// How long a reply may take.
const REPLY_MAX: Duration = Duration::from_secs(30);

/// How often and how long we look for the indexes to be built.
const BUILD_TRIES: usize = 3000;
const BUILD_PAUSE: Duration = Duration::from_millis(20);

/// Arguments of `cargo xtask search`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long there is load, over all rounds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Connections that write.
    #[arg(long, default_value_t = 8)]
    writers: usize,
    /// Connections that search.
    #[arg(long, default_value_t = 8)]
    searchers: usize,
    /// How often the node is killed.
    #[arg(long, default_value_t = 2)]
    rounds: u32,
    /// Keys of each writer.
    #[arg(long, default_value_t = 200)]
    keys: usize,
    /// Search the optimised build.
    #[arg(long)]
    release: bool,
    /// Repeats the same choices, though not the same timing [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Passed on to the server.
    #[arg(last = true, value_name = "SERVER FLAGS")]
    server_args: Vec<String>,
}

/// What happened, for the report.
#[derive(Default)]
struct Tally {
    load: Duration,
    under_load: Counts,
    after_restart: Counts,
    builds: Vec<Duration>,
}

/// What the threads of a round say when something is wrong.
type Complaints = Sender<anyhow::Error>;

/// Writes, searches, kills, restarts and searches, `--rounds` times.
///
/// # Errors
///
/// When something acknowledged is not found, or something is found that is gone.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.rounds > 0 && args.writers > 0, "nobody would write");
    ensure!(
        args.keys > args.searchers,
        "a writer needs a key that no searcher looks for"
    );
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(args.release);
    let program = workspace.build(&["kv-node"], profile)?.join("kv-node");
    let dir = scratch::empty_dir(&workspace, "search")?;
    let mut options = Options::on_free_ports(program, dir.join("data"));
    options.log = Some(dir.join("node.log"));
    options.args = args.server_args.iter().map(Into::into).collect();
    let seed = args.seed.unwrap_or_else(Random::fresh_seed);
    eprintln!("search: seed {seed}");
    let mut random = Random::new(seed);
    let mut writers: Vec<Writer> = (0..args.writers)
        .map(|id| Writer::new(id, args.keys, random.next()))
        .collect();
    let tally = rounds(args, &options, &mut writers)
        .with_context(|| format!("seed {seed}; the data dir is kept in {}", dir.display()))?;
    println!("{}", tally.report(args, &writers));
    Ok(())
}

fn rounds(args: &Args, options: &Options, writers: &mut Vec<Writer>) -> Result<Tally> {
    let mut tally = Tally::default();
    let life = Duration::from_secs(args.seconds) / args.rounds;
    let mut node = start(options, &mut tally)?;
    for round in 1..=args.rounds {
        let counts = load_and_kill(node, options, args.searchers, writers, life)
            .with_context(|| format!("under load, round {round}"))?;
        tally.under_load.add(&counts);
        tally.load += life;
        node = start(options, &mut tally)?;
        verify(&node, writers, &mut tally).with_context(|| format!("after kill {round}"))?;
    }
    node.stop()?;
    Ok(tally)
}

/// A node whose indexes are built.
fn start(options: &Options, tally: &mut Tally) -> Result<Node> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of a restart is reported"
    )]
    let started = Instant::now();
    let node = options.start().context("the node does not come back")?;
    for _ in 0..BUILD_TRIES {
        let status = http::get_json(node.admin_addr(), "/status")?;
        if status["indexes"]["built"] == true {
            tally.builds.push(started.elapsed());
            return Ok(node);
        }
        thread::sleep(BUILD_PAUSE);
    }
    bail!("the indexes were not built after {BUILD_TRIES} looks")
}

/// Lets everybody write and search until the node is gone; the searches.
fn load_and_kill(
    mut node: Node,
    options: &Options,
    searcher_count: usize,
    writers: &mut Vec<Writer>,
    life: Duration,
) -> Result<Counts> {
    let (complaints, heard) = channel();
    // Without room in it, a claim waits for a searcher, not in line.
    let (claims, taken) = sync_channel(0);
    let taken = Arc::new(Mutex::new(taken));
    let searchers: Vec<_> = (0..searcher_count)
        .map(|_| {
            let (addr, taken) = (node.client_addr().to_owned(), Arc::clone(&taken));
            spawn(&complaints, move || {
                searcher::search_until_gone(&addr, &taken)
            })
        })
        .collect();
    drop(taken);
    let writing: Vec<_> = writers
        .drain(..)
        .map(|mut writer| {
            let (addr, claims) = (node.client_addr().to_owned(), claims.clone());
            spawn(&complaints, move || {
                writer.write_until_gone(&addr, &claims).map(|()| writer)
            })
        })
        .collect();
    drop((claims, complaints));
    let complaint = wait(&heard, life, &mut node, options);
    node.kill()?;
    writers.extend(writing.into_iter().filter_map(join));
    let mut counts = Counts::default();
    for searched in searchers.into_iter().filter_map(join) {
        counts.add(&searched);
    }
    // Somebody may have found something in the last moment.
    let late = heard.try_iter().next();
    complaint.or(late).map_or(Ok(counts), Err)
}

/// Runs `task`; if it fails, it complains.
fn spawn<T: Send + 'static>(
    complaints: &Complaints,
    task: impl FnOnce() -> Result<T> + Send + 'static,
) -> thread::JoinHandle<Option<T>> {
    let complaints = complaints.clone();
    thread::spawn(move || match task() {
        Ok(result) => Some(result),
        Err(error) => {
            // Nobody listens any more once the first complaint was heard.
            let _ = complaints.send(error);
            None
        }
    })
}

fn join<T>(thread: thread::JoinHandle<Option<T>>) -> Option<T> {
    thread.join().expect("neither writers nor searchers panic")
}

/// Waits for the first complaint, at most for `life`.
fn wait(
    heard: &Receiver<anyhow::Error>,
    life: Duration,
    node: &mut Node,
    options: &Options,
) -> Option<anyhow::Error> {
    match heard.recv_timeout(life) {
        Ok(complaint) => Some(complaint),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            let log = options.log.as_deref().map(tail).unwrap_or_default();
            let ended = node.ended();
            Some(anyhow::anyhow!(
                "everybody lost the connection; the node: {ended:?}; its log ends with\n{log}"
            ))
        }
    }
}

/// Looks for everything that was acknowledged, and for what it replaced.
fn verify(node: &Node, writers: &mut [Writer], tally: &mut Tally) -> Result<()> {
    let mut connection = Connection::open(node.client_addr(), REPLY_MAX)?;
    let mut key_count = 0;
    for writer in writers {
        key_count += writer.verify(&mut connection, &mut tally.after_restart)?;
    }
    let found = connection.call(&command(&["DBSIZE"]))?.integer();
    let expected = i64::try_from(key_count).ok();
    ensure!(
        found == expected,
        "{found:?} keys, though {expected:?} were acknowledged"
    );
    Ok(())
}

impl Tally {
    fn report(&self, args: &Args, writers: &[Writer]) -> String {
        let writes: u64 = writers.iter().map(Writer::acknowledged).sum();
        let per_second = |count: u64| count / self.load.as_secs().max(1);
        format!(
            "search: {writes} writes acknowledged ({}/s), then {} searches ({}/s): {}; \
             after {} kills {} searches: {}; 0 missed, 0 found that were gone; \
             start until built at most {:.0?}",
            per_second(writes),
            self.under_load.sum(),
            per_second(self.under_load.sum()),
            self.under_load,
            args.rounds,
            self.after_restart.sum(),
            self.after_restart,
            self.builds.iter().max().copied().unwrap_or_default(),
        )
    }
}
