//! Passwords.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use kv_node::server::{Server, ServerError, ServerSettings};

use tokio::task::JoinSet;

use crate::server_client::{TestServer, request, settings};

fn password_file(password: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{password}").unwrap();
    file
}

async fn locked_server() -> TestServer {
    let file = password_file("secret");
    TestServer::start(ServerSettings {
        password_file: Some(file.path().into()),
        ..settings()
    })
    .await
}

const NOAUTH: &str = "-NOAUTH Authentication required.\r\n";
const WRONGPASS: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

#[tokio::test]
async fn nothing_is_done_before_the_password() {
    let server = locked_server().await;
    let mut client = server.connect().await;
    client.ask("GET a", NOAUTH).await;
    client.ask("PING", NOAUTH).await;
    client.ask("SUBSCRIBE a", NOAUTH).await;
    client.ask("AUTH wrong", WRONGPASS).await;
    client.ask("AUTH bob secret", WRONGPASS).await;
    client.ask("GET a", NOAUTH).await;
    client.ask("AUTH secret", "+OK\r\n").await;
    client.ask("GET a", "$-1\r\n").await;
    client.ask("RESET", "+RESET\r\n").await;
    client.ask("GET a", NOAUTH).await;
    client.ask("AUTH default secret", "+OK\r\n").await;
    client.ask("GET a", "$-1\r\n").await;
}

#[tokio::test]
async fn hello_authenticates_too() {
    let server = locked_server().await;
    let mut client = server.connect().await;
    client.send("HELLO 3\r\n").await;
    assert!(client.bulk().await.starts_with("-NOAUTH HELLO must be"));
    client.ask("HELLO 3 AUTH default nope", WRONGPASS).await;
    client.send("HELLO 3 AUTH default secret\r\n").await;
    assert_eq!(client.bulk().await, "%7\r\n");
}

#[tokio::test]
async fn a_pipeline_behind_the_password_is_answered() {
    let server = locked_server().await;
    let mut client = server.connect().await;
    let mut pipeline = request(&[b"AUTH", b"secret"]);
    let value = vec![b'v'; 100_000];
    pipeline.extend(request(&[b"SET", b"k", &value]));
    pipeline.extend(request(&[b"PING"]));
    client.send(&pipeline).await;
    client.expect("+OK\r\n+OK\r\n+PONG\r\n").await;
}

#[tokio::test]
async fn large_requests_before_the_password_end_the_connection() {
    let server = locked_server().await;
    let mut client = server.connect().await;
    client.send("*11\r\n").await;
    let told = client.read_to_end().await;
    assert_eq!(
        told,
        b"-ERR Protocol error: unauthenticated multibulk length\r\n"
    );
    let mut client = server.connect().await;
    client.send("*2\r\n$4\r\nAUTH\r\n$16385\r\n").await;
    let told = client.read_to_end().await;
    assert_eq!(
        told,
        b"-ERR Protocol error: unauthenticated bulk length\r\n"
    );
}

#[tokio::test]
async fn guesses_beyond_those_that_may_wait_are_refused() {
    let server = locked_server().await;
    let mut client = server.connect().await;
    for _ in 0..5 {
        client.ask("AUTH wrong", WRONGPASS).await;
    }
    let mut answers = JoinSet::new();
    for _ in 0..40 {
        let mut client = server.connect().await;
        client.send("AUTH secret\r\n").await;
        answers.spawn(async move { client.bulk().await });
    }
    // Some wait for seconds, but there is no room for all of them.
    loop {
        let answer = answers.join_next().await.expect("one is refused").unwrap();
        if answer.starts_with("-BUSY too many failed authentications") {
            break;
        }
    }
}

#[tokio::test]
async fn a_password_file_that_others_can_read_is_refused() {
    let file = password_file("secret");
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Server::bind(ServerSettings {
        password_file: Some(file.path().into()),
        ..settings()
    })
    .await
    .unwrap_err();
    let report = error.report().to_string();
    assert!(report.contains("has mode 0644"), "{report}");
    assert!(
        report.contains("hint:  make it readable by its owner only: chmod 600"),
        "{report}"
    );
}

#[tokio::test]
async fn an_open_address_needs_a_password() {
    let open = "0.0.0.0:0".parse().unwrap();
    let file = password_file("secret");
    for settings in [
        ServerSettings {
            listen: open,
            ..settings()
        },
        ServerSettings {
            admin: open,
            ..settings()
        },
    ] {
        let error = Server::bind(settings.clone()).await.unwrap_err();
        assert!(matches!(error, ServerError::Unprotected { address } if address == open));
        assert!(error.report().to_string().contains("--password-file"));
        let with_password = ServerSettings {
            password_file: Some(file.path().into()),
            ..settings
        };
        Server::bind(with_password).await.unwrap();
    }
}
