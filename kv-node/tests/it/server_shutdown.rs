//! Ending gracefully.

use std::sync::atomic::Ordering;

use kv_node::server::ServerSettings;
use tokio::net::TcpStream;

use crate::server_client::{Client, TestServer, settings};

#[tokio::test]
async fn requests_in_progress_are_answered_before_the_server_ends() {
    let TestServer { backend, running } = TestServer::start(settings()).await;
    let (address, admin) = (running.listen_address(), running.admin_address());
    let mut client = Client::connect(address).await;
    backend.close_gate();
    client.send("SET a 1\r\n").await;
    backend.calls_arrived(1).await;
    // It arrives while the first is in progress, and is answered as well.
    client.send("GET a\r\n").await;
    let shutdown = tokio::spawn(running.shutdown());
    // The server stops accepting first.
    while TcpStream::connect(address).await.is_ok() {}
    assert_eq!(backend.shutdown_count.load(Ordering::Relaxed), 0);
    let mut probe = Client::connect(admin).await;
    probe.send("GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let answer = String::from_utf8(probe.read_to_end().await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("stopping\n"),
        "{answer}"
    );
    backend.open_gate();
    client.expect("+OK\r\n$1\r\n1\r\n").await;
    assert_eq!(client.read_to_end().await, b"");
    shutdown.await.unwrap();
    assert_eq!(backend.shutdown_count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn idle_clients_do_not_delay_the_end() {
    let TestServer { running, .. } = TestServer::start(settings()).await;
    let address = running.listen_address();
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(address).await;
        client.ask("PING", "+PONG\r\n").await;
        idle.push(client);
    }
    running.shutdown().await;
    for mut client in idle {
        assert_eq!(client.read_to_end().await, b"");
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let TestServer { backend, running } = TestServer::start(ServerSettings {
        shutdown_timeout: "20ms".parse().unwrap(),
        ..settings()
    })
    .await;
    let mut client = Client::connect(running.listen_address()).await;
    backend.close_gate();
    client.send("SET a 1\r\n").await;
    backend.calls_arrived(1).await;
    running.shutdown().await;
    assert_eq!(client.read_to_end().await, b"");
}
