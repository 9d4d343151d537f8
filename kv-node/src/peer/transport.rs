//! All links of one node: the ones it made and the ones made to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::task::{JoinHandle, spawn_local};

use super::Lane;
use super::inbound::{Inbound, Receiver};
use super::link::{Link, Shared, Unsent};
use super::listener::PeerListener;
use super::metrics::PeerMetrics;
use super::settings::PeerSettings;
use super::stream::Identity;

/// The links of one node. Lives on one thread, in a runtime of tokio's that is local to it; they
/// end when it is dropped.
pub struct Transport {
    shared: Rc<Shared>,
    links: RefCell<BTreeMap<u64, [Dialled; 2]>>,
    inbound: Rc<Inbound>,
    accepting: Task,
}

/// A link and the task that serves it.
struct Dialled {
    link: Rc<Link>,
    _task: Task,
}

/// A task that ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Transport {
    /// Accepts connections from now on, and hands what comes to `receiver`.
    ///
    /// # Errors
    /// If the runtime does not take the listener, or the system has no random numbers.
    pub fn start(
        settings: PeerSettings,
        listener: PeerListener,
        receiver: Rc<dyn Receiver>,
        metrics: Arc<PeerMetrics>,
    ) -> io::Result<Transport> {
        let identity = Identity::new(settings)?;
        let shared = Rc::new(Shared { identity, metrics });
        let listener = listener.into_tokio()?;
        let inbound = Inbound::new(Rc::clone(&shared), receiver);
        Ok(Transport {
            shared,
            links: RefCell::default(),
            accepting: Task(spawn_local(Rc::clone(&inbound).run(listener))),
            inbound,
        })
    }

    /// Connects to `peer` at `address`, now and whenever the connection is lost. Another address
    /// than before ends the connections to that one.
    ///
    /// # Panics
    /// If it is this node.
    pub fn connect(&self, peer: u64, address: &str) {
        let own = self.shared.identity.settings.node_id;
        assert_ne!(peer, own, "a node is no peer of its own");
        let mut links = self.links.borrow_mut();
        let known = links.get(&peer);
        if known.is_none_or(|known| known[0].link.address() != address) {
            let dial = |lane| self.dial(peer, lane, address);
            links.insert(peer, Lane::ALL.map(dial));
        }
    }

    fn dial(&self, peer: u64, lane: Lane, address: &str) -> Dialled {
        let link = Link::new(Rc::clone(&self.shared), peer, lane, address.to_owned());
        Dialled {
            _task: Task(spawn_local(Rc::clone(&link).run())),
            link,
        }
    }

    /// Ends the connections to `peer`. Those that it made stay until it ends them.
    pub fn disconnect(&self, peer: u64) {
        self.links.borrow_mut().remove(&peer);
    }

    /// The peers that there are connections to, or attempts to have some.
    #[must_use]
    pub fn peers(&self) -> Vec<u64> {
        self.links.borrow().keys().copied().collect()
    }

    /// Queues a message to `to`, whose payload `write` appends. It leaves with the next
    /// [`Transport::flush`].
    ///
    /// # Errors
    /// If it is dropped, with the reason.
    pub fn send(
        &self,
        to: u64,
        lane: Lane,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), Unsent> {
        match self.links.borrow().get(&to) {
            Some(links) => links[usize::from(lane.number())].link.send(write),
            None => Err(Unsent::Unknown),
        }
    }

    /// Writes what is queued, one write a connection. What a socket does not take at once follows
    /// when it does.
    pub fn flush(&self) {
        for dialled in self.links.borrow().values().flatten() {
            dialled.link.flush();
        }
    }

    /// Whether what is sent to `peer` would be queued.
    #[must_use]
    pub fn is_connected(&self, peer: u64, lane: Lane) -> bool {
        let links = self.links.borrow();
        let links = links.get(&peer);
        links.is_some_and(|links| links[usize::from(lane.number())].link.is_connected())
    }

    /// Accepts no further connections; those that are there go on.
    pub fn stop_accepting(&self) {
        self.accepting.0.abort();
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.inbound.close();
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("peers", &self.peers())
            .finish_non_exhaustive()
    }
}
