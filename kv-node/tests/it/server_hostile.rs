//! Clients that break the protocol, are slow, or do not read.

use kv_node::config::{ByteSize, Period};
use kv_node::server::ServerSettings;

use crate::server_client::{TestServer, request, settings};

/// What a client that sends `bytes` receives until it is closed.
async fn last_words(bytes: &[u8]) -> String {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.send(bytes).await;
    let received = client.read_to_end().await;
    let mut other = server.connect().await;
    other.ask("PING", "+PONG\r\n").await;
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn breaches_of_protocol_are_answered_and_end_the_connection() {
    for (sent, answer) in [
        (
            "*x\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            "*99999999\r\n",
            "-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            "*1\r\nGET\r\n",
            "-ERR Protocol error: expected '$', got 'G'\r\n",
        ),
        (
            "*1\r\n*1\r\n$4\r\nPING\r\n",
            "-ERR Protocol error: expected '$', got '*'\r\n",
        ),
        (
            "*1\r\n*1\r\n$4\r\nPING\r\n",
            "-ERR Protocol error: expected '$', got '*'\r\n",
        ),
        (
            "*1\r\n$-5\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            "*1\r\n$99999999999\r\n",
            "-ERR Protocol error: invalid bulk length\r\n",
        ),
        (
            "PING\r\n*1\r\n$3\r\nPINGS\r\n",
            "+PONG\r\n-ERR Protocol error: expected CRLF after bulk\r\n",
        ),
        (
            "PING \"x\r\n",
            "-ERR Protocol error: unbalanced quotes in request\r\n",
        ),
    ] {
        assert_eq!(last_words(sent.as_bytes()).await, answer, "{sent}");
    }
}

#[tokio::test]
async fn an_endless_line_is_refused() {
    let line = vec![b'x'; 70_000];
    assert_eq!(
        last_words(&line).await,
        "-ERR Protocol error: too big inline request\r\n"
    );
}

#[tokio::test]
async fn the_error_reaches_a_client_that_still_sends() {
    let mut bytes = b"*1\r\n$99999999\r\n".to_vec();
    bytes.resize(2 << 20, b'x');
    assert_eq!(
        last_words(&bytes).await,
        "-ERR Protocol error: invalid bulk length\r\n"
    );
}

#[tokio::test]
async fn a_browser_is_closed_without_an_answer() {
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a 1\r\n";
    assert_eq!(last_words(post.as_bytes()).await, "");
    let get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = last_words(get.as_bytes()).await;
    assert_eq!(
        answer,
        "-ERR wrong number of arguments for 'get' command\r\n"
    );
}

#[tokio::test]
async fn a_request_beyond_the_frame_limit_is_refused_before_it_arrives() {
    let server = TestServer::start(ServerSettings {
        frame_bytes_max: ByteSize(64 << 10),
        value_bytes_max: ByteSize(32 << 10),
        ..settings()
    })
    .await;
    let mut client = server.connect().await;
    client
        .send("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$65537\r\n")
        .await;
    let answer = client.read_to_end().await;
    assert_eq!(answer, b"-ERR Protocol error: invalid bulk length\r\n");
    let mut client = server.connect().await;
    client
        .send(request(&[b"SET", b"a", &vec![0; (32 << 10) + 1]]))
        .await;
    client
        .expect("-ERR value has 32769 bytes, the limit is 32768\r\n")
        .await;
    client.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_request_that_does_not_arrive_in_time_ends_the_connection() {
    let server = TestServer::start(ServerSettings {
        partial_frame_timeout: "50ms".parse().unwrap(),
        ..settings()
    })
    .await;
    let mut slow = server.connect().await;
    slow.ask("PING", "+PONG\r\n").await;
    let mut patient = server.connect().await;
    patient.ask("PING", "+PONG\r\n").await;
    slow.send("*1\r\n$4\r\nPI").await;
    assert_eq!(slow.read_to_end().await, b"");
    // One that is idle between requests is not.
    patient.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_request_that_trickles_in_ends_the_connection_too() {
    let server = TestServer::start(ServerSettings {
        partial_frame_timeout: "50ms".parse().unwrap(),
        ..settings()
    })
    .await;
    let mut slow = server.connect().await;
    slow.send("*1\r\n$60000\r\n").await;
    // Bytes come all the time, yet the request does not.
    slow.flood(b"x").await;
}

#[tokio::test]
async fn an_idle_client_is_closed() {
    let server = TestServer::start(ServerSettings {
        idle_timeout: "50ms".parse().unwrap(),
        ..settings()
    })
    .await;
    let mut idle = server.connect().await;
    idle.ask("PING", "+PONG\r\n").await;
    assert_eq!(idle.read_to_end().await, b"");
    let mut silent = server.connect().await;
    assert_eq!(silent.read_to_end().await, b"");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_the_others_go_on() {
    let server = TestServer::start(ServerSettings {
        unread_output_bytes_max: ByteSize::mib(1),
        unread_output_timeout: "50ms".parse().unwrap(),
        io_threads: 1,
        ..settings()
    })
    .await;
    let mut deaf = server.connect().await;
    let mut other = server.connect().await;
    let value = vec![b'v'; 256 << 10];
    other.send(request(&[b"SET", b"k", &value])).await;
    other.expect("+OK\r\n").await;
    // Ends when the server closes; the other client is served by the same thread meanwhile.
    let get_often = "GET k\r\n".repeat(100);
    let flood = deaf.flood(get_often.as_bytes());
    let ask = async {
        for _ in 0..100 {
            other.ask("PING", "+PONG\r\n").await;
        }
    };
    tokio::join!(flood, ask);
    other.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn a_client_that_reads_late_gets_all_within_the_limit() {
    let server = TestServer::start(ServerSettings {
        unread_output_timeout: Period::seconds(3600),
        ..settings()
    })
    .await;
    let mut late = server.connect().await;
    let value = vec![b'v'; 1 << 20];
    late.send(request(&[b"SET", b"k", &value])).await;
    late.expect("+OK\r\n").await;
    // 30 MiB of replies are asked for before one is read.
    late.send("GET k\r\n".repeat(30)).await;
    let mut reply = format!("${}\r\n", value.len()).into_bytes();
    reply.extend_from_slice(&value);
    reply.extend_from_slice(b"\r\n");
    for _ in 0..30 {
        late.expect(&reply).await;
    }
    late.ask("PING", "+PONG\r\n").await;
}

#[tokio::test]
async fn clients_beyond_the_limit_are_told_so_and_closed() {
    let server = TestServer::start(ServerSettings {
        connections_max: 3,
        ..settings()
    })
    .await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.ask("PING", "+PONG\r\n").await;
        clients.push(client);
    }
    let mut refused = server.connect().await;
    let told = refused.read_to_end().await;
    assert_eq!(told, b"-ERR max number of clients reached\r\n");
    // A place becomes free.
    let mut first = clients.remove(0);
    first.send("QUIT\r\n").await;
    assert_eq!(first.read_to_end().await, b"+OK\r\n");
    loop {
        let mut next = server.connect().await;
        next.send("PING\r\n").await;
        // The place is given back a moment after the socket is closed.
        if next.bulk().await == "+PONG\r\n" {
            break;
        }
    }
}

#[tokio::test]
async fn transactions_are_bounded() {
    let server = TestServer::start(ServerSettings {
        batch_ops_max: 3,
        ..settings()
    })
    .await;
    let mut client = server.connect().await;
    client.ask("MULTI", "+OK\r\n").await;
    for _ in 0..3 {
        client.ask("INCR n", "+QUEUED\r\n").await;
    }
    client
        .ask(
            "INCR n",
            "-ERR transaction is larger than 3 commands or 16777216 bytes\r\n",
        )
        .await;
    let abort = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    client.ask("EXEC", abort).await;
    client.ask("GET n", "$-1\r\n").await;
    client
        .ask(
            "WATCH a b c d",
            "-ERR request has 4 operations, the limit is 3\r\n",
        )
        .await;
}

#[tokio::test]
async fn a_killed_client_is_closed() {
    let server = TestServer::start(settings()).await;
    let mut victim = server.connect().await;
    victim.ask("CLIENT ID", ":1\r\n").await;
    let mut killer = server.connect().await;
    killer.ask("CLIENT KILL ID 1", ":1\r\n").await;
    assert_eq!(victim.read_to_end().await, b"");
    killer.send("CLIENT KILL SKIPME no\r\n").await;
    assert_eq!(killer.read_to_end().await, b":1\r\n");
}
