//! The connections of a client, opened when needed.
//!
//! 1. At most `connection_count_max` are open, all to the preferred server; one to another server
//!    is replaced when it is next needed, and finishes what it has in flight.
//! 2. One attempt at a time is made for each place in the pool; other calls wait for it.
//! 3. A call gives up after `connect_attempts_max` rounds over the addresses. Only a refused
//!    password ends it sooner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, sleep_until};

use crate::backoff::{Backoff, random};
use crate::config::Config;
use crate::connect::Connect;
use crate::connection::Connection;
use crate::endpoints::{Endpoints, Pick};
use crate::retry::Failure;
use crate::seen::Seen;

/// See the module.
#[derive(Debug)]
pub(crate) struct Pool {
    config: Config,
    connector: Arc<dyn Connect>,
    seen: Arc<Seen>,
    endpoints: Mutex<Endpoints>,
    slots: Box<[Slot]>,
}

#[derive(Debug, Default)]
struct Slot {
    connection: Mutex<Option<Connection>>,
    connecting: tokio::sync::Mutex<()>,
}

/// The data behind these locks is whole between any two statements, so a panic elsewhere leaves
/// nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// The connection, if it can be used and leads to `addr`.
    fn connection(&self, addr: &str) -> Option<Connection> {
        let connection = lock(&self.connection);
        connection
            .as_ref()
            .filter(|connection| connection.is_open() && &**connection.addr() == addr)
            .cloned()
    }

    fn in_flight(&self) -> usize {
        lock(&self.connection)
            .as_ref()
            .map_or(0, Connection::in_flight)
    }
}

impl Pool {
    /// Opens nothing yet. The settings are within their bounds. What replies say of their position
    /// goes to `seen`.
    pub(crate) fn new(config: Config, connector: Arc<dyn Connect>, seen: Arc<Seen>) -> Pool {
        let backoff = Backoff {
            min: config.backoff_min,
            max: config.backoff_max,
        };
        Pool {
            endpoints: Mutex::new(Endpoints::new(&config.addrs, backoff)),
            slots: (0..config.connection_count_max)
                .map(|_| Slot::default())
                .collect(),
            connector,
            seen,
            config,
        }
    }

    /// Connections of their own to the same servers, beginning at a random one.
    pub(crate) fn elsewhere(&self, random: u64) -> Pool {
        let mut config = self.config.clone();
        let count = config.addrs.len();
        config
            .addrs
            .rotate_left(usize::try_from(random).unwrap_or(0) % count);
        Pool::new(config, self.connector.clone(), self.seen.clone())
    }

    /// How far this client has seen.
    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// From now on connections go to `addr`.
    pub(crate) fn follow(&self, addr: &str) {
        lock(&self.endpoints).follow(addr);
    }

    /// A server cannot help now: connections go to the next one, if they went there.
    pub(crate) fn pass_over(&self, addr: &str) {
        lock(&self.endpoints).pass_over(addr);
    }

    /// The server that calls go to.
    pub(crate) fn preferred(&self) -> Arc<str> {
        lock(&self.endpoints).preferred().clone()
    }

    /// The least busy connection, opened if it is not.
    pub(crate) async fn connection(&self) -> Result<Connection, Failure> {
        let slot = self
            .slots
            .iter()
            .min_by_key(|slot| slot.in_flight())
            .expect("connection_count_max is at least 1");
        match slot.connection(&self.preferred()) {
            Some(connection) => Ok(connection),
            None => self.open(slot).await,
        }
    }

    async fn open(&self, slot: &Slot) -> Result<Connection, Failure> {
        let _one_at_a_time = slot.connecting.lock().await;
        if let Some(connection) = slot.connection(&self.preferred()) {
            return Ok(connection);
        }
        let connection = self.connect().await?;
        *lock(&slot.connection) = Some(connection.clone());
        Ok(connection)
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let rounds = self.config.connect_attempts_max as usize;
        let attempts_max = rounds * lock(&self.endpoints).configured_count();
        let mut attempts = 0;
        loop {
            let addr = self.due().await;
            let failure = match self.open_connection(&addr).await {
                Ok(connection) => {
                    lock(&self.endpoints).succeeded(&addr);
                    return Ok(connection);
                }
                Err(failure) => failure,
            };
            lock(&self.endpoints).failed(&addr, Instant::now(), random());
            attempts += 1;
            match failure {
                Failure::NotSent(error) if attempts == attempts_max => {
                    return Err(Failure::Final(error));
                }
                Failure::NotSent(_) => {}
                other => return Err(other),
            }
        }
    }

    async fn open_connection(&self, addr: &Arc<str>) -> Result<Connection, Failure> {
        Connection::open(&*self.connector, addr, &self.config, &self.seen).await
    }

    /// Waits until a server may be tried and returns it.
    async fn due(&self) -> Arc<str> {
        loop {
            let pick = lock(&self.endpoints).pick(Instant::now());
            match pick {
                Pick::Connect(addr) => return addr,
                Pick::Wait(until) => sleep_until(until).await,
            }
        }
    }
}
