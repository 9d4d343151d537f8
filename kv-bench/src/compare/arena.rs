//! What all measurements share: where servers run, how they are started, and that runs alternate.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::contender::Contender;
use super::durability::Durability;
use super::results::{Reading, Row, Subject};
use super::server::{Recipe, Server};
use super::table;
use super::workloads::Workload;
use super::{Generator, Options};
use crate::interrupt;
use crate::load::{self, Settings, Wire};
use crate::progress::Progress;
use crate::workload::{self, Distribution};

const LOAD_TIMEOUT: Duration = Duration::from_secs(60);
const PRELOAD_CLIENT_COUNT: usize = 50;

/// The place of a comparison. Dropped, its data is gone.
pub(super) struct Arena<'a> {
    options: &'a Options,
    progress: &'a Progress,
    scratch: TempDir,
    data_dir_count: Cell<u32>,
    /// Share of all workloads that is behind.
    done: Cell<f64>,
    /// Command lines of generators and servers, once each.
    commands: RefCell<Vec<String>>,
}

/// One server of each contender, on empty data.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) ours: Server,
    pub(super) theirs: Server,
}

impl<'a> Arena<'a> {
    pub(super) fn new(options: &'a Options, progress: &'a Progress) -> Result<Arena<'a>> {
        let dir = &options.scratch_dir;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let scratch = tempfile::Builder::new()
            .prefix("compare-")
            .tempdir_in(dir)
            .with_context(|| format!("cannot create a directory in {}", dir.display()))?;
        Ok(Arena {
            options,
            progress,
            scratch,
            data_dir_count: Cell::new(0),
            done: Cell::new(0.0),
            commands: RefCell::new(vec![options.command_line.clone()]),
        })
    }

    pub(super) fn options(&self) -> &Options {
        self.options
    }

    pub(super) fn scratch_dir(&self) -> &Path {
        self.scratch.path()
    }

    pub(super) fn into_commands(self) -> Vec<String> {
        self.commands.into_inner()
    }

    /// Notes that the workload at `index` begins.
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    pub(super) fn begin(&self, workload: Workload, index: usize) {
        self.done
            .set(index as f64 / self.options.workloads.len() as f64);
        self.step(workload.name());
    }

    /// Shows what is being done.
    pub(super) fn step(&self, what: &str) {
        self.progress.show_step(what, self.done.get());
    }

    /// Starts a server on empty data.
    pub(super) fn start(&self, contender: Contender, durability: Durability) -> Result<Server> {
        let recipe = self.recipe(contender, durability);
        self.step(&format!("starting {contender}"));
        let server = Server::start(&recipe, &self.new_data_dir(contender))?;
        self.note_command(server.command_line());
        Ok(server)
    }

    /// Starts one server of each contender on empty data.
    pub(super) fn start_both(&self, durability: Durability) -> Result<Servers> {
        Ok(Servers {
            ours: self.start(Contender::KvNode, durability)?,
            theirs: self.start(Contender::Redis, durability)?,
        })
    }

    /// Writes every key once.
    pub(super) fn preload(&self, server: &Server) -> Result<()> {
        let settings = self.settings(server, 0.0, PRELOAD_CLIENT_COUNT, 1);
        self.step(&format!("preloading {}", server.contender()));
        load::preload(&settings, &mut |_, _, _| {})
            .with_context(|| format!("cannot preload {}", server.contender()))
    }

    /// A load of our own generator on `server`.
    pub(super) fn settings(
        &self,
        server: &Server,
        read_share: f64,
        client_count: usize,
        pipeline: u64,
    ) -> Settings {
        Settings {
            addr: server.addr(),
            wire: Wire::Resp,
            client_count,
            pipeline,
            thread_count: 1,
            workload: workload::Workload {
                space: self.options.space.clone(),
                read_share,
                distribution: Distribution::Uniform,
            },
            seed: 1,
            verify: false,
            rate: None,
            timeout: LOAD_TIMEOUT,
        }
    }

    /// Measures both contenders in turn, A B A B, and makes a row of the readings.
    pub(super) fn compare(
        &self,
        subject: Subject,
        mut measure: impl FnMut(Contender) -> Result<Reading>,
    ) -> Result<Row> {
        let mut pairs = Vec::new();
        for pair in 1..=self.options.pair_count {
            let mut reading = |contender: Contender| {
                let Subject { workload, case, .. } = &subject;
                let of = self.options.pair_count;
                self.step(&format!(
                    "{workload}, {case}: {contender}, run {pair} of {of}"
                ));
                self.settle()?;
                measure(contender)
            };
            pairs.push((reading(Contender::KvNode)?, reading(Contender::Redis)?));
        }
        let row = Row::new(subject, &pairs).context("a measurement is not a number")?;
        self.progress.note(&table::line(&row));
        Ok(row)
    }

    /// Writes what the last run left in the page cache, so that the next one does not pay for it.
    pub(super) fn settle(&self) -> Result<()> {
        interrupt::check()?;
        rustix::fs::sync();
        Ok(())
    }

    pub(super) fn uses_redis_benchmark(&self) -> bool {
        self.options.generator == Generator::RedisBenchmark
    }

    /// Remembers a command line, once.
    pub(super) fn note_command(&self, command: String) {
        let mut commands = self.commands.borrow_mut();
        if !commands.contains(&command) {
            commands.push(command);
        }
    }

    fn recipe(&self, contender: Contender, durability: Durability) -> Recipe {
        let (binary, arguments) = match contender {
            Contender::KvNode => (&self.options.kv_node, &self.options.kv_node_arguments),
            Contender::Redis => (&self.options.redis, &self.options.redis_arguments),
        };
        Recipe {
            contender,
            binary: binary.clone(),
            durability,
            arguments: arguments.clone(),
        }
    }

    fn new_data_dir(&self, contender: Contender) -> PathBuf {
        let number = self.data_dir_count.get() + 1;
        self.data_dir_count.set(number);
        self.scratch.path().join(format!("{contender}-{number}"))
    }
}

impl Servers {
    pub(super) fn of(&self, contender: Contender) -> &Server {
        match contender {
            Contender::KvNode => &self.ours,
            Contender::Redis => &self.theirs,
        }
    }
}
