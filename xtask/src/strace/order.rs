//! Write, sync, reply: in this order for every acknowledgement.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::trace::{Call, calls};
use crate::node::Options;
use crate::resp::{Connection, command};

/// Everything that could write to a file or a socket, or sync.
const TRACED: &str = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,\
    fdatasync,fsync,sync_file_range,io_uring_enter";

const REPLY_MAX: Duration = Duration::from_secs(60);

/// How often and how long we look for the end of the trace.
const TRACE_TRIES: usize = 500;
const TRACE_PAUSE: Duration = Duration::from_millis(20);

/// What a client did: the port it wrote from, and its values in order.
struct Written {
    port: u16,
    values: Vec<String>,
}

/// Traces a node under load and checks the trace.
///
/// # Errors
///
/// When a reply went out before its value was synced.
pub(super) fn run(program: &Path, home: &Path, clients: usize, writes: usize) -> Result<()> {
    let path = home.join("order.trace");
    let mut options = Options::on_free_ports(program.to_path_buf(), home.join("order.data"));
    options.log = Some(home.join("order.log"));
    let trace = path.display().to_string();
    let wrapper = [
        "strace", "-D", "-f", "-yy", "-s", "1048576", "-e", TRACED, "-o", &trace,
    ];
    options.wrapper = wrapper.iter().map(Into::into).collect();
    let node = options.start()?;
    let written = load(node.client_addr(), clients, writes)?;
    let pid = node.pid();
    node.stop()?;
    let trace = whole_trace(&path, pid)?;
    let checked = check(&calls(&trace), &written)
        .with_context(|| format!("the trace is kept in {}", path.display()))?;
    println!("strace: each of {checked} replies came after the fdatasync that covers it");
    Ok(())
}

fn load(addr: &str, clients: usize, writes: usize) -> Result<Vec<Written>> {
    let threads: Vec<_> = (0..clients)
        .map(|client| {
            let addr = addr.to_owned();
            thread::spawn(move || write(&addr, client, writes))
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().expect("a client does not panic"))
        .collect()
}

fn write(addr: &str, client: usize, writes: usize) -> Result<Written> {
    let mut connection = Connection::open(addr, REPLY_MAX)?;
    let mut values = Vec::new();
    for number in 0..writes {
        let value = format!("value-{client}-{number}-of-nobody-else");
        let reply = connection.call(&command(&["SET", &format!("key:{client}"), &value]))?;
        ensure!(reply.is_status("OK"), "SET gives {reply:?}");
        values.push(value);
    }
    Ok(Written {
        port: connection.local_port()?,
        values,
    })
}

/// The trace once the tracer has seen the node's end.
fn whole_trace(path: &Path, pid: u32) -> Result<String> {
    let pid = format!("{pid} ");
    let is_end = |line: &str| line.starts_with(&pid) && line.contains(" +++ exited with ");
    for _ in 0..TRACE_TRIES {
        let trace = fs::read_to_string(path).context("reading the trace")?;
        if trace.lines().any(is_end) {
            return Ok(trace);
        }
        thread::sleep(TRACE_PAUSE);
    }
    bail!("the trace in {} has no end", path.display())
}

/// Checks every reply to every client; returns how many there were.
fn check(calls: &[Call<'_>], written: &[Written]) -> Result<usize> {
    let mut count = 0;
    for client in written {
        let replies = replies_to(calls, client.port);
        ensure!(
            replies.len() == client.values.len(),
            "{} replies to {} writes from port {}",
            replies.len(),
            client.values.len(),
            client.port,
        );
        for (value, reply) in client.values.iter().zip(replies) {
            check_one(calls, value, reply)?;
            count += 1;
        }
    }
    Ok(count)
}

fn replies_to<'a>(calls: &'a [Call<'a>], port: u16) -> Vec<&'a Call<'a>> {
    let to = format!("->127.0.0.1:{port}]>");
    let is_reply = |call: &&Call<'_>| is_write(call) && call.target().ends_with(&to);
    calls.iter().filter(is_reply).collect()
}

fn check_one(calls: &[Call<'_>], value: &str, reply: &Call<'_>) -> Result<()> {
    let log_write = calls.iter().find(|call| {
        is_write(call) && call.target().ends_with(".wal>") && call.args.contains(value)
    });
    let Some(log_write) = log_write else {
        bail!("{value} was never written to the log")
    };
    let covers = |call: &&Call<'_>| {
        call.name == "fdatasync"
            && call.result == "0"
            && call.target() == log_write.target()
            && call.begin > log_write.end
    };
    let Some(sync) = calls.iter().find(covers) else {
        bail!("{value} was never synced")
    };
    ensure!(
        sync.end < reply.begin,
        "{value}: the reply (line {}) began before the sync (line {}) had ended",
        reply.begin + 1,
        sync.end + 1,
    );
    Ok(())
}

fn is_write(call: &Call<'_>) -> bool {
    call.name.contains("write") || call.name.starts_with("send")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "1 pwrite64(5</d/0.wal>, \"SET k v-0\", 9, 0) = 9\n";
    const SYNC: &str = "1 fdatasync(5</d/0.wal>) = 0\n";
    const REPLY: &str = "2 sendto(7<TCP:[127.0.0.1:5000->127.0.0.1:40]>, \"+OK\", 3, 0) = 3\n";

    fn verdict(trace: &[&str]) -> Result<usize> {
        let written = [Written {
            port: 40,
            values: vec!["v-0".to_owned()],
        }];
        check(&calls(&trace.concat()), &written)
    }

    #[test]
    fn write_then_sync_then_reply_passes() {
        assert_eq!(verdict(&[WRITE, SYNC, REPLY]).unwrap(), 1);
    }

    #[test]
    fn a_reply_before_the_sync_is_found() {
        assert!(verdict(&[WRITE, REPLY, SYNC]).is_err());
        assert!(verdict(&[SYNC, WRITE, REPLY]).is_err());
    }

    #[test]
    fn a_sync_that_began_before_the_write_had_ended_does_not_count() {
        let trace = [
            "1 pwrite64(5</d/0.wal>, \"SET k v-0\", 9, 0 <unfinished ...>\n",
            "3 fdatasync(5</d/0.wal> <unfinished ...>\n",
            "1 <... pwrite64 resumed>) = 9\n",
            "3 <... fdatasync resumed>) = 0\n",
            REPLY,
        ];
        assert!(verdict(&trace).is_err());
    }

    #[test]
    fn a_reply_that_began_before_the_sync_had_ended_is_found() {
        let trace = [
            WRITE,
            "1 fdatasync(5</d/0.wal> <unfinished ...>\n",
            REPLY,
            "1 <... fdatasync resumed>) = 0\n",
        ];
        assert!(verdict(&trace).is_err());
    }

    #[test]
    fn a_sync_of_another_file_or_a_failed_one_does_not_count() {
        assert!(verdict(&[WRITE, "1 fdatasync(6</d/1.wal>) = 0\n", REPLY]).is_err());
        assert!(verdict(&[WRITE, "1 fdatasync(5</d/0.wal>) = -1 EIO (x)\n", REPLY]).is_err());
    }

    #[test]
    fn a_value_that_never_reached_the_log_is_found() {
        assert!(verdict(&[SYNC, REPLY]).is_err());
    }
}
