//! A Raft cluster in the foreground, to be killed, paused and cut by keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use serde_json::json;

use super::keys::{Event, Keys};
use super::screen::Screen;
use super::table::Table;
use super::writer::Writer;
use super::{Args, POLL};
use crate::clock::now;
use crate::members::{FirstPorts, Member, Members, Settings, State, around};
use crate::workspace::{Profile, Workspace};

/// From the start to a leader.
const READY_MAX: Duration = Duration::from_secs(60);

const HELP: &str = "keys: k kill -9, p pause or go on, n cut off or heal, r restart; then the \
                    number of a node. Ctrl-C stops all";

/// A key that waits for the number of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Kill,
    Pause,
    Cut,
    Restart,
}

/// A cluster and who watches it.
struct Session {
    members: Members,
    writer: Option<Writer>,
    screen: Screen,
    verb: Option<Verb>,
    /// What was done last, or why not.
    note: String,
}

/// Starts the nodes and stays until told to stop.
///
/// # Errors
///
/// When a node does not start, or does not stop cleanly.
pub(super) fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let profile = Profile::release_if(!args.dev);
    let binaries = workspace.build(&["kv-cluster", "kv-client"], profile)?;
    let keys = Keys::listen()?;
    let home = home(args, &workspace)?;
    let settings = Settings {
        program: binaries.join("kv-cluster"),
        home: home.clone(),
        count: usize::from(args.nodes),
        first_ports: FirstPorts {
            client: args.port.unwrap_or(6000),
            peer: args.peer_port,
            admin: args.admin_port.unwrap_or(6200),
        },
        args: args.server_args.clone(),
    };
    let started = now();
    let members = settings.start(|_| Vec::new())?;
    members.wait_ready(READY_MAX)?;
    announce(&members, &home, &binaries.join("kv"), started.elapsed());
    let writer = (!args.no_writer).then(|| Writer::start(members.client_addrs()));
    let session = Session {
        members,
        writer,
        screen: Screen::new(),
        verb: None,
        note: HELP.to_owned(),
    };
    session.watch(keys.events())
}

/// The cluster's directory, emptied if asked for.
fn home(args: &Args, workspace: &Workspace) -> Result<PathBuf> {
    let default = || workspace.target.join("cluster/raft");
    let home = args.data.clone().unwrap_or_else(default);
    if args.fresh && home.exists() {
        if !home.join("ports.json").exists() && fs::read_dir(&home)?.next().is_some() {
            bail!(
                "--fresh: {} does not look like a cluster's; remove it yourself",
                home.display()
            );
        }
        fs::remove_dir_all(&home).with_context(|| format!("cannot wipe {}", home.display()))?;
    }
    Ok(home)
}

fn announce(members: &Members, home: &Path, kv: &Path, took: Duration) {
    let addrs = members.client_addrs().join(",");
    println!("{} nodes, ready after {took:.2?}", members.all().len());
    for member in members.all() {
        let (client, admin) = (member.client_addr(), member.admin_addr());
        println!("  node {}  clients {client}  http {admin}", member.id());
    }
    println!("data and logs in {}", home.display());
    println!("connect with");
    println!("  {} -c {addrs} repl", kv.display());
    println!("  {} -c {addrs} status --watch", kv.display());
    println!("{HELP}");
    let nodes = members.all().iter().map(|member| {
        json!({
            "id": member.id(),
            "client": member.client_addr(),
            "admin": member.admin_addr(),
            "pid": member.pid(),
            "data_dir": member.options().data_dir,
        })
    });
    let ready = json!({ "mode": "raft", "nodes": nodes.collect::<Vec<_>>() });
    println!("READY {ready}");
}

impl Session {
    fn watch(mut self, events: &Receiver<Event>) -> Result<()> {
        loop {
            match events.recv_timeout(POLL) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Key(key)) => self.press(key),
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return self.stop(events),
            }
            for id in self.members.ids() {
                if let Some(end) = self.members.member(id)?.take_ended()? {
                    self.note = end;
                }
            }
            self.show();
        }
    }

    fn show(&mut self) {
        let table = Table::ask(&self.members);
        let tally = self.writer.as_ref().map(|writer| writer.tally().line());
        if self.screen.is_terminal() {
            let mut block = vec![String::new()];
            block.extend(table.lines());
            block.extend(tally);
            block.extend(self.note.lines().map(str::to_owned));
            self.screen.draw(&block);
        } else {
            let loss = self.writer.as_ref().and_then(|w| w.tally().first_loss());
            let loss = loss
                .map(|loss| format!("; LOST: {loss}"))
                .unwrap_or_default();
            self.screen
                .print_change(format!("{}{loss}", table.summary()));
        }
    }

    fn press(&mut self, key: u8) {
        let verb = match key {
            b'k' => Verb::Kill,
            b'p' => Verb::Pause,
            b'n' => Verb::Cut,
            b'r' => Verb::Restart,
            b'0'..=b'9' => return self.choose(u64::from(key - b'0')),
            _ => {
                self.verb = None;
                self.note = HELP.to_owned();
                return;
            }
        };
        self.verb = Some(verb);
        self.note = format!("{}: which node?", verb.name());
    }

    fn choose(&mut self, id: u64) {
        let Some(verb) = self.verb.take() else {
            self.note = HELP.to_owned();
            return;
        };
        self.note = match self.act(verb, id) {
            Ok(done) => done,
            Err(error) => format!("{error:#}"),
        };
    }

    fn act(&mut self, verb: Verb, id: u64) -> Result<String> {
        let ids = self.members.ids();
        let is_cut = self.members.cut().isolates(id, &ids);
        let member = self.members.member(id)?;
        match verb {
            Verb::Kill => {
                member.kill()?;
                Ok(format!("node {id} is dead"))
            }
            Verb::Pause if member.state() == State::Paused => {
                member.revive()?;
                Ok(format!("node {id} goes on"))
            }
            Verb::Pause => {
                member.pause()?;
                Ok(format!("node {id} is paused"))
            }
            Verb::Cut if is_cut => {
                self.members.cut().set([]);
                Ok("all links are whole".to_owned())
            }
            Verb::Cut => {
                self.members.cut().set(around(&[id], &ids));
                Ok(format!("node {id} is cut off from the others"))
            }
            Verb::Restart => {
                if member.state() != State::Dead {
                    member.kill()?;
                }
                member.start()?;
                Ok(format!("node {id} is back"))
            }
        }
    }

    /// Waits for all nodes; a second Ctrl-C kills them.
    fn stop(self, events: &Receiver<Event>) -> Result<()> {
        if let Some(writer) = &self.writer {
            println!("\n{}", writer.tally().line());
        }
        drop(self.writer);
        println!("stopping {} nodes …", self.members.all().len());
        let members = self.members;
        let pids: Vec<u32> = members.all().iter().filter_map(Member::pid).collect();
        let (done, finished) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(members.stop()));
        loop {
            match finished.recv_timeout(Duration::from_millis(20)) {
                Ok(stopped) => return stopped,
                Err(RecvTimeoutError::Disconnected) => bail!("stopping the nodes panicked"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Ok(Event::Stop) = events.try_recv() {
                println!("killing them");
                pids.iter().for_each(|pid| kill(*pid));
            }
        }
    }
}

/// One that ended meanwhile is not there any more: nobody has waited for it yet, so its number is
/// no other process's.
fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Verb::Kill => "kill -9",
            Verb::Pause => "pause",
            Verb::Cut => "cut off",
            Verb::Restart => "restart",
        }
    }
}
