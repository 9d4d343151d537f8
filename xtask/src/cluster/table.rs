//! The nodes of a cluster, a line each.

use std::thread;

use serde_json::Value;

use crate::members::{Member, Members, State};

const HEADS: [&str; 11] = [
    "NODE", "CLIENT", "PID", "ROLE", "TERM", "COMMIT", "APPLIED", "LAG", "KEYS", "OPS/S", "P99",
];

/// What was asked of all nodes at one moment.
pub(super) struct Table {
    rows: Vec<[String; HEADS.len()]>,
}

impl Table {
    /// Asks all nodes at the same time.
    pub(super) fn ask(members: &Members) -> Table {
        let statuses: Vec<Option<Value>> = thread::scope(|scope| {
            let asked: Vec<_> = members
                .all()
                .iter()
                .map(|member| scope.spawn(|| member.status()))
                .collect();
            let joined = asked.into_iter().map(|asked| asked.join());
            joined.map(|status| status.ok().flatten()).collect()
        });
        let leader = statuses
            .iter()
            .flatten()
            .filter(|s| s["cluster"]["role"] == "leader");
        let leader = leader.max_by_key(|status| status["cluster"]["term"].as_u64());
        let ids = members.ids();
        let row = |(member, status): (&Member, &Option<Value>)| {
            row(
                member,
                members.cut().isolates(member.id(), &ids),
                status.as_ref(),
                leader,
            )
        };
        Table {
            rows: members.all().iter().zip(&statuses).map(row).collect(),
        }
    }

    /// With heads, in columns.
    pub(super) fn lines(&self) -> Vec<String> {
        let heads = HEADS.map(str::to_owned);
        let rows: Vec<_> = std::iter::once(&heads).chain(&self.rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..HEADS.len()).map(|i| width(i).unwrap_or(0)).collect();
        rows.iter()
            .map(|row| line(row.as_slice(), &widths))
            .collect()
    }

    /// What is worth a line when it changes: each node's role, and the term.
    pub(super) fn summary(&self) -> String {
        let nodes = self.rows.iter().map(|row| match row[4].as_str() {
            "-" => format!("{} {}", row[0], row[3]),
            term => format!("{} {} (term {term})", row[0], row[3]),
        });
        format!("nodes: {}", nodes.collect::<Vec<_>>().join(", "))
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn row(
    member: &Member,
    is_cut: bool,
    status: Option<&Value>,
    leader: Option<&Value>,
) -> [String; HEADS.len()] {
    let mut cells = HEADS.map(|_| "-".to_owned());
    cells[0] = member.id().to_string();
    cells[1] = member.client_addr().to_owned();
    cells[2] = member
        .pid()
        .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    cells[3] = match (member.state(), status) {
        (State::Dead, _) => "dead".to_owned(),
        (State::Paused, _) => "paused".to_owned(),
        (State::Running, None) => "no answer".to_owned(),
        (State::Running, Some(status)) => cell(&status["cluster"]["role"]),
    };
    if is_cut {
        cells[3].push_str(", cut off");
    }
    if let Some(status) = status {
        let cluster = &status["cluster"];
        cells[4] = cell(&cluster["term"]);
        cells[5] = cell(&cluster["commit_index"]);
        cells[6] = cell(&cluster["applied_index"]);
        cells[7] = lag(member.id(), leader);
        cells[8] = cell(&status["key_count"]);
        cells[9] = cell(&status["requests_per_second"]);
        let p99 = status["latency_p99_us"].as_u64();
        cells[10] = p99.map_or_else(|| "-".to_owned(), |us| format!("{us} µs"));
    }
    cells
}

/// As the leader knows it.
fn lag(id: u64, leader: Option<&Value>) -> String {
    let members = leader.and_then(|status| status["cluster"]["members"].as_array());
    let member = members
        .into_iter()
        .flatten()
        .find(|member| member["id"] == id);
    member.map_or_else(|| "-".to_owned(), |member| cell(&member["lag"]))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
