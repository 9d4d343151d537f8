//! The differential run as a suite.

use anyhow::Result;

use super::Bench;
use super::redis_server::RedisServer;
use crate::differential::{self, Options};
use crate::random::Random;
use crate::scratch;

/// Compares the server with a `redis-server` of its own.
///
/// # Errors
///
/// At the first reply that differs.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let redis = RedisServer::start(&scratch::empty_dir(bench.workspace, "compat/redis-server")?)?;
    let seed = bench.args.seed.unwrap_or_else(Random::fresh_seed);
    eprintln!("differential: seed {seed}");
    let compared = differential::run(&Options {
        redis: redis.addr().to_owned(),
        ours: bench.addr.clone(),
        seed,
        command_count: bench.args.commands,
    })?;
    println!("differential: {compared} commands, every reply as redis-server's (seed {seed})");
    Ok(())
}
