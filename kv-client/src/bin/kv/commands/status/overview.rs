//! Several servers in a line each.

use kv_client::Status;
use serde_json::Value as Json;

use super::Answer;
use super::detail::show_bytes;
use crate::table::Table;

const HEADS: [&str; 13] = [
    "ADDR", "NODE", "MODE", "ROLE", "TERM", "COMMIT", "APPLIED", "LAG", "KEYS", "OPS/S", "P99",
    "MEMORY", "HEALTH",
];

/// A line for each server. What a server without a cluster does not have is a dash.
pub(super) fn overview(answers: &[Answer]) -> Table {
    let leader = leader(answers);
    let mut table = Table::default();
    table.row(HEADS);
    for answer in answers {
        match &answer.said {
            Ok(status) => table.row(line(&answer.addr, status, leader)),
            Err(error) => {
                let mut cells = HEADS.map(|_| "-".to_owned());
                cells[0].clone_from(&answer.addr);
                cells[HEADS.len() - 1] = error.to_string();
                table.row(cells);
            }
        }
    }
    table
}

/// What is worth a new block: who is there, in what role, and how well.
pub(super) fn what_matters(answers: &[Answer]) -> Vec<[String; 4]> {
    let of = |answer: &Answer| match &answer.said {
        Ok(status) => {
            let term = cell(cluster(status).map(|cluster| &cluster["term"]));
            [
                answer.addr.clone(),
                role(status),
                term,
                status.health.clone(),
            ]
        }
        Err(error) => [
            answer.addr.clone(),
            String::new(),
            String::new(),
            error.to_string(),
        ],
    };
    answers.iter().map(of).collect()
}

fn cluster(status: &Status) -> Option<&Json> {
    status.rest.get("cluster")
}

/// What the leader of the latest term says of the cluster; the others know nobody's lag.
fn leader(answers: &[Answer]) -> Option<&Json> {
    let said = answers
        .iter()
        .filter_map(|answer| answer.said.as_ref().ok());
    let leading = said
        .filter_map(cluster)
        .filter(|cluster| cluster["role"] == "leader");
    leading.max_by_key(|cluster| cluster["term"].as_u64())
}

fn line(addr: &str, status: &Status, leader: Option<&Json>) -> [String; HEADS.len()] {
    let cluster = cluster(status);
    let of_cluster = |name: &str| cell(cluster.map(|cluster| &cluster[name]));
    let rest = |name: &str| cell(status.rest.get(name));
    [
        addr.to_owned(),
        of_cluster("node_id"),
        status.mode.clone(),
        role(status),
        of_cluster("term"),
        of_cluster("commit_index"),
        cluster.map_or_else(|| rest("applied_index"), |_| of_cluster("applied_index")),
        cell(cluster.and_then(|cluster| lag(&cluster["node_id"], leader))),
        status.key_count.to_string(),
        rest("requests_per_second"),
        status
            .rest
            .get("latency_p99_us")
            .and_then(Json::as_u64)
            .map_or_else(|| "-".to_owned(), show_us),
        show_bytes(status.memory_bytes),
        status.health.clone(),
    ]
}

fn role(status: &Status) -> String {
    let role = cluster(status).and_then(|cluster| cluster["role"].as_str());
    role.unwrap_or(&status.role).to_owned()
}

fn lag<'a>(id: &Json, leader: Option<&'a Json>) -> Option<&'a Json> {
    let members = leader?["members"].as_array()?;
    let member = members.iter().find(|member| member["id"] == *id)?;
    Some(&member["lag"])
}

fn cell(json: Option<&Json>) -> String {
    match json {
        None | Some(Json::Null) => "-".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A time in the unit that fits.
fn show_us(us: u64) -> String {
    match us {
        0..1000 => format!("{us} µs"),
        1000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(id: u64, role: &str, term: u64) -> Answer {
        let members = json!([
            { "id": 0, "client": "a:1", "lag": 0 },
            { "id": 1, "client": "b:1", "lag": 12 },
        ]);
        let status = json!({
            "mode": "raft", "role": "slave", "ready": true, "health": "ok", "key_count": 5,
            "memory_bytes": 2048, "requests_per_second": 70, "latency_p99_us": 2048,
            "cluster": {
                "node_id": id, "role": role, "term": term, "commit_index": 9,
                "applied_index": 8, "members": members,
            },
        });
        Answer {
            addr: format!("node{id}:1"),
            said: Ok(serde_json::from_value(status).unwrap()),
        }
    }

    #[test]
    fn a_member_is_shown_with_the_lag_that_the_latest_leader_knows() {
        let answers = [member(0, "leader", 3), member(1, "follower", 3)];
        let lines = overview(&answers).lines();
        let words: Vec<&str> = lines[2].split_whitespace().collect();
        assert_eq!(
            words,
            [
                "node1:1", "1", "raft", "follower", "3", "9", "8", "12", "5", "70", "2.0", "ms",
                "2.0", "KiB", "ok"
            ]
        );
    }

    #[test]
    fn without_a_leader_nobodys_lag_is_known() {
        let lines = overview(&[member(1, "candidate", 3)]).lines();
        assert_eq!(lines[1].split_whitespace().nth(7), Some("-"));
    }

    #[test]
    fn progress_does_not_matter_but_a_role_and_a_term_do() {
        let before = what_matters(&[member(1, "follower", 3)]);
        assert_eq!(before, what_matters(&[member(1, "follower", 3)]));
        assert_ne!(before, what_matters(&[member(1, "leader", 3)]));
        assert_ne!(before, what_matters(&[member(1, "follower", 4)]));
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!(show_us(512), "512 µs");
        assert_eq!(show_us(2048), "2.0 ms");
        assert_eq!(show_us(4_194_304), "4.2 s");
    }
}
