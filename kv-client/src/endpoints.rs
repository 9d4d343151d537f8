//! Which server to connect to next.
//!
//! 1. One server is preferred: the one that last accepted a connection, or was last named as
//!    the leader. All connections go there.
//! 2. A server that failed is left alone for a while that doubles with each failure.
//! 3. Servers that were only named by others are remembered up to [`LEARNT_MAX`] of them.
//!
//! Knows no sockets; time is passed in.

use std::sync::Arc;

use tokio::time::Instant;

use crate::backoff::Backoff;

const LEARNT_MAX: usize = 16;

/// The servers and what is known of them.
#[derive(Debug)]
pub(crate) struct Endpoints {
    endpoints: Vec<Endpoint>,
    configured_count: usize,
    preferred: usize,
    backoff: Backoff,
}

#[derive(Debug)]
struct Endpoint {
    addr: Arc<str>,
    failures: u32,
    retry_at: Option<Instant>,
}

/// What to do to get a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pick {
    /// Connect there.
    Connect(Arc<str>),
    /// All failed just now: wait until then.
    Wait(Instant),
}

impl Endpoint {
    fn new(addr: Arc<str>) -> Endpoint {
        Endpoint {
            addr,
            failures: 0,
            retry_at: None,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.retry_at.is_none_or(|at| at <= now)
    }
}

impl Endpoints {
    /// # Panics
    /// If there is no address; the settings are checked before.
    pub(crate) fn new(addrs: &[String], backoff: Backoff) -> Endpoints {
        assert!(!addrs.is_empty(), "a client has at least one address");
        let endpoint = |addr: &String| Endpoint::new(addr.as_str().into());
        Endpoints {
            endpoints: addrs.iter().map(endpoint).collect(),
            configured_count: addrs.len(),
            preferred: 0,
            backoff,
        }
    }

    /// How many servers were configured.
    pub(crate) fn configured_count(&self) -> usize {
        self.configured_count
    }

    /// Where connections should go.
    pub(crate) fn preferred(&self) -> &Arc<str> {
        &self.endpoints[self.preferred].addr
    }

    /// The preferred server if it is due, else the next in order that is.
    pub(crate) fn pick(&self, now: Instant) -> Pick {
        let count = self.endpoints.len();
        let in_order = (0..count).map(|i| &self.endpoints[(self.preferred + i) % count]);
        match in_order.clone().find(|endpoint| endpoint.is_due(now)) {
            Some(endpoint) => Pick::Connect(endpoint.addr.clone()),
            None => Pick::Wait(in_order.filter_map(|e| e.retry_at).min().unwrap_or(now)),
        }
    }

    /// A connection was made: it is preferred from now on.
    pub(crate) fn succeeded(&mut self, addr: &str) {
        if let Some(index) = self.index(addr) {
            self.preferred = index;
            self.endpoints[index].failures = 0;
            self.endpoints[index].retry_at = None;
        }
    }

    /// A connection could not be made.
    pub(crate) fn failed(&mut self, addr: &str, now: Instant, random: u64) {
        if let Some(index) = self.index(addr) {
            let endpoint = &mut self.endpoints[index];
            endpoint.failures = endpoint.failures.saturating_add(1);
            endpoint.retry_at = Some(now + self.backoff.wait(endpoint.failures, random));
        }
    }

    /// This server cannot help now: if it is the preferred one, the next in order is.
    pub(crate) fn pass_over(&mut self, addr: &str) {
        if self.index(addr) == Some(self.preferred) {
            self.preferred = (self.preferred + 1) % self.endpoints.len();
        }
    }

    /// A node named this one as the leader.
    pub(crate) fn follow(&mut self, addr: &str) {
        let index = self.index(addr).unwrap_or_else(|| self.learn(addr));
        self.preferred = index;
    }

    fn index(&self, addr: &str) -> Option<usize> {
        self.endpoints.iter().position(|e| &*e.addr == addr)
    }

    fn learn(&mut self, addr: &str) -> usize {
        if self.endpoints.len() == self.configured_count + LEARNT_MAX {
            self.endpoints.remove(self.configured_count);
        }
        self.endpoints.push(Endpoint::new(addr.into()));
        self.endpoints.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn endpoints(addrs: &[&str]) -> Endpoints {
        let addrs: Vec<String> = addrs.iter().map(|addr| (*addr).to_owned()).collect();
        let backoff = Backoff {
            min: Duration::from_millis(10),
            max: Duration::from_millis(1000),
        };
        Endpoints::new(&addrs, backoff)
    }

    fn picked(endpoints: &Endpoints, now: Instant) -> String {
        match endpoints.pick(now) {
            Pick::Connect(addr) => addr.to_string(),
            Pick::Wait(at) => format!("wait {} ms", (at - now).as_millis()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_server_is_skipped_until_it_is_due() {
        let mut endpoints = endpoints(&["a", "b"]);
        let now = Instant::now();
        assert_eq!(picked(&endpoints, now), "a");
        endpoints.failed("a", now, 0);
        assert_eq!(picked(&endpoints, now), "b");
        endpoints.failed("b", now, 0);
        endpoints.failed("b", now, 0);
        assert_eq!(picked(&endpoints, now), "wait 5 ms");
        assert_eq!(picked(&endpoints, now + Duration::from_millis(5)), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_that_accepted_is_preferred() {
        let mut endpoints = endpoints(&["a", "b"]);
        let now = Instant::now();
        endpoints.failed("a", now, 0);
        endpoints.succeeded("b");
        assert_eq!(picked(&endpoints, now + Duration::from_secs(9)), "b");
        assert_eq!(&**endpoints.preferred(), "b");
    }

    #[tokio::test(start_paused = true)]
    async fn a_named_leader_is_followed_even_if_it_was_unknown() {
        let mut endpoints = endpoints(&["a"]);
        let now = Instant::now();
        endpoints.follow("b");
        assert_eq!(picked(&endpoints, now), "b");
        endpoints.failed("b", now, 0);
        assert_eq!(picked(&endpoints, now), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_cannot_help_makes_room_for_the_next() {
        let mut endpoints = endpoints(&["a", "b"]);
        endpoints.pass_over("a");
        assert_eq!(&**endpoints.preferred(), "b");
        endpoints.pass_over("a");
        assert_eq!(&**endpoints.preferred(), "b");
        endpoints.pass_over("b");
        assert_eq!(&**endpoints.preferred(), "a");
    }

    #[tokio::test(start_paused = true)]
    async fn few_unknown_leaders_are_remembered() {
        let mut endpoints = endpoints(&["a"]);
        for i in 0..100 {
            endpoints.follow(&format!("node{i}"));
            assert_eq!(picked(&endpoints, Instant::now()), format!("node{i}"));
        }
        assert_eq!(endpoints.endpoints.len(), 1 + LEARNT_MAX);
        assert_eq!(&*endpoints.endpoints[0].addr, "a");
    }
}
