//! The client: calls with their time limit and their repetitions.
//!
//! What a call sends and what its answer means is in the submodules; here is how it gets there.

mod data;
mod expiry;
mod node;
mod search;

use std::sync::Arc;
use std::time::Duration;

use kv_proto::{Command, Limits, Reply, Request};
use tokio::time::{sleep, timeout};

use crate::backoff::random;
use crate::config::Config;
use crate::connect::{Connect, Tcp};
use crate::error::Error;
use crate::pool::Pool;
use crate::retry::{Attempts, Failure, Next, Policy};
use crate::wire::Call;

pub(crate) use data::{encoded, key_of, pairs};
pub use expiry::Ttl;
pub(crate) use expiry::millis;
pub use node::{KeyMetadata, Status};

/// A client of one server, or of several that serve the same data. Cheap to clone; clones share
/// their connections.
///
/// ```no_run
/// # async fn example() -> Result<(), kv_client::Error> {
/// use kv_client::Client;
///
/// let client = Client::connect("127.0.0.1:5000").await?;
/// client.set("user:1", &("Ada", 36)).await?;
/// let user: Option<(String, u8)> = client.get("user:1").await?;
/// assert_eq!(user, Some(("Ada".to_owned(), 36)));
/// # Ok(()) }
/// ```
///
/// # Cancellation
/// A call may be dropped. If it was a write that was already sent, it may or may not happen.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Arc<Pool>,
    request_timeout: Duration,
    fault: Option<f64>,
}

impl Client {
    /// A client with an open connection. Settings are made from an address, or by hand: see
    /// [`Config`].
    ///
    /// # Errors
    /// If no server can be reached or one refuses the password.
    pub async fn connect(config: impl Into<Config>) -> Result<Client, Error> {
        let client = Client::lazy(config)?;
        client.open().await?;
        Ok(client)
    }

    /// A client that connects when it is first needed.
    ///
    /// # Errors
    /// If the settings are out of their bounds.
    pub fn lazy(config: impl Into<Config>) -> Result<Client, Error> {
        Client::with_connector(config, Tcp)
    }

    /// A client over something else than TCP.
    ///
    /// # Errors
    /// If the settings are out of their bounds.
    pub fn with_connector(
        config: impl Into<Config>,
        connector: impl Connect,
    ) -> Result<Client, Error> {
        let config = config.into();
        config.check()?;
        Ok(Client {
            request_timeout: config.request_timeout,
            pool: Arc::new(Pool::new(config, Box::new(connector))),
            fault: None,
        })
    }

    /// The same client with another time limit for a call.
    #[must_use]
    pub fn with_request_timeout(&self, request_timeout: Duration) -> Client {
        Client {
            request_timeout,
            ..self.clone()
        }
    }

    /// Debug mode: the same client, whose writes fail to reach the server's memory with this
    /// chance, 0 to 1, though they are logged. Refused by servers that do not allow it.
    #[must_use]
    pub fn with_fault(&self, chance: f64) -> Client {
        Client {
            fault: Some(chance),
            ..self.clone()
        }
    }

    /// The server that calls go to now.
    #[must_use]
    pub fn addr(&self) -> Arc<str> {
        self.pool.preferred()
    }

    /// Runs any command.
    ///
    /// # Errors
    /// Also if the reply is an error.
    pub async fn execute(&self, command: Command) -> Result<Reply, Error> {
        self.call(self.request(command)?).await
    }

    /// Checks what the server would end the connection for.
    pub(crate) fn request(&self, command: Command) -> Result<Call, Error> {
        const WIRE_MAX: Limits = Limits {
            key_bytes_max: kv_proto::entry::KEY_BYTES_MAX,
            value_bytes_max: usize::MAX,
            batch_ops_max: usize::MAX,
        };
        WIRE_MAX
            .check(&command)
            .map_err(|refused| Error::Invalid(refused.message.into_owned()))?;
        let fault = self.fault.filter(|_| command.is_write());
        Ok(Call::Command(Request {
            fault,
            ..command.into()
        }))
    }

