//! Transcripts of RESP connections, byte for byte.
//!
//! ```text
//! # comment
//! a> SET key value        connection a sends this line (the first mention connects)
//! a< +OK                  and receives this one
//! ```

use std::collections::HashMap;
use std::path::Path;

use kv_proto::ReadLevel;

use crate::server_client::{Client, TestServer, request, settings};

/// What follows on one connection.
#[derive(Debug, PartialEq)]
enum Step {
    Send(String, String),
    Expect(String, String),
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (who, rest) = line.split_once(['>', '<']).expect("a> or a<");
        let content = format!("{}\r\n", rest.strip_prefix(' ').unwrap_or(rest));
        let is_sent = line[who.len()..].starts_with('>');
        match (is_sent, steps.last_mut()) {
            (false, Some(Step::Expect(last, expected))) if last == who => {
                expected.push_str(&content);
            }
            (false, _) => steps.push(Step::Expect(who.to_owned(), content)),
            (true, _) => steps.push(Step::Send(who.to_owned(), content)),
        }
    }
    steps
}

async fn play(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/resp")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let server = TestServer::start(settings()).await;
    let mut clients: HashMap<String, Client> = HashMap::new();
    for step in steps(&text) {
        let who = match &step {
            Step::Send(who, _) | Step::Expect(who, _) => who,
        };
        if !clients.contains_key(who) {
            clients.insert(who.clone(), server.connect().await);
        }
        let client = clients.get_mut(who).unwrap();
        match &step {
            Step::Send(_, line) => client.send(line).await,
            Step::Expect(_, expected) => client.expect(expected).await,
        }
    }
    for (_, mut client) in clients {
        client.ask("RESET", "+RESET\r\n").await;
    }
}

#[tokio::test]
async fn connection_commands_read_as_in_redis() {
    play("connection.txt").await;
}

#[tokio::test]
async fn transactions_read_as_in_redis() {
    play("transaction.txt").await;
}

#[tokio::test]
async fn pubsub_reads_as_in_redis() {
    play("pubsub.txt").await;
}

#[tokio::test]
async fn server_commands_read_as_in_redis() {
    play("server.txt").await;
}

#[tokio::test]
async fn bgsave_asks_the_backend_for_a_snapshot() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.ask("BGSAVE", "+Background saving started\r\n").await;
    client.ask("BGSAVE later", "-ERR syntax error\r\n").await;
    let count = &server.backend.snapshot_count;
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_pipelined_buffer_is_one_batch_and_its_replies_are_in_order() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    let mut pipeline = Vec::new();
    let mut expected = String::new();
    for number in 0..500 {
        pipeline.extend(request(&[b"INCRBY", b"n", b"2"]));
        expected.push_str(&format!(":{}\r\n", 2 * (number + 1)));
    }
    client.send(&pipeline).await;
    client.expect(&expected).await;
    let calls = server
        .backend
        .call_count
        .load(std::sync::atomic::Ordering::Relaxed);
    assert!(calls < 50, "{calls} calls for 500 pipelined requests");
}

#[tokio::test]
async fn errors_and_connection_commands_keep_their_place_between_data_commands() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client
        .send("SET a 1\r\nNOPE\r\nGET a\r\nPING\r\nINCR a\r\nGET\r\nECHO x\r\nGET a\r\n")
        .await;
    client
        .expect(
            "+OK\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n$1\r\n1\r\n\
             +PONG\r\n:2\r\n-ERR wrong number of arguments for 'get' command\r\n$1\r\nx\r\n\
             $1\r\n2\r\n",
        )
        .await;
}

#[tokio::test]
async fn requests_in_single_bytes_are_answered() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    for byte in request(&[b"SET", b"key", b"va\r\nlue"]) {
        client.send([byte]).await;
    }
    client.expect("+OK\r\n").await;
    client.ask("GET key", "$7\r\nva\r\nlue\r\n").await;
}

#[tokio::test]
async fn a_client_that_stops_sending_gets_its_replies() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.send("SET a 1\r\nGET a\r\n").await;
    client.finish_sending().await;
    assert_eq!(client.read_to_end().await, b"+OK\r\n$1\r\n1\r\n");
}

#[tokio::test]
async fn large_values_pass_both_ways() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    let value = vec![b'v'; 7 << 20];
    client.send(request(&[b"SET", b"big", &value])).await;
    client.expect("+OK\r\n").await;
    client.send("GET big\r\nPING\r\n").await;
    let mut expected = format!("${}\r\n", value.len()).into_bytes();
    expected.extend_from_slice(&value);
    expected.extend_from_slice(b"\r\n+PONG\r\n");
    client.expect(&expected).await;
}

#[tokio::test]
async fn an_array_far_larger_than_the_output_limit_reaches_a_client_that_reads() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    let value = vec![b'v'; 1 << 20];
    client.send(request(&[b"SET", b"k", &value])).await;
    client.expect("+OK\r\n").await;
    let mut args: Vec<&[u8]> = vec![b"MGET"];
    args.resize(101, b"k");
    client.send(request(&args)).await;
    client.expect("*100\r\n").await;
    let mut item = format!("${}\r\n", value.len()).into_bytes();
    item.extend_from_slice(&value);
    item.extend_from_slice(b"\r\n");
    for _ in 0..100 {
        client.expect(&item).await;
    }
}

#[tokio::test]
async fn readonly_lets_reads_be_stale_until_readwrite_or_reset() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    let stale = ReadLevel::Stale { after: None };
    let current = ReadLevel::Linearizable;
    for (before, expected) in [
        ("PING\r\n", current),
        ("READONLY\r\n", stale),
        ("READWRITE\r\n", current),
        ("READONLY\r\n", stale),
        ("RESET\r\n", current),
    ] {
        client.send(before).await;
        client.bulk().await;
        client.ask("GET k", "$-1\r\n").await;
        assert_eq!(*server.backend.read_levels.lock(), [expected], "{before}");
    }
    client.ask("READONLY", "+OK\r\n").await;
    client.ask("SET k v", "+OK\r\n").await;
    assert_eq!(*server.backend.read_levels.lock(), [current]);
}

#[tokio::test]
async fn the_age_of_stale_reads_is_in_the_nodes_metadata() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.ask("READONLY", "+OK\r\n").await;
    client.ask("GET k", "$-1\r\n").await;
    client.send("KV.META\r\n").await;
    client.finish_sending().await;
    let meta = String::from_utf8(client.read_to_end().await).unwrap();
    let expected = "$12\r\nread_applied\r\n:0\r\n$11\r\nread_age_ms\r\n:7\r\n";
    assert!(meta.ends_with(expected), "{meta}");
}
