//! What is counted on the way of a request through this node.
//!
//! | stage    | from … to                                                            |
//! | -------- | -------------------------------------------------------------------- |
//! | `queue`  | a batch is submitted … it is given to the member                     |
//! | `work`   | one round of the member: propose, append, apply                      |
//! | `send`   | messages of a round: encoded and written to sockets                  |
//! | `sync`   | the log is asked to sync … it has                                    |
//! | `answer` | a batch is submitted … it is answered: all of it, replication and all |
//!
//! Counting is a load and a store; one thread writes, except for `answer`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::driver::Shared;
use crate::{Counters, MemberStatus, Role};

/// Times are counted by powers of two: up to 1 µs, 2 µs, … 2^23 µs (8 s), and beyond.
const BUCKET_COUNT: usize = 25;

/// How long something took, each time.
#[derive(Debug, Default)]
pub(crate) struct Times {
    buckets: [AtomicU64; BUCKET_COUNT],
    total_ns: AtomicU64,
}

impl Times {
    /// Counts one.
    pub(crate) fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.saturating_sub(1).leading_zeros()) as usize;
        let bucket = &self.buckets[bucket.min(BUCKET_COUNT - 1)];
        bucket.fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.total_ns.fetch_add(ns, Ordering::Relaxed);
    }

    fn buckets(&self) -> Vec<(f64, u64)> {
        let counts = self.buckets.iter().enumerate();
        counts
            .map(|(bucket, count)| (upper_bound(bucket), count.load(Ordering::Relaxed)))
            .collect()
    }

    fn total_seconds(&self) -> f64 {
        self.total_ns.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// The longest time that a bucket counts, in seconds.
fn upper_bound(bucket: usize) -> f64 {
    match bucket {
        LAST => f64::INFINITY,
        bucket => (1_u64 << bucket) as f64 / 1e6,
    }
}

const LAST: usize = BUCKET_COUNT - 1;

/// The stages of a request.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    pub(crate) queue: Times,
    pub(crate) work: Times,
    pub(crate) send: Times,
    pub(crate) sync: Times,
    pub(crate) answer: Times,
}

impl Stages {
    fn named(&self) -> [(&'static str, &Times); 5] {
        [
            ("queue", &self.queue),
            ("work", &self.work),
            ("send", &self.send),
            ("sync", &self.sync),
            ("answer", &self.answer),
        ]
    }
}

/// Tells what was counted.
pub(crate) struct Telling(pub(crate) Arc<Shared>);

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

impl Collector for Telling {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.view();
        self.stages(&mut encoder)?;
        self.peers(&mut encoder)?;
        state(&status, &mut encoder)?;
        followers(&status, &mut encoder)?;
        counters(&status.counters, &mut encoder)
    }
}

impl Telling {
    fn stages(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let name = "kv_cluster_stage_seconds";
        let help = "Time that a request, or a round of them, spends in a stage";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (stage, times) in self.0.stages.named() {
            let buckets = times.buckets();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let labels = [("stage", stage)];
            metric
                .encode_family(&labels)?
                .encode_histogram::<NoLabelSet>(times.total_seconds(), count, &buckets, None)?;
        }
        Ok(())
    }

    fn peers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.peers.counts();
        for (name, help, value) in [
            (
                "sent_messages",
                "Messages sent to peers",
                counts.sent_messages,
            ),
            ("sent_bytes", "Bytes sent to peers", counts.sent_bytes),
            ("writes", "Writes to the sockets of peers", counts.writes),
            (
                "dropped_messages",
                "Messages dropped for want of a connection, or of room",
                counts.dropped_messages,
            ),
            (
                "received_messages",
                "Messages received from peers",
                counts.received_messages,
            ),
            (
                "received_bytes",
                "Bytes received from peers",
                counts.received_bytes,
            ),
            ("dialled", "Connections made to peers", counts.dialled),
            ("accepted", "Connections of peers accepted", counts.accepted),
            (
                "refused",
                "Connections with peers that came to nothing",
                counts.refused,
            ),
            ("lost", "Connections with peers that ended", counts.lost),
        ] {
            counter(encoder, &format!("kv_peer_{name}"), help, value)?;
        }
        Ok(())
    }
}

fn state(status: &MemberStatus, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let is_leader = u64::from(status.role == Role::Leader);
    for (name, help, value) in [
        ("is_leader", "1 on the leader", is_leader),
        ("term", "The term", status.term),
        (
            "commit_index",
            "Last entry that a majority has",
            status.commit,
        ),
        ("applied_index", "Last entry applied", status.applied),
        ("last_index", "Last entry in the log", status.last),
        ("durable_index", "Last entry on the disk", status.durable),
        ("first_index", "First entry kept in memory", status.first),
        (
            "has_lease",
            "1 if reads need no round",
            u64::from(status.has_lease),
        ),
    ] {
        let name = format!("kv_raft_{name}");
        let mut metric = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)?;
    }
    Ok(())
}

fn followers(status: &MemberStatus, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let help = "Entries that a member is not known to have; the leader knows";
    let mut metric: MetricEncoder<'_> =
        encoder.encode_descriptor("kv_raft_lag", help, None, MetricType::Gauge)?;
    for member in &status.members {
        if let Some(matched) = member.matched {
            let labels = [("member", member.address.id.to_string())];
            let lag = status.last.saturating_sub(matched);
            metric.encode_family(&labels)?.encode_gauge(&lag)?;
        }
    }
    Ok(())
}

fn counters(counters: &Counters, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, value) in [
        (
            "elections_won",
            "Times it became leader",
            counters.elections_won,
        ),
        (
            "entries_proposed",
            "Entries proposed",
            counters.entries_proposed,
        ),
        (
            "commands_proposed",
            "Commands in them",
            counters.commands_proposed,
        ),
        ("records", "Records appended to the log", counters.records),
        ("writes_applied", "Writes applied", counters.writes_applied),
        (
            "retries_answered",
            "Writes sent twice and answered from memory",
            counters.retries_answered,
        ),
        ("lease_reads", "Reads under the lease", counters.lease_reads),
        ("read_rounds", "Rounds for reads", counters.read_rounds),
        ("stale_reads", "Stale reads", counters.stale_reads),
        (
            "redirects",
            "Batches refused with the leader's address",
            counters.redirects,
        ),
        (
            "forwards",
            "Batches passed on to the leader",
            counters.forwards,
        ),
        (
            "truncations",
            "Times the tail of the log was replaced",
            counters.truncations,
        ),
        (
            "snapshots_taken",
            "Snapshots taken",
            counters.snapshots_taken,
        ),
        ("snapshots_sent", "Snapshots sent", counters.snapshots_sent),
        (
            "snapshots_installed",
            "Snapshots of others installed",
            counters.snapshots_installed,
        ),
        (
            "configurations",
            "Configurations applied",
            counters.configurations,
        ),
    ] {
        counter(encoder, &format!("kv_raft_{name}"), help, value)?;
    }
    Ok(())
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_in_the_bucket_that_holds_them() {
        let times = Times::default();
        for (micros, bucket) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (1000, 10)] {
            let before = times.buckets()[bucket].1;
            times.record(Duration::from_micros(micros));
            assert_eq!(times.buckets()[bucket].1, before + 1, "{micros}");
            assert!(micros as f64 / 1e6 <= upper_bound(bucket));
        }
        times.record(Duration::from_secs(3600));
        assert_eq!(times.buckets()[LAST].1, 1);
    }
}
