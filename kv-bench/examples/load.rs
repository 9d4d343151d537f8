//! A short mixed load on a server of either kind.
//!
//! ```text
//! cargo run --release --package kv-bench --example load -- 127.0.0.1:6379
//! ```

use std::time::Duration;

use anyhow::{Context, Result};
use kv_bench::load::{self, Length, Plan, Settings, Wire};
use kv_bench::workload::{Distribution, KeySpace, Workload};

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<()> {
    let addr = std::env::args().nth(1).context("usage: load HOST:PORT")?;
    let settings = Settings {
        addr: addr.parse().context("expected an IP address and a port")?,
        wire: Wire::Resp,
        client_count: 50,
        pipeline: 1,
        thread_count: 1,
        workload: Workload {
            space: KeySpace::new(100_000, 20, 100)?,
            read_share: 0.9,
            distribution: Distribution::Zipf { theta: 0.99 },
        },
        seed: 1,
        verify: true,
        rate: None,
        timeout: Duration::from_secs(30),
    };
    let plan = Plan {
        warmup: Duration::from_millis(500),
        length: Length::Time(Duration::from_secs(3)),
        pid: None,
    };
    let report = load::run(&settings, &plan, &mut |_, _, _| {})?;
    print!("{report}");
    Ok(())
}
