//! Peers that are none, or not the right ones.

use tokio::net::TcpListener;

use super::*;

/// Somebody who accepts connections by hand.
pub(super) struct Acceptor(TcpListener);

impl Acceptor {
    pub(super) async fn bind() -> Acceptor {
        Acceptor(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    async fn accept(&self) -> Wire {
        Wire::new(self.0.accept().await.unwrap().0)
    }

    /// Accepts both lanes of a peer that has no secret.
    pub(super) async fn meet_both_lanes(&self, _own: u64) -> [Wire; 2] {
        let first = self.meet().await;
        [first, self.meet().await]
    }

    async fn meet(&self) -> Wire {
        let mut wire = self.accept().await;
        let _hello = wire.hello().await;
        wire.send(&PREFACE).await;
        wire.frame(Kind::Challenge, &challenge(false).encode())
            .await;
        wire.expect(Kind::Proof).await;
        wire.frame(Kind::Welcome, &[0; 32]).await;
        wire
    }
}

/// A connection by hand.
pub(super) struct Wire {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> Wire {
        let input = Vec::new();
        Wire { stream, input }
    }

    async fn dial(node: &Node) -> Wire {
        Wire::new(TcpStream::connect(node.address).await.unwrap())
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn frame(&mut self, kind: Kind, payload: &[u8]) {
        let mut out = BytesMut::new();
        put_frame(&mut out, kind, 1 << 30, |out| {
            out.extend_from_slice(payload);
        })
        .unwrap();
        self.send(&out).await;
    }

    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes).await.unwrap_or(0);
        self.input.extend_from_slice(&bytes[..count]);
        count > 0
    }

    async fn preface(&mut self) {
        while self.input.len() < 8 {
            assert!(self.read().await, "a preface");
        }
        let preface: Vec<u8> = self.input.drain(..8).collect();
        assert_eq!(preface, PREFACE);
    }

    async fn expect(&mut self, kind: Kind) -> Vec<u8> {
        loop {
            if let Some((frame, len)) = Frame::decode(&self.input, 1 << 20).unwrap() {
                assert_eq!(frame.kind, kind);
                let payload = frame.payload.to_vec();
                self.input.drain(..len);
                return payload;
            }
            assert!(self.read().await, "{kind:?} is to come");
        }
    }

    async fn hello(&mut self) -> Hello {
        self.preface().await;
        Hello::decode(&self.expect(Kind::Hello).await).unwrap()
    }

    /// Introduces itself without a secret, up to the welcome.
    async fn introduce(&mut self, hello: Hello) {
        self.send(&PREFACE).await;
        self.frame(Kind::Hello, &hello.encode()).await;
        self.preface().await;
        self.expect(Kind::Challenge).await;
        self.frame(Kind::Proof, &[0; 32]).await;
    }

    async fn is_closed(&mut self) {
        while self.read().await {}
    }

    async fn refusal(&mut self) -> Refused {
        Refused::decode(&self.expect(Kind::Refusal).await).unwrap()
    }
}

fn hello(from: u64, to: u64, instance: u64) -> Hello {
    Hello {
        lane: Lane::Consensus,
        has_secret: false,
        cluster_id: CLUSTER,
        from,
        to,
        instance,
        nonce: [1; 32],
    }
}

fn challenge(has_secret: bool) -> Challenge {
    Challenge {
        has_secret,
        instance: 1,
        nonce: [2; 32],
    }
}

#[test]
fn a_node_of_another_cluster_is_refused_and_both_know_why() {
    run(async {
        let one = Node::start(PeerSettings::new(CLUSTER + 1, 1));
        let two = Node::start(settings(2));
        one.connect(2, &two);
        one.refused().await;
        two.refused().await;
        assert!(!one.transport.is_connected(2, Lane::Consensus));
        let mut wire = Wire::dial(&two).await;
        wire.send(&PREFACE).await;
        let stranger = Hello {
            cluster_id: 5,
            ..hello(1, 2, 9)
        };
        wire.frame(Kind::Hello, &stranger.encode()).await;
        wire.preface().await;
        let refused = Refused::WrongCluster {
            dialler: 5,
            dialled: CLUSTER,
        };
        assert_eq!(wire.refusal().await, refused);
        wire.is_closed().await;
    });
}

#[test]
fn a_node_with_a_wrong_secret_is_refused_and_told_so() {
    run(async {
        let one = Node::start(with_secret(1, "wrong"));
        let two = Node::start(with_secret(2, "right"));
        one.connect(2, &two);
        one.refused().await;
        two.refused().await;
        let mut wire = Wire::dial(&two).await;
        wire.send(&PREFACE).await;
        let own = Hello {
            has_secret: true,
            ..hello(1, 2, 9)
        };
        wire.frame(Kind::Hello, &own.encode()).await;
        wire.preface().await;
        wire.expect(Kind::Challenge).await;
        wire.frame(Kind::Proof, &[3; 32]).await;
        assert_eq!(wire.refusal().await, Refused::WrongSecret);
        wire.is_closed().await;
        assert_eq!(two.metrics.counts().accepted, 0);
    });
}

#[test]
fn a_secret_on_one_side_only_is_refused_by_either() {
    run(async {
        let without = Node::start(settings(1));
        let with = Node::start(with_secret(2, "secret"));
        without.connect(2, &with);
        with.connect(1, &without);
        without.refused().await;
        with.refused().await;
        assert!(!without.transport.is_connected(2, Lane::Consensus));
        assert!(!with.transport.is_connected(1, Lane::Consensus));
    });
}

#[test]
fn an_acceptor_that_cannot_prove_itself_gets_no_message() {
    run(async {
        let one = Node::start(with_secret(1, "secret"));
        let impostor = Acceptor::bind().await;
        one.transport.connect(2, &impostor.address());
        let mut wire = impostor.accept().await;
        let hello = wire.hello().await;
        let challenge = challenge(true);
        wire.send(&PREFACE).await;
        wire.frame(Kind::Challenge, &challenge.encode()).await;
        let proof = wire.expect(Kind::Proof).await;
        let meeting = Meeting { hello, challenge };
        let secret = with_secret(1, "secret").secret;
        assert!(meeting.is_proven(Role::Dialler, secret.as_ref(), &proof));
        // Sending its own proof back does not do.
        wire.frame(Kind::Welcome, &proof).await;
        wire.is_closed().await;
        assert!(!one.transport.is_connected(2, Lane::Consensus));
    });
}

#[test]
fn a_proof_of_an_earlier_meeting_is_worth_nothing() {
    run(async {
        let two = Node::start(with_secret(2, "secret"));
        let secret = with_secret(1, "secret").secret;
        let own = Hello {
            has_secret: true,
            ..hello(1, 2, 9)
        };
        let mut recorded = None;
        for attempt in 0..2 {
            let mut wire = Wire::dial(&two).await;
            wire.send(&PREFACE).await;
            wire.frame(Kind::Hello, &own.encode()).await;
            wire.preface().await;
            let challenge = wire.expect(Kind::Challenge).await;
            let challenge = Challenge::decode(&challenge).unwrap();
            let meeting = Meeting {
                hello: own,
                challenge,
            };
            let proof = meeting.proof(Role::Dialler, secret.as_ref());
            let proof = *recorded.get_or_insert(proof);
            wire.frame(Kind::Proof, &proof).await;
            if attempt == 0 {
                let welcome = wire.expect(Kind::Welcome).await;
                assert!(meeting.is_proven(Role::Acceptor, secret.as_ref(), &welcome));
            } else {
                assert_eq!(wire.refusal().await, Refused::WrongSecret);
            }
        }
    });
}

#[test]
fn a_second_node_with_the_same_number_is_refused_while_the_first_is_alive() {
    run(async {
        let two = Node::start(settings(2));
        let first = Node::start(settings(1));
        first.connect(2, &two);
        first.connected(2).await;
        let second = Node::start(settings(1));
        second.connect(2, &two);
        second.refused().await;
        assert!(!second.transport.is_connected(2, Lane::Consensus));
        let mut wire = Wire::dial(&two).await;
        wire.introduce(hello(1, 2, 12345)).await;
        let refused = wire.refusal().await;
        assert!(matches!(refused, Refused::AlreadyConnected { id: 1, .. }));
        drop(first);
        second.connected(2).await;
    });
}

#[test]
fn a_node_that_is_silent_for_too_long_loses_its_place_to_the_next() {
    run(async {
        let impatient = PeerSettings {
            silence_max: Duration::from_millis(50),
            ..settings(2)
        };
        let two = Node::start(impatient);
        let mut dead = Wire::dial(&two).await;
        dead.introduce(hello(1, 2, 1)).await;
        dead.expect(Kind::Welcome).await;
        let one = Node::start(settings(1));
        one.connect(2, &two);
        one.connected(2).await;
        dead.is_closed().await;
    });
}

#[test]
fn a_process_that_connects_again_takes_its_own_place() {
    run(async {
        let two = Node::start(settings(2));
        let mut first = Wire::dial(&two).await;
        first.introduce(hello(1, 2, 1)).await;
        first.expect(Kind::Welcome).await;
        let mut again = Wire::dial(&two).await;
        again.introduce(hello(1, 2, 1)).await;
        again.expect(Kind::Welcome).await;
        first.is_closed().await;
        again.frame(Kind::Message, b"message").await;
        assert_eq!(two.inbox.next().await.2, b"message");
    });
}

#[test]
fn who_means_another_node_or_says_to_be_this_one_is_refused() {
    run(async {
        let two = Node::start(settings(2));
        for (hello, expected) in [
            (
                hello(1, 3, 9),
                Refused::WrongNode {
                    wanted: 3,
                    found: 2,
                },
            ),
            (hello(2, 2, 9), Refused::SameId { id: 2 }),
        ] {
            let mut wire = Wire::dial(&two).await;
            wire.send(&PREFACE).await;
            wire.frame(Kind::Hello, &hello.encode()).await;
            wire.preface().await;
            assert_eq!(wire.refusal().await, expected);
        }
    });
}

#[test]
fn garbage_is_closed_whenever_it_comes() {
    run(async {
        let two = Node::start(settings(2));
        let mut http = Wire::dial(&two).await;
        http.send(b"GET / HTTP/1.1\r\n\r\n").await;
        http.is_closed().await;

        let mut newer = Wire::dial(&two).await;
        newer.send(b"\0kvpeer\x02whatever").await;
        newer.preface().await;
        newer.is_closed().await;

        let mut before_hello = Wire::dial(&two).await;
        before_hello.send(&PREFACE).await;
        before_hello.send(&[5; 64]).await;
        before_hello.is_closed().await;

        let mut message_first = Wire::dial(&two).await;
        message_first.send(&PREFACE).await;
        message_first.frame(Kind::Message, b"hi").await;
        message_first.is_closed().await;

        let mut later = Wire::dial(&two).await;
        later.introduce(hello(1, 2, 1)).await;
        later.expect(Kind::Welcome).await;
        later.frame(Kind::Message, b"fine").await;
        assert_eq!(two.inbox.next().await.2, b"fine");
        later.frame(Kind::Message, b"nonsense").await;
        later.is_closed().await;
        assert_eq!(two.metrics.counts().received_messages, 2);
    });
}

#[test]
fn a_damaged_frame_ends_the_connection_before_anybody_sees_it() {
    run(async {
        let two = Node::start(settings(2));
        let mut wire = Wire::dial(&two).await;
        wire.introduce(hello(1, 2, 1)).await;
        wire.expect(Kind::Welcome).await;
        let mut out = BytesMut::new();
        put_frame(&mut out, Kind::Message, 100, |out| {
            out.extend_from_slice(b"payload");
        })
        .unwrap();
        let last = out.len() - 1;
        out[last] ^= 1;
        wire.send(&out).await;
        wire.is_closed().await;
        assert_eq!(two.metrics.counts().received_messages, 0);
    });
}

#[test]
fn a_truncated_frame_is_nothing() {
    run(async {
        let two = Node::start(settings(2));
        let mut wire = Wire::dial(&two).await;
        wire.introduce(hello(1, 2, 1)).await;
        wire.expect(Kind::Welcome).await;
        wire.send(&[7, 0, 0, 0, 1, 2, 3, 4, 16, b'x']).await;
        drop(wire);
        until(|| two.metrics.counts().lost == 1).await;
        assert_eq!(two.metrics.counts().received_messages, 0);
    });
}

#[test]
fn an_oversize_frame_ends_the_connection_at_its_length() {
    run(async {
        let small = PeerSettings {
            message_bytes_max: 1000,
            ..settings(2)
        };
        let two = Node::start(small);
        let mut wire = Wire::dial(&two).await;
        wire.introduce(hello(1, 2, 1)).await;
        wire.expect(Kind::Welcome).await;
        wire.send(&1001_u32.to_le_bytes()).await;
        wire.is_closed().await;
    });
}

#[test]
fn who_does_not_finish_the_handshake_is_closed() {
    run(async {
        let impatient = PeerSettings {
            handshake_timeout: Duration::from_millis(20),
            ..settings(2)
        };
        let two = Node::start(impatient.clone());
        let mut wire = Wire::dial(&two).await;
        wire.send(&PREFACE[..4]).await;
        wire.is_closed().await;

        let acceptor = Acceptor::bind().await;
        two.transport.connect(3, &acceptor.address());
        let mut wire = acceptor.accept().await;
        wire.hello().await;
        wire.is_closed().await;
    });
}

#[test]
fn a_client_port_is_no_peer() {
    run(async {
        let one = Node::start(settings(1));
        let acceptor = Acceptor::bind().await;
        one.transport.connect(2, &acceptor.address());
        let mut wire = acceptor.accept().await;
        wire.hello().await;
        wire.send(b"-ERR unknown command\r\n").await;
        wire.is_closed().await;
        one.refused().await;
    });
}