    async fn open(&self) -> Result<(), Error> {
        match timeout(self.request_timeout, self.pool.connection()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(failure.into_error(false)),
            Err(_) => Err(self.timed_out(false)),
        }
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Reply, Error> {
        let mut unknown = false;
        let is_write = call.is_write();
        match timeout(self.request_timeout, self.attempts(call, &mut unknown)).await {
            Ok(result) => result,
            Err(_) => Err(self.timed_out(is_write && unknown)),
        }
    }

    /// `unknown` is true while a server may have the request and has not said what became of it.
    async fn attempts(&self, call: Call, unknown: &mut bool) -> Result<Reply, Error> {
        let mut attempts = Attempts::new(Policy::new(self.pool.config()), call.is_write());
        loop {
            let failure = match self.attempt(call.clone(), unknown).await {
                Ok(Reply::Error(refused)) => Failure::Refused(refused),
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            *unknown = !failure.nothing_happened();
            self.before_next(attempts.next(failure, random())).await?;
        }
    }

    async fn attempt(&self, call: Call, unknown: &mut bool) -> Result<Reply, Failure> {
        let connection = self.pool.connection().await?;
        connection.call(call, unknown).await
    }

    async fn before_next(&self, next: Next) -> Result<(), Error> {
        match next {
            Next::Retry { after } => sleep(after).await,
            Next::Follow { addr, after } => {
                sleep(after).await;
                self.pool.follow(&addr);
            }
            Next::Fail(error) => return Err(error),
        }
        Ok(())
    }

    fn timed_out(&self, unknown: bool) -> Error {
        let timeout = Error::Timeout {
            after: self.request_timeout,
        };
        match unknown {
            true => Error::UnknownOutcome {
                source: Box::new(timeout),
            },
            false => timeout,
        }
    }

    /// Runs calls in order, as many at a time as may be in flight; an outcome each.
    ///
    /// # Errors
    /// If time runs out: what happened to each is then not known.
    pub(crate) async fn call_many(
        &self,
        calls: &[Call],
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let mut outcomes = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(self.pool.config().in_flight_max) {
            let mut unknown = false;
            let ran = timeout(self.request_timeout, self.run_chunk(chunk, &mut unknown)).await;
            match ran {
                Ok(answers) => outcomes.extend(answers),
                Err(_) => {
                    let writes_before = calls[..outcomes.len()].iter().any(Call::is_write);
                    let writes_now = unknown && chunk.iter().any(Call::is_write);
                    return Err(self.timed_out(writes_before || writes_now));
                }
            }
        }
        Ok(outcomes)
    }

    /// Repeats the chunk only as a whole, and only if none of it happened: so its order holds.
    async fn run_chunk(&self, calls: &[Call], unknown: &mut bool) -> Vec<Result<Reply, Error>> {
        let is_write = calls.iter().any(Call::is_write);
        let mut attempts = Attempts::new(Policy::new(self.pool.config()), is_write);
        loop {
            let outcomes = self.attempt_chunk(calls, unknown).await;
            let Some(failure) = whole_failure(&outcomes) else {
                return told(calls, outcomes);
            };
            *unknown = false;
            let next = attempts.next(failure, random());
            if self.before_next(next).await.is_err() {
                return told(calls, outcomes);
            }
        }
    }

    async fn attempt_chunk(
        &self,
        calls: &[Call],
        unknown: &mut bool,
    ) -> Vec<Result<Reply, Failure>> {
        let sent = match self.pool.connection().await {
            Ok(connection) => connection.call_many(calls.iter().cloned(), unknown).await,
            Err(failure) => Err(failure),
        };
        let outcomes =
            sent.unwrap_or_else(|failure| calls.iter().map(|_| Err(failure.clone())).collect());
        outcomes.into_iter().map(refusal_as_failure).collect()
    }
}

fn refusal_as_failure(outcome: Result<Reply, Failure>) -> Result<Reply, Failure> {
    match outcome {
        Ok(Reply::Error(refused)) => Err(Failure::Refused(refused)),
        other => other,
    }
}

/// The first failure, if every call failed without anything happening.
fn whole_failure(outcomes: &[Result<Reply, Failure>]) -> Option<Failure> {
    let nothing_happened = |outcome: &Result<Reply, Failure>| match outcome {
        Ok(_) => false,
        Err(failure) => failure.nothing_happened(),
    };
    let first = outcomes.first()?.as_ref().err()?;
    outcomes.iter().all(nothing_happened).then(|| first.clone())
}

fn told(calls: &[Call], outcomes: Vec<Result<Reply, Failure>>) -> Vec<Result<Reply, Error>> {
    let told = |(call, outcome): (&Call, Result<Reply, Failure>)| {
        outcome.map_err(|failure| failure.into_error(call.is_write()))
    };
    calls.iter().zip(outcomes).map(told).collect()
}
