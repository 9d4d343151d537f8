//! Commands about a server and what it knows of a key.

use serde_json::json;
use tokio::time::Instant;

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
        let mut answer = json!({
            "key": key, "found": true, "version": meta.version, "type": meta.kind,
            "bytes": meta.bytes, "expires_at_ms": meta.expires_at_ms, "vector": meta.vector,
        });
        if let Some(primary) = meta.primary {
            answer["primary"] = primary.into();
            answer["term"] = meta.term.into();
        }
        if !meta.clock.is_empty() {
            answer["clock"] = json!(meta.clock);
        }
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
    if let (Some(primary), Some(term)) = (meta.primary, meta.term) {
        table.row(["primary", &format!("node {primary} in term {term}")]);
    }
    if !meta.clock.is_empty() {
        let each = meta
            .clock
            .iter()
            .map(|(node, write)| format!("node {node}: {write}"));
        table.row(["clock", &each.collect::<Vec<_>>().join(", ")]);
    }
    print(app, &table)
}

pub(super) fn print(app: &mut App, table: &Table) -> Result<(), Failure> {
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
