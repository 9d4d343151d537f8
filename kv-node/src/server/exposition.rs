//! `/metrics`: what is counted, in the OpenMetrics text format.

use std::fmt;

use kv_proto::resp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::hub::Hub;
use super::metrics::{Totals, latency_bound};
use super::process::ProcessUsage;
use crate::status::Status;

/// All metrics of this moment, beside those that are in the registry already.
pub(crate) fn text(mut registry: Registry, hub: &Hub, status: Status) -> String {
    registry.register_collector(Box::new(Moment {
        totals: hub.metrics.totals(),
        accepted: hub.metrics.accepted.value(),
        refused: hub.metrics.refused.value(),
        connection_count: hub.clients.count() as u64,
        channel_count: hub.pubsub.channel_count() as u64,
        pattern_count: hub.pubsub.pattern_count() as u64,
        process: ProcessUsage::now(),
        status,
    }));
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string cannot fail");
    text
}

/// What is told, collected at one moment.
#[derive(Debug)]
struct Moment {
    totals: Totals,
    accepted: u64,
    refused: u64,
    connection_count: u64,
    channel_count: u64,
    pattern_count: u64,
    process: ProcessUsage,
    status: Status,
}

impl Collector for Moment {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page { encoder };
        self.requests(&mut page)?;
        self.connections(&mut page)?;
        self.data(&mut page)?;
        self.log(&mut page)?;
        self.snapshots(&mut page)?;
        self.indexes(&mut page)?;
        self.process(&mut page)
    }
}

