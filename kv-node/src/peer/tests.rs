//! Links over real sockets.

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::frame::put_frame;
use super::handshake::{Challenge, Hello, Meeting, PREFACE, Role};
use super::*;
use crate::secret::Secret;

mod hostile;

const CLUSTER: u64 = 77;
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on a runtime like that of an I/O thread.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    let test = async { tokio::time::timeout(PATIENCE, test).await };
    runtime.block_on(test).expect("the test ends in time");
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        // sleep: the condition has nobody who tells of it; it is looked at again and again.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Keeps what comes.
#[derive(Default)]
struct Inbox {
    messages: RefCell<Vec<(u64, Lane, Vec<u8>)>>,
    news: Notify,
}

impl Inbox {
    async fn next(&self) -> (u64, Lane, Vec<u8>) {
        loop {
            if !self.messages.borrow().is_empty() {
                return self.messages.borrow_mut().remove(0);
            }
            self.news.notified().await;
        }
    }
}

impl Receiver for Inbox {
    fn receive(&self, from: u64, lane: Lane, payload: &[u8]) -> Result<(), &'static str> {
        if payload == b"nonsense" {
            return Err("not a message");
        }
        self.messages
            .borrow_mut()
            .push((from, lane, payload.to_vec()));
        self.news.notify_one();
        Ok(())
    }
}

/// A node that only talks.
struct Node {
    address: SocketAddr,
    inbox: Rc<Inbox>,
    metrics: Arc<PeerMetrics>,
    transport: Transport,
}

impl Node {
    fn start(settings: PeerSettings) -> Node {
        Node::start_at("127.0.0.1:0".parse().unwrap(), settings)
    }

    fn start_at(address: SocketAddr, settings: PeerSettings) -> Node {
        let listener = PeerListener::bind(address, settings.secret.is_some()).unwrap();
        let (inbox, metrics) = (Rc::<Inbox>::default(), Arc::<PeerMetrics>::default());
        Node {
            address: listener.address(),
            transport: Transport::start(settings, listener, inbox.clone(), metrics.clone())
                .unwrap(),
            inbox,
            metrics,
        }
    }

    fn connect(&self, peer: u64, node: &Node) {
        self.transport.connect(peer, &node.address.to_string());
    }

    async fn connected(&self, peer: u64) {
        until(|| {
            let is_connected = |lane| self.transport.is_connected(peer, lane);
            Lane::ALL.into_iter().all(is_connected)
        })
        .await;
    }

    fn send(&self, to: u64, payload: &[u8]) -> Result<(), Unsent> {
        let write = |out: &mut BytesMut| out.extend_from_slice(payload);
        self.transport.send(to, Lane::Consensus, write)
    }

    async fn refused(&self) {
        until(|| self.metrics.counts().refused > 0).await;
    }
}

fn settings(node_id: u64) -> PeerSettings {
    PeerSettings::new(CLUSTER, node_id)
}

fn with_secret(node_id: u64, text: &str) -> PeerSettings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    PeerSettings {
        secret: Some(Secret::from_file(file.path()).unwrap()),
        ..settings(node_id)
    }
}

#[test]
fn messages_arrive_whole_in_order_and_on_their_lane() {
    run(async {
        let (one, two) = (Node::start(settings(1)), Node::start(settings(2)));
        one.connect(2, &two);
        one.connected(2).await;
        for number in 0..100_u32 {
            one.send(2, &number.to_le_bytes()).unwrap();
        }
        one.transport.flush();
        for number in 0..100_u32 {
            let expected = (1, Lane::Consensus, number.to_le_bytes().to_vec());
            assert_eq!(two.inbox.next().await, expected);
        }
        let large = vec![7; 3 << 20];
        let write = |out: &mut BytesMut| out.extend_from_slice(&large);
        one.transport.send(2, Lane::Bulk, write).unwrap();
        one.transport.flush();
        assert!(two.inbox.next().await == (1, Lane::Bulk, large));
    });
}

#[test]
fn messages_between_two_flushes_leave_in_one_write() {
    run(async {
        let (one, two) = (Node::start(settings(1)), Node::start(settings(2)));
        one.connect(2, &two);
        one.connected(2).await;
        let before = one.metrics.counts();
        for _ in 0..50 {
            one.send(2, b"message").unwrap();
        }
        one.transport.flush();
        let after = one.metrics.counts();
        assert_eq!(after.writes - before.writes, 1);
        assert_eq!(after.sent_messages - before.sent_messages, 50);
        let bytes = 50 * (FRAME_HEADER_BYTES as u64 + 7);
        // A ping may have been queued before.
        assert!(after.sent_bytes - before.sent_bytes >= bytes);
    });
}

