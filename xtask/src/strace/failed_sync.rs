//! One sync of the log fails: no acknowledgement after that.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::http;
use crate::node::{Node, Options};
use crate::resp::{Connection, Reply, command};

/// Which `fdatasync` of the log's thread fails. Only this one: a node that tried again would
/// succeed, and that must not help it.
const FAILING_SYNC: usize = 25;

/// Writes that are tried at most until that sync is reached.
const WRITES_MAX: usize = 10_000;

/// Writes that are tried after it failed.
const WRITES_AFTER: usize = 50;

/// What the log must say of it.
const EIO: &str = "os error 5";

/// How often we look for that, and the pause between two looks.
const LOG_TRIES: usize = 250;
const PAUSE: Duration = Duration::from_millis(20);

/// How often we look whether it has stopped.
const STOP_TRIES: usize = 1500;

const REPLY_MAX: Duration = Duration::from_secs(60);

/// Breaks a sync and looks at what the node does.
///
/// # Errors
///
/// When it does anything but refuse writes, say why, and go on reading.
pub(super) fn run(program: &Path, home: &Path) -> Result<()> {
    let log = home.join("failed-sync.log");
    let mut options = Options::on_free_ports(program.to_path_buf(), home.join("failed-sync.data"));
    options.log = Some(log.clone());
    let inject = format!("inject=fdatasync:error=EIO:when={FAILING_SYNC}");
    let trace = home.join("failed-sync.trace").display().to_string();
    let wrapper = [
        "strace",
        "-D",
        "-f",
        "-y",
        "-e",
        "trace=fdatasync",
        "-e",
        &inject,
        "-o",
        &trace,
    ];
    options.wrapper = wrapper.iter().map(Into::into).collect();
    let node = options.start()?;
    let acknowledged = break_it(&node)?;
    check_that_it_says_why(&node, &log)?;
    end(node)?;
    options.wrapper.clear();
    let node = options.start().context("after the failed sync")?;
    check_all(&node, acknowledged)?;
    node.stop()?;
    println!("strace: after EIO on a sync nothing was acknowledged; {acknowledged} writes found");
    Ok(())
}

/// Writes until the sync fails and beyond; returns how many writes were acknowledged.
fn break_it(node: &Node) -> Result<usize> {
    let mut connection = Connection::open(node.client_addr(), REPLY_MAX)?;
    let mut set = |number: usize| connection.call(&command(&["SET", &key(number), &key(number)]));
    let mut acknowledged = 0;
    let first_refusal = loop {
        let reply = set(acknowledged)?;
        if !reply.is_status("OK") {
            break reply;
        }
        acknowledged += 1;
        ensure!(
            acknowledged < WRITES_MAX,
            "the sync that must fail was never reached"
        );
    };
    expect_error(&first_refusal, "UNKNOWN ")?;
    for number in 0..WRITES_AFTER {
        expect_error(&set(acknowledged + 1 + number)?, "")?;
    }
    for number in 0..acknowledged {
        let stored = connection.call(&command(&["GET", &key(number)]))?;
        ensure!(
            stored.bytes() == Some(key(number).as_bytes()),
            "reads: {stored:?}"
        );
    }
    Ok(acknowledged)
}

fn check_that_it_says_why(node: &Node, log: &Path) -> Result<()> {
    let status = http::get_json(node.admin_addr(), "/status")?;
    ensure!(
        status["health"] != "ok",
        "/status says it is well: {status}"
    );
    for _ in 0..LOG_TRIES {
        if fs::read_to_string(log)?.contains(EIO) {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    bail!("the log in {} does not name the error", log.display())
}

/// It may end with an error, having lost its log; it must end.
fn end(mut node: Node) -> Result<()> {
    node.terminate()?;
    for _ in 0..STOP_TRIES {
        if node.ended()?.is_some() {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    bail!("it does not stop after its log failed")
}

fn check_all(node: &Node, count: usize) -> Result<()> {
    let mut connection = Connection::open(node.client_addr(), REPLY_MAX)?;
    for number in 0..count {
        let stored = connection.call(&command(&["GET", &key(number)]))?;
        ensure!(
            stored.bytes() == Some(key(number).as_bytes()),
            "{}: {stored:?}",
            key(number)
        );
    }
    // The write that was answered "unknown" may be there, those after it may not.
    let size = connection
        .call(&command(&["DBSIZE"]))?
        .integer()
        .unwrap_or_default();
    let allowed = [count, count + 1].map(|count| i64::try_from(count).ok());
    ensure!(
        allowed.contains(&Some(size)),
        "{size} keys, {count} were acknowledged"
    );
    Ok(())
}

fn expect_error(reply: &Reply, prefix: &str) -> Result<()> {
    let is_expected = reply.error().is_some_and(|error| error.starts_with(prefix));
    ensure!(
        is_expected,
        "a write whose sync failed gives {reply:?}, not {prefix}…"
    );
    Ok(())
}

fn key(number: usize) -> String {
    format!("key:{number}")
}
