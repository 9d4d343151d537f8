//! How the node does: a block that is redrawn on a terminal, a line a change without one.

use serde_json::Value;

use super::screen::Screen;
use crate::http;

/// What was shown last.
pub(super) struct Live {
    admin: String,
    screen: Screen,
    /// Writes applied at the last look, for the rate.
    applied: Option<u64>,
}

impl Live {
    /// Shows the node whose HTTP address is `admin`.
    pub(super) fn new(admin: &str) -> Live {
        Live {
            admin: admin.to_owned(),
            screen: Screen::new(),
            applied: None,
        }
    }

    /// Asks the node and shows what it says; call it once a second.
    pub(super) fn refresh(&mut self) {
        let status = http::get_json(&self.admin, "/status");
        if self.screen.is_terminal() {
            let block = self.block(status.as_ref().ok());
            self.screen.draw(&block);
        } else {
            self.screen.print_change(change_line(status.as_ref().ok()));
        }
    }

    fn block(&mut self, status: Option<&Value>) -> Vec<String> {
        let Some(status) = status else {
            return vec!["no answer from the node".to_owned()];
        };
        let applied = number(status, "/applied_index");
        let rate = self
            .applied
            .map_or(0, |before| applied.saturating_sub(before));
        self.applied = Some(applied);
        vec![
            String::new(),
            headline(status),
            format!(
                "  keys     {:>12}   memory    {}",
                number(status, "/key_count"),
                bytes(number(status, "/memory_bytes")),
            ),
            format!("  writes   {applied:>12}   now       {rate}/s"),
            format!(
                "  syncs    {:>12}   log       {} in {} segments",
                number(status, "/wal/sync_count"),
                bytes(number(status, "/wal/written_bytes")),
                number(status, "/wal/segment_count"),
            ),
            snapshot_line(status),
        ]
    }
}

/// What is worth a line when it changes.
fn change_line(status: Option<&Value>) -> String {
    match status {
        Some(status) => {
            let keys = number(status, "/key_count");
            let snapshot = number(status, "/snapshot/index");
            format!(
                "status: {}, {keys} keys, snapshot at {snapshot}",
                headline(status)
            )
        }
        None => "status: no answer".to_owned(),
    }
}

fn headline(status: &Value) -> String {
    let field = |name: &str| status[name].as_str().unwrap_or("?").to_owned();
    let ready = if status["ready"] == true {
        "ready"
    } else {
        "not ready"
    };
    format!(
        "{} {}: {ready}, {}",
        field("mode"),
        field("role"),
        field("health")
    )
}

fn snapshot_line(status: &Value) -> String {
    let running = if status["snapshot"]["running"] == true {
        ", one is being written"
    } else {
        ""
    };
    let failed = status["snapshot"]["last_error"].as_str();
    let failed = failed
        .map(|error| format!(", the last one failed: {error}"))
        .unwrap_or_default();
    format!(
        "  snapshot at {:>9}{running}{failed}",
        number(status, "/snapshot/index")
    )
}

fn number(status: &Value, pointer: &str) -> u64 {
    status.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// A size for people.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut scaled = count;
    let mut unit = 0;
    while scaled >= 10 * 1024 && unit + 1 < UNITS.len() {
        scaled /= 1024;
        unit += 1;
    }
    format!("{scaled} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_size_is_shown_in_the_largest_unit_that_leaves_two_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(10_239), "10239 B");
        assert_eq!(bytes(10_240), "10 KiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
    }

    #[test]
    fn the_write_rate_is_the_difference_to_the_last_look() {
        let mut live = Live::new("127.0.0.1:1");
        let block = |live: &mut Live, applied: u64| {
            live.block(Some(&json!({ "applied_index": applied })))
                .join("\n")
        };
        assert!(block(&mut live, 500).contains("0/s"));
        assert!(block(&mut live, 740).contains("240/s"));
    }

    #[test]
    fn a_change_of_health_changes_the_line() {
        let healthy = change_line(Some(&json!({ "health": "ok", "ready": true })));
        let full = change_line(Some(&json!({ "health": "disk full", "ready": true })));
        assert_ne!(healthy, full);
        assert!(full.contains("disk full"));
    }
}
