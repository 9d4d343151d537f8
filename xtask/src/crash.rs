//! `cargo xtask crash`: kill -9 at random moments under load; nothing acknowledged may be lost.
//!
//! Clients write over pipelined connections and remember what was acknowledged. After each restart
//! on the same directory every key must hold a state that was sent no earlier than the last one
//! acknowledged, whole batches together, and there must be no key that nobody wrote.
//!
//! It does not test the sync: what the kernel was given survives the death of a process. The
//! simulated disk of `kv-wal` loses what was not synced, and `cargo xtask strace` watches the order.

mod client;
mod slot;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::node::{Node, Options};
use crate::random::Random;
use crate::resp::{Connection, command};
use crate::scratch;
use crate::workspace::{Profile, Workspace};
use client::Client;

/// How long a reply may take.
pub(crate) const REPLY_MAX: Duration = Duration::from_secs(30);

/// The node lives between these two under load, milliseconds.
const LIFE_MS: (usize, usize) = (20, 500);

/// Arguments of `cargo xtask crash`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often the node is killed.
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// Connections that write.
    #[arg(long, default_value_t = 6)]
    clients: usize,
    /// Most writes that a connection sends before it waits.
    #[arg(long, default_value_t = 32)]
    pipeline: usize,
    /// Kill the optimised build.
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
    acknowledged: usize,
    unanswered: usize,
    restarts: Vec<Duration>,
}

/// Kills, restarts and looks, `--rounds` times.
///
/// # Errors
///
/// When something acknowledged is gone, a batch is torn, or the node does not come back.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(args.release);
    let program = workspace.build(&["kv-node"], profile)?.join("kv-node");
    let dir = scratch::empty_dir(&workspace, "crash")?;
    let mut options = Options::on_free_ports(program, dir.join("data"));
    options.log = Some(dir.join("node.log"));
    options.args = args.server_args.iter().map(Into::into).collect();
    let seed = args.seed.unwrap_or_else(Random::fresh_seed);
    eprintln!("crash: seed {seed}");
    let tally = rounds(args, &options, &mut Random::new(seed))
        .with_context(|| format!("seed {seed}; the data dir is kept in {}", dir.display()))?;
    println!("{}", tally.report(args));
    Ok(())
}

fn rounds(args: &Args, options: &Options, random: &mut Random) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut clients: Vec<Client> = (0..args.clients)
        .map(|id| Client::new(id, args.pipeline, random.next()))
        .collect();
    let mut node = options.start()?;
    for round in 1..=args.rounds {
        let life = LIFE_MS.0 + random.below(LIFE_MS.1 - LIFE_MS.0);
        clients = load_and_kill(node, clients, Duration::from_millis(life as u64))?;
        node = restart(options, &mut tally)?;
        verify(&node, &mut clients, &mut tally).with_context(|| format!("after kill {round}"))?;
    }
    node.stop()?;
    Ok(tally)
}

/// Lets every client write until the node is gone.
fn load_and_kill(node: Node, clients: Vec<Client>, life: Duration) -> Result<Vec<Client>> {
    let addr = node.client_addr().to_owned();
    let threads: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let addr = addr.clone();
            thread::spawn(move || client.write_until_gone(&addr).map(|()| client))
        })
        .collect();
    thread::sleep(life);
    node.kill()?;
    threads
        .into_iter()
        .map(|thread| thread.join().expect("a client does not panic"))
        .collect()
}

fn restart(options: &Options, tally: &mut Tally) -> Result<Node> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of a restart is reported"
    )]
    let started = Instant::now();
    let node = options.start().context("the node does not come back")?;
    tally.restarts.push(started.elapsed());
    Ok(node)
}

fn verify(node: &Node, clients: &mut [Client], tally: &mut Tally) -> Result<()> {
    let mut connection = Connection::open(node.client_addr(), REPLY_MAX)?;
    let mut key_count = 0;
    for client in clients {
        let (acknowledged, unanswered) = client.counts();
        tally.acknowledged += acknowledged;
        tally.unanswered += unanswered;
        key_count += client.verify(&mut connection)?;
    }
    let found = connection.call(&command(&["DBSIZE"]))?.integer();
    let expected = i64::try_from(key_count).ok();
    ensure!(
        found == expected,
        "{found:?} keys, though only {expected:?} were written"
    );
    Ok(())
}

impl Tally {
    fn report(&self, args: &Args) -> String {
        let mut restarts = self.restarts.clone();
        restarts.sort();
        let median = restarts
            .get(restarts.len() / 2)
            .copied()
            .unwrap_or_default();
        format!(
            "crash: {} kills, {} clients: all of {} acknowledged writes found, {} unanswered; \
             restart median {median:.0?}, longest {:.0?}",
            args.rounds,
            args.clients,
            self.acknowledged,
            self.unanswered,
            restarts.last().copied().unwrap_or_default(),
        )
    }
}
