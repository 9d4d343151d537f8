//! Commands about servers and what they know.

use std::time::Duration;

use kv_client::{Client, Status};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::App;
use crate::failure::Failure;
use crate::table::Table;

pub(super) async fn key_meta(app: &mut App, key: &str) -> Result<(), Failure> {
    let Some(meta) = app.client.key_metadata(key).await? else {
        if app.output.is_json() {
            app.output
                .line(json!({ "key": key, "found": false }).to_string())?;
        }
        return Err(Failure::no_key(key));
    };
    if app.output.is_json() {
        let answer = json!({
            "key": key, "found": true, "version": meta.version, "type": meta.kind,
            "bytes": meta.bytes, "expires_at_ms": meta.expires_at_ms, "vector": meta.vector,
        });
        return app.output.line(answer.to_string());
    }
    let expires = meta
        .expires_at_ms
        .map_or("never".to_owned(), |ms| format!("at unix {ms} ms"));
    let mut table = Table::default();
    table.row(["key", key]);
    table.row(["version", &meta.version.to_string()]);
    table.row(["type", &meta.kind]);
    table.row(["bytes", &meta.bytes.to_string()]);
    table.row(["expires", &expires]);
    if let Some(vector) = &meta.vector {
        table.row(["vector", &format!("{} dimensions", vector.len())]);
    }
    print(app, &table)
}

fn print(app: &mut App, table: &Table) -> Result<(), Failure> {
    table
        .lines()
        .iter()
        .try_for_each(|line| app.output.line(line))
}

pub(super) async fn ping(app: &mut App) -> Result<(), Failure> {
    app.client.ping().await?; // the first one connects
    let start = Instant::now();
    app.client.ping().await?;
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let addr = app.client.addr();
    let answer = json!({ "addr": &*addr, "round_trip_us": micros });
    app.output
        .answer(&answer, format!("{addr} answered in {micros} µs"))
}

pub(super) async fn status(app: &mut App) -> Result<(), Failure> {
    let nodes = nodes(app)?;
    show_status(app, &nodes).await
}

/// Until it is interrupted.
pub(super) async fn watch_status(app: &mut App, every: Duration) -> Result<(), Failure> {
    let nodes = nodes(app)?;
    let mut clock = interval(every.max(Duration::from_millis(100)));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        if app.output.colour() && !app.output.is_json() {
            app.output.raw(b"\x1b[H\x1b[2J")?;
        }
        show_status(app, &nodes).await?;
        app.output.flush()?;
    }
}

struct Node {
    addr: String,
    client: Client,
}

fn nodes(app: &App) -> Result<Vec<Node>, Failure> {
    let node = |addr: String| {
        let client = app.client_of(&addr)?;
        Ok(Node { addr, client })
    };
    app.addrs().into_iter().map(node).collect()
}

/// Of one server everything; of several a line each. Fails only if none answers.
async fn show_status(app: &mut App, nodes: &[Node]) -> Result<(), Failure> {
    let mut answers = Vec::new();
    for node in nodes {
        answers.push((node, node.client.status().await));
    }
    if answers.iter().all(|(_, answer)| answer.is_err())
        && let Some((_, Err(error))) = answers.pop()
    {
        return Err(error.into());
    }
    match answers.as_slice() {
        _ if app.output.is_json() => {
            let lines = answers
                .iter()
                .map(|(node, answer)| status_json(&node.addr, answer));
            lines
                .map(|line| line.to_string())
                .try_for_each(|line| app.output.line(line))
        }
        [(node, Ok(status))] => print(app, &detailed(&node.addr, status)),
        _ => print(app, &overview(&answers)),
    }
}

fn status_json(addr: &str, answer: &Result<Status, kv_client::Error>) -> Json {
    let mut fields = serde_json::Map::from_iter([("addr".to_owned(), Json::from(addr))]);
    match answer.as_ref().map(serde_json::to_value) {
        Ok(Ok(Json::Object(status))) => fields.extend(status),
        Ok(_) => {}
        Err(error) => {
            fields.insert("error".to_owned(), error.to_string().into());
        }
    }
    fields.into()
}

fn detailed(addr: &str, status: &Status) -> Table {
    let mut table = Table::default();
    table.row(["addr", addr]);
    if let Ok(Json::Object(fields)) = serde_json::to_value(status) {
        fields
            .iter()
            .for_each(|(name, value)| flatten(&mut table, name, value));
    }
    table
}

/// One row for each scalar, under its path: `wal.sync_count`.
fn flatten(table: &mut Table, path: &str, json: &Json) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                flatten(table, &format!("{path}.{name}"), value);
            }
        }
        Json::Null => table.row([path, "-"]),
        Json::String(text) => table.row([path, text]),
        Json::Number(number) => table.row([path.to_owned(), show_number(path, number)]),
        other => table.row([path.to_owned(), other.to_string()]),
    }
}

fn show_number(path: &str, number: &serde_json::Number) -> String {
    match number.as_u64() {
        Some(bytes) if path.contains("bytes") && bytes >= 1024 => {
            format!("{bytes} ({})", show_bytes(bytes))
        }
        _ => number.to_string(),
    }
}

/// A size in the unit that fits: `1.5 MiB`.
fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut amount = bytes as f64 / 1024.0;
    let mut units = UNITS.iter().peekable();
    while let Some(unit) = units.next() {
        if amount < 1024.0 || units.peek().is_none() {
            return format!("{amount:.1} {unit}");
        }
        amount /= 1024.0;
    }
    unreachable!("the last unit takes any amount")
}

fn overview(answers: &[(&Node, Result<Status, kv_client::Error>)]) -> Table {
    let mut table = Table::default();
    table.row(["ADDR", "MODE", "ROLE", "KEYS", "MEMORY", "HEALTH"]);
    for (node, answer) in answers {
        match answer {
            Ok(status) => table.row([
                node.addr.clone(),
                status.mode.clone(),
                status.role.clone(),
                status.key_count.to_string(),
                show_bytes(status.memory_bytes),
                status.health.clone(),
            ]),
            Err(error) => table.row([&node.addr, "-", "-", "-", "-", &error.to_string()]),
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(show_bytes(512), "0.5 KiB");
        assert_eq!(show_bytes(1536 * 1024), "1.5 MiB");
        assert!(show_bytes(u64::MAX).ends_with(" PiB"));
    }

    #[test]
    fn nested_fields_are_shown_under_their_path() {
        let mut table = Table::default();
        let json = json!({ "written_bytes": 2048, "sync": "always", "error": null });
        flatten(&mut table, "wal", &json);
        let lines = table.lines();
        assert_eq!(lines[0], "wal.written_bytes  2048 (2.0 KiB)");
        assert_eq!(lines[1], "wal.sync           always");
        assert_eq!(lines[2], "wal.error          -");
    }
}