#[test]
fn nodes_with_one_secret_meet() {
    run(async {
        let one = Node::start(with_secret(1, "same"));
        let two = Node::start(with_secret(2, "same\n"));
        one.connect(2, &two);
        two.connect(1, &one);
        one.connected(2).await;
        two.connected(1).await;
        one.send(2, b"to two").unwrap();
        two.send(1, b"to one").unwrap();
        one.transport.flush();
        two.transport.flush();
        assert_eq!(two.inbox.next().await.2, b"to two");
        assert_eq!(one.inbox.next().await.2, b"to one");
    });
}

#[test]
fn nothing_is_queued_for_who_is_not_connected() {
    run(async {
        let one = Node::start(settings(1));
        assert_eq!(one.send(2, b"x"), Err(Unsent::Unknown));
        one.transport.connect(2, "127.0.0.1:1");
        assert_eq!(one.send(2, b"x"), Err(Unsent::Disconnected));
        assert_eq!(one.metrics.counts().dropped_messages, 1);
    });
}

#[test]
fn a_peer_that_comes_back_is_connected_again() {
    run(async {
        let one = Node::start(settings(1));
        let two = Node::start(settings(2));
        let address = two.address;
        one.connect(2, &two);
        one.connected(2).await;
        drop(two);
        until(|| !one.transport.is_connected(2, Lane::Consensus)).await;
        let two = Node::start_at(address, settings(2));
        one.connected(2).await;
        one.send(2, b"again").unwrap();
        one.transport.flush();
        assert_eq!(two.inbox.next().await.2, b"again");
    });
}

#[test]
fn a_peer_that_moves_is_connected_where_it_is() {
    run(async {
        let one = Node::start(settings(1));
        let (old, new) = (Node::start(settings(2)), Node::start(settings(2)));
        one.connect(2, &old);
        one.connected(2).await;
        one.connect(2, &new);
        one.connected(2).await;
        one.send(2, b"here").unwrap();
        one.transport.flush();
        assert_eq!(new.inbox.next().await.2, b"here");
        one.transport.disconnect(2);
        assert_eq!(one.send(2, b"x"), Err(Unsent::Unknown));
    });
}

#[test]
fn a_peer_is_found_by_its_machine_s_name() {
    run(async {
        let (one, two) = (Node::start(settings(1)), Node::start(settings(2)));
        let address = format!("localhost:{}", two.address.port());
        one.transport.connect(2, &address);
        one.connected(2).await;
    });
}

#[test]
fn a_silent_link_stays() {
    run(async {
        let quick = |id| PeerSettings {
            ping_interval: Duration::from_millis(5),
            silence_max: Duration::from_secs(1),
            ..settings(id)
        };
        let (one, two) = (Node::start(quick(1)), Node::start(quick(2)));
        one.connect(2, &two);
        one.connected(2).await;
        let before = two.metrics.counts().received_bytes;
        let pings = 300 * FRAME_HEADER_BYTES as u64;
        until(|| two.metrics.counts().received_bytes >= before + pings).await;
        assert_eq!(one.metrics.counts().dialled, 2, "one a lane, once");
    });
}

#[test]
fn a_peer_that_reads_nothing_fills_its_queue_and_no_more() {
    run(async {
        let bounded = PeerSettings {
            queue_bytes_max: 1 << 20,
            silence_max: PATIENCE,
            ..settings(1)
        };
        let one = Node::start(bounded);
        let slow = hostile::Acceptor::bind().await;
        one.transport.connect(2, &slow.address());
        let _held = slow.meet_both_lanes(2).await;
        one.connected(2).await;
        let payload = vec![0; 100 << 10];
        let mut sent = 0;
        while one.send(2, &payload).is_ok() {
            one.transport.flush();
            sent += 1;
            assert!(sent < 10_000, "it must be full some time");
        }
        assert_eq!(one.send(2, &payload), Err(Unsent::Full));
        assert_eq!(one.metrics.counts().dropped_messages, 2);
    });
}

#[test]
fn an_address_that_others_can_reach_needs_a_secret() {
    let address = "0.0.0.0:0".parse().unwrap();
    let error = PeerListener::bind(address, false).unwrap_err();
    assert!(matches!(error, PeerError::Unprotected { .. }));
    let report = error.report().to_string();
    assert!(report.contains("--cluster-secret-file"), "{report}");
    assert!(PeerListener::bind(address, true).is_ok());
}
