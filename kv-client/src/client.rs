//! The client: what it is made of and how it is made.
//!
//! What a call sends and what its answer means is in the submodules; how it gets there is in
//! `calls`.

mod calls;
mod cluster;
mod data;
mod expiry;
mod node;
mod search;

use std::sync::Arc;
use std::time::Duration;

use kv_proto::{Command, Limits, Position, ReadLevel, Reply, Request};

use crate::backoff::random;
use crate::config::Config;
use crate::connect::{Connect, Tcp};
use crate::error::Error;
use crate::identity::Identities;
use crate::pool::Pool;
use crate::seen::Seen;
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
/// # Clusters
/// Calls go to the leader, wherever it is: it is found through any of the addresses and followed
/// when it changes. Each write has an identity, so one whose answer was lost is sent again and
/// still happens once. Neither needs anything of the caller but time: a call ends after
/// [`Config::request_timeout`].
///
/// # Cancellation
/// A call may be dropped. If it was a write that was already sent, it may or may not happen.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Arc<Pool>,
    /// Where stale reads go, if reads are stale.
    stale_pool: Option<Arc<Pool>>,
    identities: Arc<Identities>,
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
            pool: Arc::new(Pool::new(
                config,
                Arc::new(connector),
                Arc::new(Seen::default()),
            )),
            stale_pool: None,
            identities: Identities::new(random()),
            fault: None,
        })
    }

    /// The same client, whose reads are answered by any node of a cluster from what it has, which
    /// may be old, without asking the leader. They see at least what this client and its clones
    /// have written and read before.
    ///
    /// ```no_run
    /// # async fn example(client: kv_client::Client) -> Result<(), kv_client::Error> {
    /// client.set("a", &1).await?;
    /// let stale = client.stale();
    /// assert_eq!(stale.get("a").await?, Some(1));
    /// println!("{} ms old", stale.position().map_or(0, |position| position.age_ms));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stale(&self) -> Client {
        Client {
            stale_pool: Some(Arc::new(self.pool.elsewhere(random()))),
            ..self.clone()
        }
    }

    /// Which writes the replies to this client and its clones followed: the furthest, with the age
    /// that the last reply had. `None` if no server of a cluster said it yet.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.pool.seen().position()
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
        let is_write = command.is_write();
        let is_stale = self.stale_pool.is_some() && !is_write;
        Ok(Call::Command(Request {
            fault: self.fault.filter(|_| is_write),
            read: match is_stale {
                true => self.stale_read(),
                false => ReadLevel::Linearizable,
            },
            asks_position: is_stale,
            ..command.into()
        }))
    }

    fn stale_read(&self) -> ReadLevel {
        ReadLevel::Stale {
            after: self.position().map(|position| position.applied),
        }
    }
}
