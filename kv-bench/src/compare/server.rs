//! A server that runs for a comparison, in a data directory of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::client::{Client, Reply};
use super::contender::Contender;
use super::durability::Durability;
use crate::clock::now;
use crate::interrupt;
use crate::process::{POLL_INTERVAL, Process, Usage};

/// Longest time a server may take from start to its first answer.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time it may take to end in good order.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const LOG_LINE_COUNT_SHOWN: usize = 10;

/// How to start one contender.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Which one.
    pub contender: Contender,
    /// Its executable.
    pub binary: PathBuf,
    /// What an acknowledged write has behind it.
    pub durability: Durability,
    /// More arguments; they win over ours.
    pub arguments: Vec<String>,
}

impl Recipe {
    fn command(&self, data_dir: &Path, addresses: Addresses) -> Command {
        let Recipe {
            contender,
            binary,
            durability,
            arguments,
        } = self;
        contender.command(binary, data_dir, addresses, *durability, arguments)
    }
}

fn quoted(word: &str) -> String {
    if word.is_empty() {
        "''".to_owned()
    } else {
        word.to_owned()
    }
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For clients.
    pub client: SocketAddr,
    /// For operators; kv-node only.
    pub admin: SocketAddr,
}

/// A running server. Dropped, it is ended.
#[derive(Debug)]
pub struct Server {
    recipe: Recipe,
    data_dir: PathBuf,
    addresses: Addresses,
    process: Process,
}

impl Server {
    /// Starts it and waits for its first answer.
    ///
    /// # Errors
    ///
    /// If it does not start, ends early, is too slow, or keeps other promises than it should.
    pub fn start(recipe: &Recipe, data_dir: &Path) -> Result<Server> {
        let mut server = Server::spawn(recipe, data_dir)?;
        server.wait_for_keys(0, now() + START_TIMEOUT)?;
        server.check_durability()?;
        Ok(server)
    }

    /// Ends it in good order, starts it again on the same data, and says how long it took from
    /// there until it answered with `key_count` keys.
    ///
    /// # Errors
    ///
    /// If it does not end well or does not come back with its keys.
    pub fn restart(self, key_count: u64) -> Result<(Server, Duration)> {
        let status = self.process.stop(STOP_TIMEOUT)?;
        ensure!(
            status.success(),
            "{} ended with {status}",
            self.recipe.contender
        );
        let start = now();
        let mut server = Server::spawn(&self.recipe, &self.data_dir)?;
        server.wait_for_keys(key_count, start + START_TIMEOUT)?;
        let took = now() - start;
        server.check_durability()?;
        Ok((server, took))
    }

    /// Where clients connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addresses.client
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has used so far.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid()).with_context(|| format!("{} is gone", self.recipe.contender))
    }

    /// A connection for questions.
    ///
    /// # Errors
    ///
    /// If it cannot be reached.
    pub fn client(&self) -> Result<Client> {
        Client::connect(self.addr())
    }

    /// Which one it is.
    #[must_use]
    pub fn contender(&self) -> Contender {
        self.recipe.contender
    }

    /// How it was started, without what differs from run to run.
    #[must_use]
    pub fn command_line(&self) -> String {
        let Addresses { client, admin } = self.addresses;
        let name = self.recipe.contender.to_string();
        let command = self.recipe.command(&self.data_dir, self.addresses);
        let arguments = command
            .get_args()
            .map(|argument| argument.to_string_lossy());
        std::iter::once(name)
            .chain(arguments.map(|argument| quoted(&argument)))
            .collect::<Vec<String>>()
            .join(" ")
            .replace(&self.data_dir.display().to_string(), "DIR")
            .replace(&client.port().to_string(), "PORT")
            .replace(&admin.port().to_string(), "PORT")
    }

    fn spawn(recipe: &Recipe, data_dir: &Path) -> Result<Server> {
        fs::create_dir_all(data_dir)
            .with_context(|| format!("cannot create {}", data_dir.display()))?;
        let addresses = Addresses::free()?;
        let name = recipe.contender.to_string();
        let log = File::create(log_path(data_dir)).context("cannot create a log file")?;
        let mut command = recipe.command(data_dir, addresses);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let process = Process::start(&name, &mut command)
            .with_context(|| format!("cannot start {}", recipe.binary.display()))?;
        Ok(Server {
            recipe: recipe.clone(),
            data_dir: data_dir.to_owned(),
            addresses,
            process,
        })
    }

    /// A server that still loads refuses connections or answers with an error.
    fn wait_for_keys(&mut self, key_count: u64, deadline: Instant) -> Result<()> {
        while self.key_count() != Some(key_count) {
            interrupt::check()?;
            if let Some(status) = self.process.exit_status()? {
                bail!(
                    "{} ended with {status}{}",
                    self.process.name(),
                    self.log_end()
                );
            }
            if now() > deadline {
                let name = self.process.name();
                bail!(
                    "{name} did not answer with {key_count} keys in time{}",
                    self.log_end()
                );
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn key_count(&self) -> Option<u64> {
        let mut client = Client::connect(self.addresses.client).ok()?;
        match client.call(&["DBSIZE"]) {
            Ok(Reply::Integer(count)) => u64::try_from(count).ok(),
            _ => None,
        }
    }

    /// What it says of itself, not what it was told.
    fn check_durability(&self) -> Result<()> {
        let mut client = self.client()?;
        let append_only = client.setting("appendonly")?;
        let append_fsync = client.setting("appendfsync")?;
        let found = Durability::from_config(&append_only, &append_fsync);
        ensure!(
            found == Some(self.recipe.durability),
            "refusing to compare unlike durability: {} says appendonly {append_only}, appendfsync \
             {append_fsync}; wanted: {}",
            self.recipe.contender,
            self.recipe.durability
        );
        Ok(())
    }

    fn log_end(&self) -> String {
        let text = fs::read_to_string(log_path(&self.data_dir)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(LOG_LINE_COUNT_SHOWN);
        lines[start..]
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect()
    }
}

/// Beside the data directory, which is the server's alone.
fn log_path(data_dir: &Path) -> PathBuf {
    data_dir.with_extension("log")
}

impl Addresses {
    /// Two loopback ports that are free now. Somebody else may take them before the server does;
    /// then it ends, and says why.
    fn free() -> Result<Addresses> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (client, admin) = (listen()?, listen()?);
        Ok(Addresses {
            client: client.local_addr()?,
            admin: admin.local_addr()?,
        })
    }
}