impl Moment {
    fn requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let totals = &self.totals;
        let names = resp::commands().iter().map(|spec| spec.name);
        let by_command = names.zip(totals.commands.iter().copied());
        let used = by_command.filter(|(_, count)| *count > 0);
        page.counters("kv_commands", "RESP requests", "command", used)?;
        page.counter(
            "kv_native_requests",
            "Requests of the native protocol",
            totals.native_requests,
        )?;
        page.counter(
            "kv_error_replies",
            "Requests answered with an error",
            totals.errors,
        )?;
        page.latency(totals)
    }

    fn connections(&self, page: &mut Page<'_>) -> fmt::Result {
        let totals = &self.totals;
        let closed = totals
            .closed()
            .map(|(reason, count)| (reason.name(), count));
        page.gauge("kv_connections", "Connections now", self.connection_count)?;
        page.counter(
            "kv_connections_accepted",
            "Connections accepted",
            self.accepted,
        )?;
        page.counter(
            "kv_connections_rejected",
            "Connections refused because there were too many",
            self.refused,
        )?;
        page.counters(
            "kv_connections_closed",
            "Connections ended",
            "reason",
            closed,
        )?;
        page.counter("kv_auth_failures", "Wrong passwords", totals.auth_failures)?;
        page.counter("kv_input_bytes", "Bytes received", totals.input_bytes)?;
        page.counter("kv_output_bytes", "Bytes sent", totals.output_bytes)?;
        page.gauge(
            "kv_pubsub_channels",
            "Channels with subscribers",
            self.channel_count,
        )?;
        page.gauge(
            "kv_pubsub_patterns",
            "Patterns with subscribers",
            self.pattern_count,
        )
    }

    fn data(&self, page: &mut Page<'_>) -> fmt::Result {
        let status = &self.status;
        page.gauge(
            "kv_ready",
            "1 if requests are answered",
            u64::from(status.ready),
        )?;
        page.gauge(
            "kv_healthy",
            "1 if writes are accepted",
            u64::from(status.health == "ok"),
        )?;
        page.gauge("kv_keys", "Keys", status.key_count)?;
        page.gauge(
            "kv_expiring_keys",
            "Keys with an expiry",
            status.expiring_key_count,
        )?;
        page.counter("kv_expired_keys", "Keys that expired", status.expired_count)?;
        page.gauge(
            "kv_memory_bytes",
            "Memory the entries take",
            status.memory_bytes,
        )?;
        page.gauge(
            "kv_memory_bytes_max",
            "Limit on that; 0: none",
            status.memory_bytes_max,
        )?;
        page.gauge(
            "kv_applied_index",
            "Last write applied",
            status.applied_index,
        )
    }

    fn log(&self, page: &mut Page<'_>) -> fmt::Result {
        let wal = &self.status.wal;
        page.counter("kv_wal_syncs", "fdatasyncs of the log", wal.sync_count)?;
        page.float(
            "kv_wal_sync_seconds",
            "Time spent in them",
            MetricType::Counter,
            wal.sync_ns_total as f64 / 1e9,
        )?;
        page.counter(
            "kv_wal_written_bytes",
            "Bytes written to the log",
            wal.written_bytes,
        )?;
        page.counter(
            "kv_wal_groups",
            "Groups written to the log",
            wal.group_count,
        )?;
        page.counter(
            "kv_wal_records",
            "Records written to the log",
            wal.record_count,
        )?;
        page.float(
            "kv_wal_records_per_group",
            "Records made durable by one sync, on average",
            MetricType::Gauge,
            ratio(wal.record_count, wal.group_count),
        )?;
        page.gauge("kv_wal_last_lsn", "Last record appended", wal.last_lsn)?;
        page.gauge(
            "kv_wal_durable_lsn",
            "Last record on the disk",
            wal.durable_lsn,
        )?;
        page.gauge("kv_wal_segments", "Segment files", wal.segment_count)
    }

    fn snapshots(&self, page: &mut Page<'_>) -> fmt::Result {
        let snapshot = &self.status.snapshot;
        page.gauge(
            "kv_snapshot_index",
            "Last write in the newest snapshot",
            snapshot.index,
        )?;
        page.float(
            "kv_snapshot_finished_timestamp_seconds",
            "When it was finished",
            MetricType::Gauge,
            snapshot.finished_at_ms as f64 / 1e3,
        )?;
        page.gauge(
            "kv_snapshot_running",
            "1 while one is written",
            u64::from(snapshot.running),
        )?;
        page.gauge(
            "kv_snapshot_failed",
            "1 if the last one failed",
            u64::from(snapshot.last_error.is_some()),
        )
    }

    fn indexes(&self, page: &mut Page<'_>) -> fmt::Result {
        let indexes = &self.status.indexes;
        page.gauge(
            "kv_index_built",
            "1 if searches are answered",
            u64::from(indexes.built),
        )?;
        page.gauge(
            "kv_index_waiting",
            "Changes applied to the data and not to the indexes",
            indexes.waiting,
        )?;
        page.gauge(
            "kv_index_model",
            "The write after which the model was asked for that is in use; 0: none is",
            indexes.model,
        )?;
        page.gauge(
            "kv_index_training",
            "1 while a model is being learnt",
            u64::from(indexes.training),
        )?;
        page.gauges(
            "kv_index_documents",
            "Entries in an index",
            "index",
            indexes.each.iter().map(|one| (one.name, one.documents)),
        )?;
        page.gauges(
            "kv_index_terms",
            "Keys, hashes, words or vectors that entries are found by",
            "index",
            indexes.each.iter().map(|one| (one.name, one.terms)),
        )?;
        page.gauges(
            "kv_index_bytes",
            "Memory an index takes",
            "index",
            indexes.each.iter().map(|one| (one.name, one.bytes)),
        )
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let process = &self.process;
        page.gauge(
            "process_resident_memory_bytes",
            "Memory of the process",
            process.resident_bytes,
        )?;
        page.float(
            "process_cpu_seconds",
            "Processor time of the process",
            MetricType::Counter,
            process.user_seconds + process.system_seconds,
        )
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

struct Page<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Page<'_> {
    fn metric(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        encode: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, kind)?;
        encode(&mut metric)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric(name, help, MetricType::Counter, |metric| {
            metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
        })
    }

    fn counters<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl Iterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        self.metric(name, help, MetricType::Counter, |metric| {
            for (label_value, value) in values {
                let labels = [(label, label_value)];
                metric
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, u64, u64>(&value, None)?;
            }
            Ok(())
        })
    }

    fn gauges<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl Iterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        self.metric(name, help, MetricType::Gauge, |metric| {
            for (label_value, value) in values {
                let labels = [(label, label_value)];
                metric.encode_family(&labels)?.encode_gauge(&value)?;
            }
            Ok(())
        })
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.metric(name, help, MetricType::Gauge, |metric| {
            metric.encode_gauge(&value)
        })
    }

    fn float(&mut self, name: &str, help: &str, kind: MetricType, value: f64) -> fmt::Result {
        self.metric(name, help, kind, |metric| match kind {
            MetricType::Counter => metric.encode_counter::<NoLabelSet, f64, f64>(&value, None),
            _ => metric.encode_gauge(&value),
        })
    }

    fn latency(&mut self, totals: &Totals) -> fmt::Result {
        let counts = totals.latency.iter().enumerate();
        let buckets: Vec<(f64, u64)> = counts
            .map(|(bucket, count)| (latency_bound(bucket), *count))
            .collect();
        let sum = totals.latency_ns as f64 / 1e9;
        let count = totals.latency.iter().sum();
        let help = "Time of a request in the backend, its log's sync included";
        self.metric(
            "kv_request_seconds",
            help,
            MetricType::Histogram,
            |metric| metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::settings::ServerSettings;

    #[test]
    fn page_has_what_was_counted() {
        let settings = ServerSettings::default();
        let listen = settings.listen;
        let hub = Hub::new(settings, None, listen);
        hub.metrics.thread(0).command(0);
        hub.metrics.thread(0).batch(3, Duration::from_micros(100));
        let mut status = Status {
            key_count: 7,
            ..Status::default()
        };
        status.wal.record_count = 10;
        status.wal.group_count = 4;
        let text = text(Registry::default(), &hub, status);
        let name = resp::commands()[0].name;
        for line in [
            &format!("kv_commands_total{{command=\"{name}\"}} 1"),
            "kv_keys 7",
            "kv_wal_records_per_group 2.5",
            "kv_connections_closed_total{reason=\"idle\"} 0",
            "kv_request_seconds_count 3",
            "kv_request_seconds_bucket{le=\"0.000064\"} 0",
            "kv_request_seconds_bucket{le=\"0.000128\"} 3",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
