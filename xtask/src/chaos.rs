//! `cargo xtask chaos`: a cluster of real processes under load, while its nodes are killed, paused,
//! cut off from each other and run out of disk; what clients saw must be what one correct node
//! would have shown them.
//!
//! Clients write down what they ask and what they are answered; the history is kept as lines of
//! JSON, and checked by the checkers of `kv-sim`. Real processes have real clocks, sockets and
//! disks; that what was not synced is lost in a power cut, only the simulator shows.

mod client;
mod clocks;
mod disk;
mod native;
mod nemesis;
mod recorder;
mod report;
mod sync_failure;
mod workload;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::members::{FirstPorts, Members, Settings};
use crate::random::Random;
use crate::scratch;
use crate::workspace::{Profile, Workspace};
use client::Client;
use clocks::Clocks;
use disk::SmallDisk;
use native::NativeClient;
use nemesis::{Fault, Means, Nemesis};
use recorder::Recorder;
use report::Report;
use workload::Workload;

/// From a start, or the end of the last fault, until every node is ready again.
const READY_MAX: Duration = Duration::from_secs(30);

/// Clients of the native protocol are numbered from here.
const NATIVE_PROCESS: u64 = 1 << 40;

/// Arguments of `cargo xtask chaos`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is broken.
    #[arg(long, value_enum, default_value_t = Mode::Raft)]
    mode: Mode,
    /// How many nodes there are.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=9))]
    nodes: u8,
    /// For how long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Clients that speak RESP, each with one request at a time.
    #[arg(long, default_value_t = 16)]
    clients: u64,
    /// Clients that speak the native protocol: sessions of `kv`, which increment.
    #[arg(long, default_value_t = 3)]
    native_clients: u64,
    /// Keys that they share at a time.
    #[arg(long, default_value_t = 20)]
    keys: u64,
    /// Only these faults; several separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FAULT")]
    only: Vec<Fault>,
    /// Break the optimised build.
    #[arg(long)]
    release: bool,
    /// Repeats the same choices, though not the same timing [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Passed on to the servers.
    #[arg(last = true, value_name = "SERVER FLAGS")]
    server_args: Vec<String>,
}

/// What a cluster can be.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// Several nodes, one primary.
    Raft,
    /// Several nodes, all of which write.
    P2p,
}

/// Breaks a cluster in many ways and checks what its clients saw.
///
/// # Errors
///
/// When they saw what they must not, or nodes do not come back.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.mode != Mode::Raft {
        bail!("this mode is not available yet; there is --mode raft");
    }
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(args.release);
    let binaries = workspace.build(&["kv-cluster", "kv-client"], profile)?;
    let program = binaries.join("kv-cluster");
    let home = scratch::empty_dir(&workspace, "chaos")?;
    let seed = args.seed.unwrap_or_else(Random::fresh_seed);
    eprintln!("chaos: seed {seed}");
    let settings = Settings {
        program,
        home: home.clone(),
        count: usize::from(args.nodes),
        // Not by the seed: two runs with the same one must not meet.
        first_ports: FirstPorts::anywhere(&mut Random::new(Random::fresh_seed())),
        args: args.server_args.clone(),
    };
    let history = home.join("history.jsonl");
    let told = torment(args, &settings, seed, &history);
    let told = told.with_context(|| format!("seed {seed}; logs and data in {}", home.display()))?;
    println!("{told}");
    Ok(())
}

fn torment(args: &Args, settings: &Settings, seed: u64, history: &Path) -> Result<Report> {
    let mut random = Random::new(seed);
    let nodes = u64::from(args.nodes);
    // The last node's disk is one that can be filled. Mounted first, it is unmounted last.
    let means = Means {
        disk: SmallDisk::mount(&settings.node_dir(nodes - 1))?,
        clocks: Clocks::find(&settings.home, nodes)?,
    };
    let wrapper = |id| means.clocks.as_ref().map(|clocks| clocks.wrapper(id));
    let mut members = settings.start(|id| wrapper(id).unwrap_or_default())?;
    members.wait_ready(READY_MAX)?;
    let recorder = Arc::new(Recorder::start());
    let workload = Arc::new(Workload::new(args.keys));
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for process in 0..args.clients {
        let addrs = members.client_addrs();
        let client = Client::new(process, addrs, random.next(), &recorder, &workload);
        let stop = stop.clone();
        clients.push(thread::spawn(move || client.run(&stop)));
    }
    for process in NATIVE_PROCESS..NATIVE_PROCESS + args.native_clients {
        let (kv, addrs) = (
            settings.program.with_file_name("kv"),
            members.client_addrs(),
        );
        let seed = random.next();
        let client = NativeClient::start(process, &kv, &addrs, seed, &recorder, &workload)?;
        let stop = stop.clone();
        clients.push(thread::spawn(move || client.run(&stop)));
    }
    let mut nemesis = Nemesis::new(random, recorder.clone(), &means, &args.only);
    let tormented = nemesis.run(&mut members, Duration::from_secs(args.seconds));
    stop.store(true, Ordering::Relaxed);
    let served: Result<Vec<()>> = clients
        .into_iter()
        .map(|client| client.join().expect("a client does not panic"))
        .collect();
    let elapsed = recorder.elapsed();
    let reread = tormented.and_then(|()| read_all_again(&members, &recorder, &workload));
    let taken = recorder.take();
    taken.write(BufWriter::new(File::create(history)?))?;
    served?;
    reread?;
    eprintln!("chaos: checking {} events", taken.events().len());
    let checked = kv_sim::check(&taken)
        .with_context(|| format!("the history in {} is wrong", history.display()))?;
    let report = Report::new(&taken, checked, nemesis.faults(), elapsed);
    check_agreement(&members)?;
    members.stop()?;
    Ok(report)
}

/// Reads every key that was ever used, through another client.
fn read_all_again(
    members: &Members,
    recorder: &Arc<Recorder>,
    workload: &Arc<Workload>,
) -> Result<()> {
    let process = u64::MAX;
    let addrs = members.client_addrs();
    Client::new(process, addrs, 0, recorder, workload).read_all()
}

/// All nodes have applied the same writes and have as many keys.
fn check_agreement(members: &Members) -> Result<()> {
    let states = || -> Vec<Option<(u64, u64)>> {
        let states = members.all().iter().map(|member| {
            let status = member.status()?;
            let number = |name: &str| status[name].as_u64();
            Some((number("applied_index")?, number("key_count")?))
        });
        states.collect()
    };
    let agree = || {
        let states = states();
        (states[0].is_some() && states.iter().all(|state| *state == states[0])).then_some(())
    };
    let agreed = crate::clock::wait_for(READY_MAX, agree);
    ensure!(
        agreed.is_some(),
        "the nodes do not agree on (writes applied, keys): {:?}",
        states()
    );
    Ok(())
}
