//! The 99th percentile of durable writes while a snapshot of all keys is taken, and without.
//!
//! A snapshot bounds the log: kv-node's `BGSAVE`, Redis's `BGREWRITEAOF`.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::arena::Arena;
use super::client::Reply;
use super::contender::Contender;
use super::results::{Goal, Reading, Row, Subject, Unit};
use super::server::Server;
use super::workloads::Workload;
use crate::clock::now;
use crate::interrupt;
use crate::load::{Latency, Running};

const CLIENT_COUNT: usize = 50;
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(120);

/// Measures without, with, and one over the other.
pub(super) fn run(arena: &Arena<'_>) -> Result<Vec<Row>> {
    let servers = arena.start_both(Workload::SnapshotP99.durability())?;
    for contender in Contender::BOTH {
        arena.preload(servers.of(contender))?;
    }
    let mut quiet = Vec::new();
    let mut factors = Vec::new();
    let during = arena.compare(
        subject("snapshot running", Unit::Microseconds, None),
        |contender| {
            let server = servers.of(contender);
            let without = p99_us(arena, server, false)?;
            arena.settle()?;
            let with = p99_us(arena, server, true)?;
            quiet.push(Reading::of(without));
            factors.push(Reading::of(with / without));
            Ok(Reading::of(with))
        },
    )?;
    let without = Row::new(
        subject("no snapshot", Unit::Microseconds, None),
        &pairs(&quiet),
    );
    let goal = Some(Goal::OursAtMost(2.0));
    let factor = Row::new(
        subject("with over without", Unit::Factor, goal),
        &pairs(&factors),
    );
    Ok(without.into_iter().chain([during]).chain(factor).collect())
}

/// Starts a snapshot and waits until it is finished.
pub(super) fn take(server: &Server) -> Result<()> {
    let (command, field) = match server.contender() {
        Contender::KvNode => ("BGSAVE", "rdb_bgsave_in_progress"),
        Contender::Redis => ("BGREWRITEAOF", "aof_rewrite_in_progress"),
    };
    let mut client = server.client()?;
    if let Reply::Error(message) = client.call(&[command])? {
        bail!("{} refuses {command}: {message}", server.contender());
    }
    let deadline = now() + SNAPSHOT_TIMEOUT;
    while client.info("persistence", field)? != "0" {
        interrupt::check()?;
        ensure!(now() < deadline, "{command} takes too long");
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// With `snapshots`, one after the other are taken and only their time is recorded.
fn p99_us(arena: &Arena<'_>, server: &Server, snapshots: bool) -> Result<f64> {
    let settings = arena.settings(server, 0.0, CLIENT_COUNT, 1);
    let running = Running::start(&settings, None)?;
    running.wait(Some(arena.options().warm_up()), &mut |_| {})?;
    let end = now() + arena.options().run_time;
    running.record();
    if snapshots {
        while now() < end {
            running.record();
            take(server)?;
            running.pause();
        }
    } else {
        running.wait(Some(arena.options().run_time), &mut |_| {})?;
    }
    let Latency { count, p99_us, .. } = running.latency()?;
    ensure!(count > 0, "{} answered nothing", server.contender());
    Ok(p99_us)
}

fn subject(case: &str, unit: Unit, goal: Option<Goal>) -> Subject {
    Subject {
        workload: Workload::SnapshotP99.name(),
        case: format!("SET, {CLIENT_COUNT} clients, {case}"),
        durability: Workload::SnapshotP99.durability(),
        unit,
        goal,
    }
}

/// Readings were taken in turn, ours first.
fn pairs(readings: &[Reading]) -> Vec<(Reading, Reading)> {
    readings
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}
