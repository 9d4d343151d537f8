//! What becomes of a message on the way: lost, late, twice, overtaken, or stopped by a partition.
//!
//! It decides and keeps no message: [`Network::send`] says when a message arrives, if at all, and
//! who runs the simulation delivers it then, unless [`Network::is_open`] says that the link was cut
//! meanwhile.
//!
//! 1. Everything follows from the seed and the order of the calls.
//! 2. Within a lane messages keep their order, as on one connection, unless the weather says that
//!    some are overtaken.
//! 3. A link is cut as long as any partition that cuts it lasts. Each direction is a link.

use std::collections::{BTreeMap, HashMap};

use crate::random::Random;

mod partition;

pub use partition::Partition;

/// Who sends and receives: a node, or a client.
pub type Endpoint = u32;

/// One direction between two endpoints.
pub type Link = (Endpoint, Endpoint);

/// How bad the network is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The time on the way, at least.
    pub delay_us_min: u64,
    /// And at most, as a rule.
    pub delay_us_max: u64,
    /// Of a thousand messages, how many take up to twenty times as long.
    pub late_permille: u32,
    /// Of a thousand, how many are lost.
    pub loss_permille: u32,
    /// Of a thousand, how many arrive twice.
    pub duplicate_permille: u32,
    /// Of a thousand, how many keep no order.
    pub reorder_permille: u32,
}

impl Weather {
    /// A network in one building, on a good day.
    #[must_use]
    pub const fn fair() -> Weather {
        Weather {
            delay_us_min: 50,
            delay_us_max: 500,
            late_permille: 2,
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
        }
    }

    /// Any weather from bad to terrible.
    #[must_use]
    pub fn foul(random: &mut Random) -> Weather {
        let some = |random: &mut Random, permille_max: u64| match random.coin() {
            true => u32::try_from(random.below(permille_max)).unwrap_or(0),
            false => 0,
        };
        Weather {
            delay_us_min: 50,
            delay_us_max: random.between(500, 20_000),
            late_permille: some(random, 50),
            loss_permille: some(random, 200),
            duplicate_permille: some(random, 200),
            reorder_permille: some(random, 300),
        }
    }
}

/// When a message arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// The first time; `None` if it is lost.
    pub first_us: Option<u64>,
    /// Once more.
    pub again_us: Option<u64>,
}

/// The links between all endpoints.
#[derive(Debug)]
pub struct Network {
    random: Random,
    weather: Weather,
    lanes: HashMap<(Link, u8), u64>,
    partitions: BTreeMap<u64, Vec<Link>>,
    partitions_so_far: u64,
}

impl Network {
    /// A network in fair weather without partitions.
    #[must_use]
    pub fn new(seed: u64) -> Network {
        Network {
            random: Random::new(seed),
            weather: Weather::fair(),
            lanes: HashMap::new(),
            partitions: BTreeMap::new(),
            partitions_so_far: 0,
        }
    }

    /// What becomes of a message that is sent now. One lane keeps its own order only.
    pub fn send(&mut self, now_us: u64, link: Link, lane: u8) -> Arrivals {
        if !self.is_open(link) || self.random.chance(self.weather.loss_permille) {
            return Arrivals::default();
        }
        let first_us = self.arrival(now_us, link, lane);
        let is_doubled = self.random.chance(self.weather.duplicate_permille);
        Arrivals {
            first_us: Some(first_us),
            again_us: is_doubled.then(|| now_us + self.delay_us() * 2),
        }
    }

    /// Whether a link carries anything. To be asked again when a message arrives.
    #[must_use]
    pub fn is_open(&self, link: Link) -> bool {
        !self.partitions.values().any(|cut| cut.contains(&link))
    }

    /// Cuts links, until [`lift`](Network::lift) is given the number that this returns.
    pub fn cut(&mut self, links: Vec<Link>) -> u64 {
        self.partitions_so_far += 1;
        self.partitions.insert(self.partitions_so_far, links);
        self.partitions_so_far
    }

    /// Ends a partition. Without effect if it has ended.
    pub fn lift(&mut self, partition: u64) {
        self.partitions.remove(&partition);
    }

    /// Ends all partitions and the bad weather.
    pub fn heal(&mut self) {
        self.partitions.clear();
        self.weather = Weather::fair();
    }

    /// Changes the weather.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Forgets the order on all lanes of an endpoint: its connections are new ones.
    pub fn reconnect(&mut self, endpoint: Endpoint) {
        self.lanes
            .retain(|((from, to), _), _| *from != endpoint && *to != endpoint);
    }

    fn arrival(&mut self, now_us: u64, link: Link, lane: u8) -> u64 {
        let at_us = now_us + self.delay_us();
        if self.random.chance(self.weather.reorder_permille) {
            return at_us;
        }
        let last_us = self.lanes.entry((link, lane)).or_default();
        *last_us = at_us.max(*last_us);
        *last_us
    }

    fn delay_us(&mut self) -> u64 {
        let (min, max) = (self.weather.delay_us_min, self.weather.delay_us_max);
        let delay_us = self.random.between(min, max.max(min));
        if self.random.chance(self.weather.late_permille) {
            return delay_us * self.random.between(2, 20);
        }
        delay_us
    }
}

#[cfg(test)]
mod tests;
