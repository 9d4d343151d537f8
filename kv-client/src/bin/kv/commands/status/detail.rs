//! Everything that one server says of itself.

use kv_client::Status;
use serde_json::Value as Json;

use crate::table::Table;

pub(super) fn detailed(addr: &str, status: &Status) -> Table {
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
pub(super) fn show_bytes(bytes: u64) -> String {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
