//! A whole cluster on simulated disks, clocks and a simulated network, in one thread, the same way
//! every time a seed is run.
//!
//! Members, state machines and logs are the real ones; whatever drives them in production (sockets,
//! threads, time) is replaced by an agenda of what is due when. Clients do what clients do, an
//! operator changes who is in the cluster, and a plan of faults does its worst.
//!
//! After each step: one leader a term, one entry a place and term with one past, commits that never
//! go back or differ, no vote or term that is forgotten. In the end, with everything repaired: the
//! cluster works again soon, the clients' history is linearizable, nothing acknowledged is lost,
//! increments counted once, batches are whole, and all nodes hold the same.
//!
//! Never sleeps, reads a clock, or draws a number that does not follow from the seed.

mod client;
mod drive;
mod ending;
mod events;
mod faults;
mod invariants;
mod node;
mod operator;
mod report;
mod serve;
mod settings;
mod workload;
mod world;

use kv_sim::Coverage;

pub use report::{SimFailure, SimReport};
pub use settings::SimSettings;

/// Runs a seed.
///
/// # Errors
/// The first thing that is wrong.
pub fn run(settings: &SimSettings) -> Result<SimReport, SimFailure> {
    world::World::new(*settings).run()
}

/// Zero for all that has to happen in a run of many seeds.
#[must_use]
pub fn expected() -> Coverage {
    Coverage::expecting(report::EXPECTED)
}

#[cfg(all(test, feature = "planted-bugs"))]
mod planted;
#[cfg(test)]
mod tests;
