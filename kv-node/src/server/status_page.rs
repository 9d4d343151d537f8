//! `/status`, and what the native protocol's status request answers.

use std::net::SocketAddr;

use serde::Serialize;

use super::hub::Hub;
use crate::status::Status;

/// A node's state, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct StatusPage {
    version: &'static str,
    pid: u32,
    listen: Option<SocketAddr>,
    uptime_ms: u64,
    connection_count: usize,
    request_count: u64,
    requests_per_second: u64,
    /// Of the last second; `null` if there was no request.
    latency_p99_us: Option<u64>,
    #[serde(flatten)]
    node: Status,
}

impl StatusPage {
    /// Of a node that serves.
    pub(crate) fn new(hub: &Hub, node: Status) -> StatusPage {
        StatusPage {
            listen: Some(hub.listen),
            uptime_ms: hub.clock.exact_ms(),
            connection_count: hub.clients.count(),
            request_count: hub.metrics.request_count(),
            requests_per_second: hub.metrics.requests_per_second(),
            latency_p99_us: hub.metrics.p99_us(),
            ..StatusPage::loading(node)
        }
    }

    /// Of a node that does not serve yet.
    pub(crate) fn loading(node: Status) -> StatusPage {
        StatusPage {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            listen: None,
            uptime_ms: 0,
            connection_count: 0,
            request_count: 0,
            requests_per_second: 0,
            latency_p99_us: None,
            node,
        }
    }

    /// Its text.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts are always JSON")
    }
}
