//! Time from starting the process to the first answer with every key there.
//!
//! Once from the log of the writes alone, once from a snapshot (Redis: its append-only file after
//! a rewrite, which then begins with an RDB).

use anyhow::{Context, Result};

use super::arena::Arena;
use super::contender::Contender;
use super::results::{Goal, Reading, Row, Subject, Unit};
use super::server::Server;
use super::snapshot;
use super::workloads::Workload;

/// What the servers start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Log,
    Snapshot,
}

/// Measures both sources.
pub(super) fn run(arena: &Arena<'_>) -> Result<Vec<Row>> {
    [Source::Log, Source::Snapshot]
        .into_iter()
        .map(|source| measure_source(arena, source))
        .collect()
}

fn measure_source(arena: &Arena<'_>, source: Source) -> Result<Row> {
    let mut ours = Some(prepare(arena, Contender::KvNode, source)?);
    let mut theirs = Some(prepare(arena, Contender::Redis, source)?);
    let subject = Subject {
        workload: Workload::Restart.name(),
        case: match source {
            Source::Log => "from the log (Redis: AOF of commands)".to_owned(),
            Source::Snapshot => "from a snapshot (Redis: rewritten AOF)".to_owned(),
        },
        durability: Workload::Restart.durability(),
        unit: Unit::Seconds,
        goal: (source == Source::Log).then_some(Goal::RatioAtMost(0.5)),
    };
    arena.compare(subject, |contender| {
        let slot = match contender {
            Contender::KvNode => &mut ours,
            Contender::Redis => &mut theirs,
        };
        let server = slot.take().context("the server did not come back")?;
        let (server, took) = server.restart(arena.options().space.key_count())?;
        let rss_bytes = server.usage()?.rss_bytes;
        *slot = Some(server);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let rss_bytes = rss_bytes as f64;
        Ok(Reading {
            value: took.as_secs_f64(),
            cpu_seconds_per_mop: None,
            rss_bytes: Some(rss_bytes),
        })
    })
}

fn prepare(arena: &Arena<'_>, contender: Contender, source: Source) -> Result<Server> {
    let server = arena.start(contender, Workload::Restart.durability())?;
    arena.preload(&server)?;
    if source == Source::Snapshot {
        arena.step(&format!("{contender} takes a snapshot"));
        snapshot::take(&server)?;
    }
    Ok(server)
}
