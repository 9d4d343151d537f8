//! Resident memory for one key: growth from the empty server to the full one, over the keys.

use std::time::Duration;

use anyhow::Result;

use super::arena::Arena;
use super::contender::Contender;
use super::results::{Goal, Reading, Row, Subject, Unit};
use super::server::Server;
use super::workloads::Workload;
use crate::clock::now;
use crate::interrupt;
use crate::text::count;

/// Memory counts as settled when it is the same so many times in a row.
const EQUAL_READING_COUNT: u32 = 5;
const READING_INTERVAL: Duration = Duration::from_millis(100);
/// A server that never settles is taken as it is.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Measures fresh servers, one for each reading.
pub(super) fn run(arena: &Arena<'_>) -> Result<Vec<Row>> {
    let space = &arena.options().space;
    let subject = Subject {
        workload: Workload::Memory.name(),
        case: format!(
            "{} keys of {} + {} bytes",
            count(float(space.key_count())),
            space.key_bytes(),
            space.value_bytes()
        ),
        durability: Workload::Memory.durability(),
        unit: Unit::BytesPerKey,
        goal: Some(Goal::RatioAtMost(1.0)),
    };
    Ok(vec![
        arena.compare(subject, |contender| measure(arena, contender))?,
    ])
}

fn measure(arena: &Arena<'_>, contender: Contender) -> Result<Reading> {
    let server = arena.start(contender, Workload::Memory.durability())?;
    let before = settled_rss_bytes(&server)?;
    arena.preload(&server)?;
    let after = settled_rss_bytes(&server)?;
    let growth = float(after) - float(before);
    Ok(Reading {
        value: growth / float(arena.options().space.key_count()),
        cpu_seconds_per_mop: None,
        rss_bytes: Some(float(after)),
    })
}

fn settled_rss_bytes(server: &Server) -> Result<u64> {
    let deadline = now() + SETTLE_TIMEOUT;
    let mut last = server.usage()?.rss_bytes;
    let mut equal_count = 1;
    while equal_count < EQUAL_READING_COUNT && now() < deadline {
        interrupt::check()?;
        std::thread::sleep(READING_INTERVAL);
        let rss_bytes = server.usage()?.rss_bytes;
        equal_count = if rss_bytes == last {
            equal_count + 1
        } else {
            1
        };
        last = rss_bytes;
    }
    Ok(last)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn float(value: u64) -> f64 {
    value as f64
}
