//! Settings of a client.

use std::fmt;
use std::time::Duration;

use crate::error::Error;

/// The port a server listens on unless told otherwise.
pub const PORT_DEFAULT: u16 = 5000;

/// Settings of a [`Client`](crate::Client); plain fields over [`Config::new`].
///
/// ```
/// use std::time::Duration;
/// use kv_client::Config;
///
/// let mut config = Config::new("127.0.0.1:6000,127.0.0.1:6001");
/// config.request_timeout = Duration::from_secs(1);
/// assert_eq!(config.addrs.len(), 2);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Servers as `host:port`; each may serve every call. At least one.
    pub addrs: Vec<String>,
    /// Sent when a connection opens.
    pub password: Option<Password>,
    /// Connections held, each opened when first needed. 1 to 64; default 2.
    pub connection_count_max: usize,
    /// Requests sent and not yet answered on one connection; more of them wait. 1 to 65,536;
    /// default 1024.
    pub in_flight_max: usize,
    /// For one attempt to connect, handshake included. Default 2 s.
    pub connect_timeout: Duration,
    /// For one call with all that it takes: waiting, connecting, retries. Default 10 s.
    pub request_timeout: Duration,
    /// For the answer of one node of a cluster; then the same is asked of another one. Only what
    /// can be asked twice is: reads, and writes that the cluster knows again. Default 2 s.
    pub attempt_timeout: Duration,
    /// A connection without requests is closed after this, before the server would. Default 120 s.
    pub idle_timeout: Duration,
    /// How often each address is tried before a call fails to connect. Default 3.
    pub connect_attempts_max: u32,
    /// How often a call is repeated where repeating is safe. Default 3. While a cluster has no
    /// leader, it is repeated until `request_timeout`.
    pub retries_max: u32,
    /// How often a call goes to the leader that the node before named; nodes may name one that is
    /// gone until they elect another. Default 32.
    pub redirects_max: u32,
    /// Wait before the first repetition; it doubles each time. Default 25 ms.
    pub backoff_min: Duration,
    /// The longest wait between repetitions. Default 1 s.
    pub backoff_max: Duration,
}

impl Config {
    /// Defaults, for servers given as `host:port`, several separated by commas. Without a port it
    /// is [`PORT_DEFAULT`].
    #[must_use]
    pub fn new(addrs: &str) -> Config {
        Config {
            addrs: addrs
                .split(',')
                .map(str::trim)
                .filter(|addr| !addr.is_empty())
                .map(with_port)
                .collect(),
            password: None,
            connection_count_max: 2,
            in_flight_max: 1024,
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(120),
            connect_attempts_max: 3,
            retries_max: 3,
            redirects_max: 32,
            backoff_min: Duration::from_millis(25),
            backoff_max: Duration::from_secs(1),
        }
    }

    /// # Errors
    /// If a field is out of its bounds.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |message: &str| Err(Error::Invalid(message.to_owned()));
        if self.addrs.is_empty() {
            return wrong("no address to connect to");
        }
        if !(1..=64).contains(&self.connection_count_max) {
            return wrong("connection_count_max must be 1 to 64");
        }
        if !(1..=65_536).contains(&self.in_flight_max) {
            return wrong("in_flight_max must be 1 to 65536");
        }
        if self.connect_attempts_max == 0 {
            return wrong("connect_attempts_max must be at least 1");
        }
        if self.backoff_min > self.backoff_max {
            return wrong("backoff_min must not exceed backoff_max");
        }
        Ok(())
    }
}

impl From<&str> for Config {
    fn from(addrs: &str) -> Config {
        Config::new(addrs)
    }
}

impl From<String> for Config {
    fn from(addrs: String) -> Config {
        Config::new(&addrs)
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, and a bare IPv6 address.
fn with_port(addr: &str) -> String {
    let bare_v6 = !addr.starts_with('[') && addr.matches(':').count() > 1;
    let has_port = !bare_v6
        && addr
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.contains(']'));
    match (has_port, bare_v6) {
        (true, _) => addr.to_owned(),
        (false, true) => format!("[{addr}]:{PORT_DEFAULT}"),
        (false, false) => format!("{addr}:{PORT_DEFAULT}"),
    }
}

/// A password that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// For sending it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Password {
        Password(text)
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Password {
        Password(text.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_may_be_left_out() {
        let config = Config::new("localhost, 10.0.0.1:6000,[::1]:1,::1,[::1],");
        let expected = [
            "localhost:5000",
            "10.0.0.1:6000",
            "[::1]:1",
            "[::1]:5000",
            "[::1]:5000",
        ];
        assert_eq!(config.addrs, expected);
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut config = Config::new("a");
        config.password = Some("secret".into());
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn bounds_are_checked() {
        assert!(Config::new("").check().is_err());
        assert!(Config::new("a").check().is_ok());
        let mut config = Config::new("a");
        config.in_flight_max = 0;
        assert!(config.check().is_err());
    }
}
