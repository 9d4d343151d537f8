//! What a simulation is made of. All of it follows from the seed, a few wishes apart.

use kv_sim::Random;

/// How a seed is to be run.
#[derive(Clone, Copy, Debug)]
pub struct SimSettings {
    /// Everything follows from it.
    pub seed: u64,
    /// Client operations, at least. Default 2,000.
    pub operations_min: usize,
    /// Faults. Default 24.
    pub faults: usize,
    /// A deliberate fault, in every member.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::Bug>,
}

impl SimSettings {
    /// The default simulation of a seed.
    #[must_use]
    pub fn new(seed: u64) -> SimSettings {
        SimSettings {
            seed,
            operations_min: 2_000,
            faults: 24,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

/// What differs from seed to seed.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) nodes: u32,
    pub(super) clients: u32,
    /// Until when faults begin.
    pub(super) faults_until_us: u64,
    pub(super) fault_us_max: u64,
    /// A client waits up to so long before its next operation.
    pub(super) think_us_max: u64,
    pub(super) append_bytes_max: u64,
    pub(super) segment_bytes: u64,
    pub(super) log_memory_bytes_max: u64,
    pub(super) snapshot_wal_bytes: u64,
    pub(super) value_bytes_max: u64,
    pub(super) lease: bool,
    /// Whether each message goes through its bytes.
    pub(super) through_wire: bool,
    /// Of a thousand operations, how many are no write that may be sent twice.
    pub(super) plain_permille: u32,
    pub(super) read_permille: u32,
}

/// A tick, short so that a simulated second holds many elections.
pub(super) const TICK_MS: u64 = 20;

/// Ticks of an election timeout.
pub(super) const ELECTION_TICKS: usize = 10;

/// Ticks between heartbeats.
pub(super) const HEARTBEAT_TICKS: usize = 2;

/// Of a thousand votes, so many are a node's last word before its power goes.
pub(super) const CRASH_AFTER_VOTE_PERMILLE: u32 = 40;

/// The storm lasts no longer after the last fault, however few operations there were.
pub(super) const STORM_US_MAX: u64 = 20_000_000;

/// After everything is repaired, the cluster has to work again within this time.
pub(super) const PROGRESS_US_MAX: u64 = 10_000_000;

impl Shape {
    pub(super) fn draw(random: &mut Random, settings: &SimSettings) -> Shape {
        let faults_until_us = 300_000 * settings.faults as u64;
        let is_small = random.chance(700);
        Shape {
            nodes: if random.chance(700) { 3 } else { 5 },
            clients: 6 + random.below_u32(5),
            faults_until_us,
            fault_us_max: *random.pick(&[400_000, 800_000, 1_500_000]),
            think_us_max: 2 * faults_until_us / 300,
            append_bytes_max: *random.pick(&[1, 400, 1 << 20]),
            segment_bytes: *random.pick(&[4 << 10, 8 << 10, 64 << 10]),
            log_memory_bytes_max: if is_small {
                random.between(2 << 10, 16 << 10)
            } else {
                1 << 20
            },
            snapshot_wal_bytes: *random.pick(&[60 << 10, 200 << 10, 600 << 10]),
            value_bytes_max: *random.pick(&[8, 100, 600]),
            lease: random.chance(800),
            through_wire: random.chance(125),
            plain_permille: *random.pick(&[0, 100, 500]),
            read_permille: *random.pick(&[300, 500, 700]),
        }
    }
}
