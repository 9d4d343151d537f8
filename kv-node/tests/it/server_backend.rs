//! A backend for tests of the server: a map, and a gate that holds calls back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use kv_node::{Backend, Session, Status};
use kv_proto::command::{Set, Watch};
use kv_proto::control::AdminRequest;
use kv_proto::value::EncodedValue;
use kv_proto::{Command, Position, ReadLevel, Reply, Request};
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

/// A map behind a gate.
#[derive(Debug)]
pub(crate) struct MapBackend {
    data: Mutex<Data>,
    gate_is_open: watch::Sender<bool>,
    /// Calls that came to the gate.
    arrived: watch::Sender<usize>,
    /// How recent the reads of the last call had to be.
    pub(crate) read_levels: Mutex<Vec<ReadLevel>>,
    pub(crate) call_count: AtomicUsize,
    pub(crate) shutdown_count: AtomicUsize,
    pub(crate) snapshot_count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Data {
    last_version: u64,
    entries: HashMap<Bytes, (u64, EncodedValue)>,
}

impl Default for MapBackend {
    fn default() -> MapBackend {
        MapBackend {
            data: Mutex::default(),
            gate_is_open: watch::Sender::new(true),
            arrived: watch::Sender::new(0),
            read_levels: Mutex::default(),
            call_count: AtomicUsize::new(0),
            shutdown_count: AtomicUsize::new(0),
            snapshot_count: AtomicUsize::new(0),
        }
    }
}

impl MapBackend {
    /// Calls wait at the gate from now on.
    pub(crate) fn close_gate(&self) {
        self.gate_is_open.send_replace(false);
    }

    /// Calls pass again.
    pub(crate) fn open_gate(&self) {
        self.gate_is_open.send_replace(true);
    }

    /// Returns when `count` calls have come to the gate since the start.
    pub(crate) async fn calls_arrived(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|seen| *seen >= count).await.unwrap();
    }
}

impl Backend for MapBackend {
    async fn call(&self, session: &mut Session, requests: Vec<Request>) -> Vec<Reply> {
        self.call_count.fetch_add(1, Ordering::Relaxed);
        self.arrived.send_modify(|count| *count += 1);
        let mut gate = self.gate_is_open.subscribe();
        gate.wait_for(|open| *open).await.unwrap();
        *self.read_levels.lock() = requests.iter().map(|request| request.read).collect();
        let mut data = self.data.lock();
        let asks_position = requests.iter().any(|request| request.asks_position);
        let commands = requests.into_iter().map(|request| request.command);
        let replies = commands.map(|command| data.execute(command)).collect();
        session.position = asks_position.then_some(Position {
            applied: data.last_version,
            age_ms: 7,
        });
        replies
    }

    async fn admin(&self, request: AdminRequest) -> Reply {
        Reply::Status(format!("{request:?}").into())
    }

    fn register_metrics(&self, registry: &mut Registry) {
        registry.register("map_calls", "Calls", ConstGauge::new(3_u64));
    }

    fn status(&self) -> Status {
        Status {
            mode: "standalone",
            role: "master",
            ready: true,
            health: "ok".into(),
            key_count: self.data.lock().entries.len() as u64,
            ..Status::default()
        }
    }

    fn request_snapshot(&self) -> bool {
        self.snapshot_count.fetch_add(1, Ordering::Relaxed);
        true
    }

    async fn shutdown(&self) {
        self.shutdown_count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Data {
    fn execute(&mut self, command: Command) -> Reply {
        match command {
            Command::Get(key) => self.get(&key),
            Command::MGet(keys) => Reply::Array(keys.iter().map(|key| self.get(key)).collect()),
            Command::Set(Set { key, value, .. }) => self.set(key, value),
            Command::Del(keys) => {
                let removed = keys.iter().filter_map(|key| self.entries.remove(key));
                Reply::count(removed.count())
            }
            Command::DbSize => Reply::count(self.entries.len()),
            Command::IncrBy { key, delta } => self.incr(key, delta),
            Command::Versions(keys) => Reply::Array(
                keys.iter()
                    .map(|key| Reply::Int(self.version(key).cast_signed()))
                    .collect(),
            ),
            Command::Transaction { watches, commands } => self.transaction(&watches, commands),
            other => Reply::err(format!("not for tests: {other:?}")),
        }
    }

    fn get(&self, key: &Bytes) -> Reply {
        match self.entries.get(key) {
            Some((_, value)) => Reply::Value(value.clone()),
            None => Reply::Nil,
        }
    }

    fn set(&mut self, key: Bytes, value: EncodedValue) -> Reply {
        self.last_version += 1;
        self.entries.insert(key, (self.last_version, value));
        Reply::Ok
    }

    fn incr(&mut self, key: Bytes, delta: i64) -> Reply {
        let present = self.entries.get(&key).map_or(Some(0), |(_, value)| {
            std::str::from_utf8(&value.payload).ok()?.parse().ok()
        });
        let Some(number): Option<i64> = present else {
            return Reply::err("value is not an integer or out of range");
        };
        let sum = number + delta;
        self.set(key, EncodedValue::from_bytes(sum.to_string().into()));
        Reply::Int(sum)
    }

    fn version(&self, key: &Bytes) -> u64 {
        self.entries.get(key).map_or(0, |(version, _)| *version)
    }

    fn transaction(&mut self, watches: &[Watch], commands: Vec<Command>) -> Reply {
        let holds = |watch: &Watch| self.version(&watch.key) == watch.version;
        if !watches.iter().all(holds) {
            return Reply::NilArray;
        }
        let replies = commands.into_iter().map(|command| self.execute(command));
        Reply::Array(replies.collect())
    }
}
