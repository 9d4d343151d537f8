//! What goes wrong, and the plan of it.
//!
//! A plan follows from its seed. It knows nodes by their number and nothing of what they do; what
//! is special to one kind of cluster (a change of membership, say) comes in as [`Fault::Other`].

use crate::{
    clock::DRIFT_PPM_MAX,
    network::{Endpoint, Partition, Weather},
    random::Random,
};

/// Something that goes wrong. Those that last end when their time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault<X> {
    /// Some nodes do not hear others. Lasts.
    Partition(Partition),
    /// Messages are lost, doubled, late. Lasts.
    Weather(Weather),
    /// A node loses its power at once, and what it had not synced; it starts again at the end.
    Crash(Endpoint),
    /// The same, but during a change to the disk that is still to come: the nth from now on.
    CrashDuring(Endpoint, u64),
    /// A node stands still. Lasts.
    Pause(Endpoint),
    /// Each sync of a node's disk takes this many µs. Lasts.
    SlowDisk(Endpoint, u64),
    /// The nth sync from now on fails with an I/O error.
    FailSync(Endpoint, u64),
    /// The nth change to the disk from now on fails with an I/O error.
    FailWrite(Endpoint, u64),
    /// There is no space left. Lasts.
    DiskFull(Endpoint),
    /// The wall clock jumps by this many ms.
    WallJump(Endpoint, i64),
    /// The clocks run fast or slow, in ppm. Lasts.
    Drift(Endpoint, i64),
    /// Something of the cluster's own.
    Other(X),
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned<X> {
    /// When it begins.
    pub at_us: u64,
    /// How long it lasts, if it does.
    pub lasts_us: u64,
    /// What it is.
    pub fault: Fault<X>,
}

/// How often each kind of fault is drawn, against the others. Zero is never.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is named after its fault")]
pub struct Weights {
    pub partition: u32,
    pub weather: u32,
    pub crash: u32,
    pub crash_during: u32,
    pub pause: u32,
    pub slow_disk: u32,
    pub fail_sync: u32,
    pub fail_write: u32,
    pub disk_full: u32,
    pub wall_jump: u32,
    pub drift: u32,
    pub other: u32,
}

impl Default for Weights {
    fn default() -> Weights {
        Weights {
            partition: 6,
            weather: 3,
            crash: 3,
            crash_during: 4,
            pause: 3,
            slow_disk: 3,
            fail_sync: 2,
            fail_write: 2,
            disk_full: 2,
            wall_jump: 2,
            drift: 2,
            other: 6,
        }
    }
}

impl Weights {
    fn list(&self) -> [u32; 12] {
        [
            self.partition,
            self.weather,
            self.crash,
            self.crash_during,
            self.pause,
            self.slow_disk,
            self.fail_sync,
            self.fail_write,
            self.disk_full,
            self.wall_jump,
            self.drift,
            self.other,
        ]
    }
}

/// What a plan is drawn from.
#[derive(Clone, Debug)]
pub struct PlanSettings {
    /// The nodes that things happen to.
    pub nodes: Vec<Endpoint>,
    /// How many faults there are.
    pub count: usize,
    /// When the first may begin, and when none begins any more.
    pub from_us: u64,
    /// See `from_us`.
    pub until_us: u64,
    /// How long a fault lasts, at least and at most.
    pub lasts_us_min: u64,
    /// See `lasts_us_min`.
    pub lasts_us_max: u64,
    /// Which kinds.
    pub weights: Weights,
}

impl PlanSettings {
    /// Draws a plan, in the order of time. `other` draws what is the cluster's own.
    ///
    /// # Panics
    /// With fewer than two nodes, with no time, or if all weights are zero.
    pub fn draw<X>(
        &self,
        random: &mut Random,
        mut other: impl FnMut(&mut Random) -> X,
    ) -> Vec<Planned<X>> {
        let mut plan: Vec<Planned<X>> = (0..self.count)
            .map(|_| Planned {
                at_us: random.between(self.from_us, self.until_us),
                lasts_us: random.between(self.lasts_us_min, self.lasts_us_max),
                fault: self.fault(random, &mut other),
            })
            .collect();
        plan.sort_by_key(|planned| planned.at_us);
        plan
    }

    fn fault<X>(&self, random: &mut Random, other: &mut dyn FnMut(&mut Random) -> X) -> Fault<X> {
        let kind = random.weighted(&self.weights.list());
        let node = *random.pick(&self.nodes);
        match kind {
            0 => Fault::Partition(Partition::draw(random, &self.nodes)),
            1 => Fault::Weather(Weather::foul(random)),
            2 => Fault::Crash(node),
            3 => Fault::CrashDuring(node, random.between(1, 60)),
            4 => Fault::Pause(node),
            5 => Fault::SlowDisk(node, random.between(5_000, 400_000)),
            6 => Fault::FailSync(node, random.between(1, 20)),
            7 => Fault::FailWrite(node, random.between(1, 60)),
            8 => Fault::DiskFull(node),
            9 => Fault::WallJump(node, signed(random, 10_000)),
            10 => Fault::Drift(node, signed(random, DRIFT_PPM_MAX)),
            _ => Fault::Other(other(random)),
        }
    }
}

fn signed(random: &mut Random, most: u64) -> i64 {
    let size = i64::try_from(random.between(1, most)).unwrap_or(i64::MAX);
    if random.coin() { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> PlanSettings {
        PlanSettings {
            nodes: vec![0, 1, 2],
            count: 500,
            from_us: 1_000,
            until_us: 9_000,
            lasts_us_min: 10,
            lasts_us_max: 20,
            weights: Weights::default(),
        }
    }

    #[test]
    fn a_plan_follows_from_its_seed_and_keeps_its_times() {
        let plan = settings().draw(&mut Random::new(1), Random::draw);
        assert_eq!(plan, settings().draw(&mut Random::new(1), Random::draw));
        assert_ne!(plan, settings().draw(&mut Random::new(2), Random::draw));
        assert_eq!(plan.len(), 500);
        assert!(plan.is_sorted_by_key(|planned| planned.at_us));
        let in_time = |planned: &Planned<u64>| {
            (1_000..=9_000).contains(&planned.at_us) && (10..=20).contains(&planned.lasts_us)
        };
        assert!(plan.iter().all(in_time));
    }

    #[test]
    fn every_kind_is_drawn_unless_its_weight_is_zero() {
        let kinds = |settings: &PlanSettings| {
            let plan = settings.draw(&mut Random::new(3), |_| ());
            let kinds = plan
                .iter()
                .map(|planned| std::mem::discriminant(&planned.fault));
            kinds.collect::<std::collections::HashSet<_>>().len()
        };
        let mut settings = settings();
        assert_eq!(kinds(&settings), 12);
        settings.weights.crash = 0;
        settings.weights.other = 0;
        assert_eq!(kinds(&settings), 10);
    }
}
