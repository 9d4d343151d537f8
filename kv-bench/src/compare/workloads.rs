//! What can be measured, by name.

use std::fmt;
use std::str::FromStr;

use super::durability::Durability;
use super::results::Goal;
use crate::workload::Kind;

/// A named workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Writes, each synced before its answer.
    SetDurable,
    /// Reads.
    Get,
    /// Writes, synced every second.
    SetEverysec,
    /// Memory for one key.
    Memory,
    /// Time from start to the first answer with all keys.
    Restart,
    /// Latency of writes while a snapshot is taken.
    SnapshotP99,
}

/// One case of a throughput workload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// Connections.
    pub client_count: usize,
    /// Requests written together.
    pub pipeline: u64,
    /// How much faster we should be.
    pub goal: f64,
}

const SET_DURABLE: [Case; 4] = [
    case(1, 1, 1.2),
    case(50, 1, 1.5),
    case(256, 1, 1.2),
    case(50, 16, 1.2),
];
const GET: [Case; 2] = [case(50, 1, 1.0), case(50, 16, 1.0)];
const SET_EVERYSEC: [Case; 2] = [case(50, 1, 1.0), case(50, 16, 1.0)];

const fn case(client_count: usize, pipeline: u64, goal: f64) -> Case {
    Case {
        client_count,
        pipeline,
        goal,
    }
}

impl Workload {
    /// All of them.
    pub const ALL: [Workload; 6] = [
        Workload::SetDurable,
        Workload::Get,
        Workload::SetEverysec,
        Workload::Memory,
        Workload::Restart,
        Workload::SnapshotP99,
    ];

    /// Its name on the command line and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Workload::SetDurable => "set-durable",
            Workload::Get => "get",
            Workload::SetEverysec => "set-everysec",
            Workload::Memory => "memory",
            Workload::Restart => "restart",
            Workload::SnapshotP99 => "snapshot-p99",
        }
    }

    /// What it shows.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Workload::SetDurable => "SET, each synced: 1, 50, 256 clients; 50 with pipeline 16",
            Workload::Get => "GET: 50 clients, pipeline 1 and 16",
            Workload::SetEverysec => "SET, synced every second: 50 clients, pipeline 1 and 16",
            Workload::Memory => "resident memory for one key",
            Workload::Restart => "time from start to the first answer with all keys",
            Workload::SnapshotP99 => "p99 of SET with and without a snapshot being taken",
        }
    }

    /// What an acknowledged write has behind it while this is measured. Where writes are only
    /// there to make data, syncing each would only take longer.
    #[must_use]
    pub fn durability(self) -> Durability {
        match self {
            Workload::SetDurable | Workload::Get | Workload::SnapshotP99 => Durability::Always,
            Workload::SetEverysec | Workload::Memory | Workload::Restart => Durability::EverySecond,
        }
    }

    /// The cases of a throughput workload; none of the others.
    #[must_use]
    pub fn cases(self) -> &'static [Case] {
        match self {
            Workload::SetDurable => &SET_DURABLE,
            Workload::Get => &GET,
            Workload::SetEverysec => &SET_EVERYSEC,
            Workload::Memory | Workload::Restart | Workload::SnapshotP99 => &[],
        }
    }

    /// What a throughput workload asks.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Workload::Get => Kind::Read,
            _ => Kind::Write,
        }
    }
}

impl Case {
    /// The goal of its row.
    #[must_use]
    pub fn goal(self) -> Goal {
        Goal::RatioAtLeast(self.goal)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.client_count == 1 { "" } else { "s" };
        write!(
            f,
            "{} client{plural}, pipeline {}",
            self.client_count, self.pipeline
        )
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Workload, String> {
        Workload::ALL
            .into_iter()
            .find(|workload| workload.name() == text)
            .ok_or_else(|| {
                let names = Workload::ALL.map(Workload::name).join(", ");
                format!("no such workload; there are {names}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_known_by_their_names() {
        for workload in Workload::ALL {
            assert_eq!(workload.name().parse(), Ok(workload));
        }
        assert!(
            "set"
                .parse::<Workload>()
                .unwrap_err()
                .contains("set-durable, get")
        );
    }
}
