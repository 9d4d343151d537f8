//! Answers a second, and what they cost the server.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::arena::{Arena, Servers};
use super::contender::Contender;
use super::redis_benchmark::RedisBenchmark;
use super::results::{Reading, Row, Subject, Unit};
use super::server::Server;
use super::workloads::{Case, Workload};
use crate::load::{self, Length, Plan};
use crate::workload::Kind;

/// Measures every case of a workload.
pub(super) fn run(arena: &Arena<'_>, workload: Workload) -> Result<Vec<Row>> {
    let servers = arena.start_both(workload.durability())?;
    for contender in Contender::BOTH {
        arena.preload(servers.of(contender))?;
    }
    let cases = workload.cases().iter();
    cases
        .map(|case| measure_case(arena, &servers, workload, *case))
        .collect()
}

fn measure_case(
    arena: &Arena<'_>,
    servers: &Servers,
    workload: Workload,
    case: Case,
) -> Result<Row> {
    let kind = workload.kind();
    let request_count = request_count(arena, servers, kind, case)?;
    let subject = Subject {
        workload: workload.name(),
        case: case.to_string(),
        durability: workload.durability(),
        unit: Unit::OpsPerSecond,
        goal: Some(case.goal()),
    };
    arena.compare(subject, |contender| {
        measure(arena, servers.of(contender), kind, case, request_count)
    })
}

/// As many requests as the slower side answers in the time of a run, found by a trial that also
/// warms both sides up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "far below 2^52 and positive"
)]
fn request_count(arena: &Arena<'_>, servers: &Servers, kind: Kind, case: Case) -> Result<u64> {
    let trial = Length::Time(arena.options().warm_up());
    let mut slowest = f64::INFINITY;
    for contender in Contender::BOTH {
        let rate = own(arena, servers.of(contender), kind, case, trial)?;
        slowest = slowest.min(rate);
    }
    let whole = slowest * arena.options().run_time.as_secs_f64();
    let batch = case.client_count as u64 * case.pipeline;
    Ok((whole as u64).next_multiple_of(1_000).max(batch * 10))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn measure(
    arena: &Arena<'_>,
    server: &Server,
    kind: Kind,
    case: Case,
    request_count: u64,
) -> Result<Reading> {
    let before = server.usage()?;
    let rate = if arena.uses_redis_benchmark() {
        foreign(arena, server, kind, case, request_count)?
    } else {
        own(arena, server, kind, case, Length::Requests(request_count))?
    };
    let after = server.usage()?;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    Ok(Reading {
        value: rate,
        cpu_seconds_per_mop: Some(cpu * 1e6 / request_count as f64),
        rss_bytes: Some(after.rss_bytes as f64),
    })
}

fn own(arena: &Arena<'_>, server: &Server, kind: Kind, case: Case, length: Length) -> Result<f64> {
    let read_share = match kind {
        Kind::Read => 1.0,
        Kind::Write => 0.0,
    };
    let settings = arena.settings(server, read_share, case.client_count, case.pipeline);
    let plan = Plan {
        warmup: Duration::ZERO,
        length,
        pid: None,
    };
    let report = load::run(&settings, &plan, &mut |_, _, _| {})?;
    ensure!(
        report.is_clean() && report.misses == 0,
        "{} erred:\n{report}",
        server.contender()
    );
    Ok(report.ops_per_second)
}

fn foreign(
    arena: &Arena<'_>,
    server: &Server,
    kind: Kind,
    case: Case,
    request_count: u64,
) -> Result<f64> {
    let benchmark = RedisBenchmark {
        addr: server.addr(),
        space: &arena.options().space,
        kind,
        client_count: case.client_count,
        pipeline: case.pipeline,
        request_count,
    };
    arena.note_command(benchmark.command_line()?);
    benchmark.run()
}
