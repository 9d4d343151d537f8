//! Publishing across connections and threads.

use crate::server_client::{TestServer, request, settings};
use kv_node::config::{ByteSize, Period};
use kv_node::server::ServerSettings;

#[tokio::test]
async fn every_subscriber_on_every_thread_hears_every_message_in_order() {
    let server = TestServer::start(settings()).await;
    let mut subscribers = Vec::new();
    for _ in 0..8 {
        let mut client = server.connect().await;
        client
            .ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
            .await;
        subscribers.push(client);
    }
    let mut publisher = server.connect().await;
    let mut expected = String::new();
    for number in 100..200 {
        publisher
            .ask(&format!("PUBLISH c {number}"), ":8\r\n")
            .await;
        expected.push_str(&format!(
            "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\n{number}\r\n"
        ));
    }
    for subscriber in &mut subscribers {
        subscriber.expect(&expected).await;
    }
}

#[tokio::test]
async fn a_subscription_ends_with_its_connection() {
    let server = TestServer::start(settings()).await;
    let mut subscriber = server.connect().await;
    subscriber
        .ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
        .await;
    subscriber.send("QUIT\r\n").await;
    assert_eq!(subscriber.read_to_end().await, b"+OK\r\n");
    let mut publisher = server.connect().await;
    publisher.ask("PUBLISH c x", ":0\r\n").await;
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_closed_and_the_others_go_on() {
    let server = TestServer::start(ServerSettings {
        unread_output_bytes_max: ByteSize(64 << 10),
        unread_output_timeout: Period::seconds(3600),
        ..settings()
    })
    .await;
    let mut deaf = server.connect().await;
    deaf.ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
        .await;
    let mut publisher = server.connect().await;
    let message = vec![b'm'; 32 << 10];
    let publish = request(&[b"PUBLISH", b"c", &message]);
    let mut receivers = ":1\r\n".to_owned();
    while receivers == ":1\r\n" {
        publisher.send(&publish).await;
        receivers = publisher.bulk().await;
    }
    assert_eq!(receivers, ":0\r\n");
    publisher.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn subscribers_may_be_idle() {
    let server = TestServer::start(ServerSettings {
        idle_timeout: "20ms".parse().unwrap(),
        ..settings()
    })
    .await;
    let mut subscriber = server.connect().await;
    subscriber
        .ask("SUBSCRIBE c", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
        .await;
    // Another client is closed for idling; the subscriber, silent for longer, is not.
    let mut idle = server.connect().await;
    idle.ask("PING", "+PONG\r\n").await;
    assert_eq!(idle.read_to_end().await, b"");
    subscriber
        .ask("PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        .await;
    // Without subscriptions it is as any other.
    subscriber.send("UNSUBSCRIBE\r\n").await;
    let rest = subscriber.read_to_end().await;
    assert_eq!(rest, b"*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
}
