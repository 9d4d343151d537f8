//! The admin address.

use std::net::SocketAddr;

use kv_node::server::{Server, ServerSettings};

use crate::server_client::{Client, TestServer, settings};

async fn http(address: SocketAddr, request: &str) -> String {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    String::from_utf8(client.read_to_end().await).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> String {
    http(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
}

#[tokio::test]
async fn probes_tell_loading_from_ready() {
    let server = Server::bind(settings()).await.unwrap();
    let admin = server.admin_address();
    assert!(get(admin, "/healthz").await.starts_with("HTTP/1.1 200"));
    let loading = get(admin, "/readyz").await;
    assert!(
        loading.starts_with("HTTP/1.1 503") && loading.ends_with("loading\n"),
        "{loading}"
    );
    assert!(
        get(admin, "/status")
            .await
            .contains("\"health\":\"loading\"")
    );
    assert!(get(admin, "/metrics").await.starts_with("HTTP/1.1 503"));
    let backend = std::sync::Arc::default();
    let _running = server
        .serve::<crate::server_backend::MapBackend>(backend)
        .await
        .unwrap();
    assert!(get(admin, "/readyz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn clients_are_refused_until_the_node_serves() {
    let server = Server::bind(settings()).await.unwrap();
    let address = server.listen_address();
    let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.ask("SET a 1", "+OK\r\n").await;
    client.ask("GET a", "$1\r\n1\r\n").await;
    client.ask("GET a", "$1\r\n1\r\n").await;
    client.send("NOPE\r\n").await;
    client.bulk().await;
    let page = get(server.running.admin_address(), "/metrics").await;
    for line in [
        "kv_commands_total{command=\"get\"} 2",
        "kv_commands_total{command=\"set\"} 1",
        "kv_error_replies_total 1",
        "kv_connections 1",
        "kv_connections_accepted_total 1",
        "kv_request_seconds_count 3",
        "kv_keys 1",
        "kv_ready 1",
        "map_calls 3",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
}

#[tokio::test]
async fn status_is_json_about_node_and_server() {
    let server = TestServer::start(settings()).await;
    let mut client = server.connect().await;
    client.ask("SET a 1", "+OK\r\n").await;
    let response = get(server.running.admin_address(), "/status").await;
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let status: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(status["mode"], "standalone");
    assert_eq!(status["key_count"], 1);
    assert_eq!(status["connection_count"], 1);
    assert_eq!(
        status["listen"],
        server.running.listen_address().to_string()
    );
}

#[tokio::test]
async fn unknown_paths_methods_and_noise_are_refused() {
    let server = TestServer::start(settings()).await;
    let admin = server.running.admin_address();
    assert!(get(admin, "/nothing").await.starts_with("HTTP/1.1 404"));
    let post = "POST /status HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    assert!(http(admin, post).await.starts_with("HTTP/1.1 405"));
    assert!(
        http(admin, "noise\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400")
    );
    let huge = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    assert!(http(admin, &huge).await.starts_with("HTTP/1.1 4"));
    assert!(get(admin, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_open_admin_address_asks_for_the_password() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret\n").unwrap();
    let server = TestServer::start(ServerSettings {
        admin: "0.0.0.0:0".parse().unwrap(),
        password_file: Some(file.path().into()),
        ..settings()
    })
    .await;
    let admin = ([127, 0, 0, 1], server.running.admin_address().port()).into();
    assert!(get(admin, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(admin, "/status").await.starts_with("HTTP/1.1 401"));
    // base64 of `any:secret`
    let request = |credentials: &str| {
        format!("GET /status HTTP/1.1\r\nhost: x\r\nauthorization: Basic {credentials}\r\n\r\n")
    };
    let right = http(admin, &request("YW55OnNlY3JldA==")).await;
    assert!(right.starts_with("HTTP/1.1 200"), "{right}");
    let wrong = http(admin, &request("YW55Ondyb25n")).await;
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
}
