//! A server in this process and plain sockets to talk to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kv_node::server::{RunningServer, Server, ServerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server_backend::MapBackend;

/// A test that waits longer than this hangs: it fails instead.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings with free ports.
pub(crate) fn settings() -> ServerSettings {
    ServerSettings {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        io_threads: 2,
        ..ServerSettings::default()
    }
}

/// A server over a map.
pub(crate) struct TestServer {
    pub(crate) backend: Arc<MapBackend>,
    pub(crate) running: RunningServer<MapBackend>,
}

impl TestServer {
    pub(crate) async fn start(settings: ServerSettings) -> TestServer {
        let backend = Arc::new(MapBackend::default());
        let running = Server::start(settings, backend.clone()).await.unwrap();
        TestServer { backend, running }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.running.listen_address()).await
    }
}

/// A plain socket.
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        Client { stream }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends `bytes` again and again, reading nothing, until the server closes.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) {
        while self.stream.write_all(bytes).await.is_ok() {}
    }

    /// Reads exactly what is expected.
    pub(crate) async fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let mut found = Vec::new();
        while found.len() < expected.len() && expected.starts_with(&found) {
            let mut part = vec![0; expected.len() - found.len()];
            match self.read(&mut part).await {
                0 => break,
                count => found.extend_from_slice(&part[..count]),
            }
        }
        assert_eq!(
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(expected)
        );
    }

    /// Sends a line and reads exactly what is expected.
    pub(crate) async fn ask(&mut self, line: &str, expected: &str) {
        self.send(format!("{line}\r\n")).await;
        self.expect(expected).await;
    }

    /// Reads a line and as many more bytes as it announces, if it announces a bulk string.
    pub(crate) async fn bulk(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            assert_eq!(self.read(&mut byte).await, 1);
            line.push(byte[0]);
        }
        let line = String::from_utf8(line).unwrap();
        let Some(len) = line.strip_prefix('$') else {
            return line;
        };
        let len: usize = len.trim_end().parse().unwrap();
        let mut bytes = vec![0; len + 2];
        let read = self.stream.read_exact(&mut bytes);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        bytes.truncate(len);
        String::from_utf8(bytes).unwrap()
    }

    /// Reads until the server closes; an abrupt end is one, too.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut part = vec![0; 64 << 10];
        loop {
            match self.read(&mut part).await {
                0 => return all,
                count => all.extend_from_slice(&part[..count]),
            }
        }
    }

    async fn read(&mut self, part: &mut [u8]) -> usize {
        let read = tokio::time::timeout(PATIENCE, self.stream.read(part));
        read.await.expect("the server answers").unwrap_or(0)
    }

    /// Tells the server that nothing more will be sent.
    pub(crate) async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }
}

/// A request as client libraries write it.
pub(crate) fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
