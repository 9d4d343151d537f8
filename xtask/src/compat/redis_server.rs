//! A real `redis-server` to compare with; gone when dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::resp::{Connection, command};

/// A running server without persistence.
pub(super) struct RedisServer {
    child: Child,
    addr: String,
}

/// How long it may take to serve, in tries and the pause between them.
const START_TRIES: usize = 500;
const START_PAUSE: Duration = Duration::from_millis(20);

impl RedisServer {
    /// Starts one that works in `dir`.
    ///
    /// # Errors
    ///
    /// When it does not serve within ten seconds.
    pub(super) fn start(dir: &Path) -> Result<RedisServer> {
        let port = TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port()
            .to_string();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start redis-server")?;
        let server = RedisServer {
            child,
            addr: format!("127.0.0.1:{port}"),
        };
        server.wait()?;
        Ok(server)
    }

    /// `address:port`.
    pub(super) fn addr(&self) -> &str {
        &self.addr
    }

    fn wait(&self) -> Result<()> {
        for _ in 0..START_TRIES {
            let ping = Connection::open(&self.addr, Duration::from_secs(1))
                .and_then(|mut connection| connection.call(&command(&["PING"])));
            if ping.is_ok_and(|reply| reply.is_status("PONG")) {
                return Ok(());
            }
            std::thread::sleep(START_PAUSE);
        }
        bail!("redis-server does not serve")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
