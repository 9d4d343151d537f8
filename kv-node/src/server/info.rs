//! INFO and KV.META: what people and client libraries ask about this node.

use std::fmt::{Display, Write};

use kv_proto::reply::Reply;

use super::clock::Clock;
use super::hub::Hub;
use super::process::ProcessUsage;
use crate::status::Status;
use replication::replication;

mod node_meta;
mod replication;

pub(crate) use node_meta::node_meta;

/// The Redis whose commands and replies are followed.
pub(crate) const REDIS_VERSION: &str = "7.2.0";

type Section = fn(&mut Lines, &Hub, &Status);

const SECTIONS: &[(&str, &str, Section)] = &[
    ("server", "Server", server),
    ("clients", "Clients", clients),
    ("memory", "Memory", memory),
    ("persistence", "Persistence", persistence),
    ("stats", "Stats", stats),
    ("replication", "Replication", replication),
    ("cpu", "CPU", cpu),
    ("modules", "Modules", |_, _, _| {}),
    ("commandstats", "Commandstats", commandstats),
    ("errorstats", "Errorstats", |_, _, _| {}),
    ("cluster", "Cluster", cluster),
    ("keyspace", "Keyspace", keyspace),
];

/// Sections that are shown only if they are asked for.
const EXTRA: [&str; 1] = ["commandstats"];

/// The sections as text; all usual ones if `wanted` is empty.
pub(crate) fn reply(hub: &Hub, status: &Status, wanted: &[String]) -> Reply {
    let mut lines = Lines::default();
    for (name, title, section) in SECTIONS {
        if is_wanted(name, wanted) {
            lines.title(title);
            section(&mut lines, hub, status);
        }
    }
    Reply::Bytes(lines.text.into())
}

fn is_wanted(name: &str, wanted: &[String]) -> bool {
    let has = |word: &str| wanted.iter().any(|asked| asked == word);
    let usual = wanted.is_empty() || has("default");
    has(name) || has("all") || has("everything") || (usual && !EXTRA.contains(&name))
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.text.push_str("# ");
        self.text.push_str(title);
        self.text.push_str("\r\n");
    }

    fn put(&mut self, name: impl Display, value: impl Display) {
        write!(self.text, "{name}:{value}\r\n").expect("writing to a string cannot fail");
    }
}

fn server(lines: &mut Lines, hub: &Hub, status: &Status) {
    let uptime = hub.clock.uptime().as_secs();
    lines.put("redis_version", REDIS_VERSION);
    lines.put("kv_version", env!("CARGO_PKG_VERSION"));
    lines.put("redis_mode", "standalone");
    lines.put("kv_mode", status.mode);
    lines.put("os", std::env::consts::OS);
    lines.put("arch_bits", usize::BITS);
    lines.put("process_id", std::process::id());
    lines.put("tcp_port", hub.listen.port());
    lines.put("server_time_usec", Clock::unix_us());
    lines.put("uptime_in_seconds", uptime);
    lines.put("uptime_in_days", uptime / 86_400);
    lines.put("io_threads_active", hub.settings.io_threads);
}

fn clients(lines: &mut Lines, hub: &Hub, _: &Status) {
    let mut subscriber_count = 0;
    hub.clients.for_each(|client| {
        let profile = client.profile.lock();
        subscriber_count += usize::from(profile.channel_count + profile.pattern_count > 0);
    });
    lines.put("connected_clients", hub.clients.count());
    lines.put("maxclients", hub.settings.connections_max);
    lines.put("blocked_clients", 0);
    lines.put("pubsub_clients", subscriber_count);
}

fn memory(lines: &mut Lines, _: &Hub, status: &Status) {
    lines.put("used_memory", status.memory_bytes);
    lines.put("used_memory_human", human(status.memory_bytes));
    lines.put("used_memory_rss", ProcessUsage::now().resident_bytes);
    lines.put("used_memory_dataset", status.memory_bytes);
    lines.put("maxmemory", status.memory_bytes_max);
    lines.put("maxmemory_human", human(status.memory_bytes_max));
    lines.put("maxmemory_policy", "noeviction");
    lines.put("mem_allocator", "mimalloc");
}

fn human(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{:.2}K", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.2}M", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2}G", bytes as f64 / 1_073_741_824.0),
    }
}

fn persistence(lines: &mut Lines, _: &Hub, status: &Status) {
    let (wal, snapshot) = (&status.wal, &status.snapshot);
    let is_ok = |ok: bool| if ok { "ok" } else { "err" };
    lines.put("loading", u8::from(!status.ready));
    lines.put("rdb_bgsave_in_progress", u8::from(snapshot.running));
    lines.put("rdb_last_save_time", snapshot.finished_at_ms / 1000);
    let snapshot_ok = snapshot.last_error.is_none();
    lines.put("rdb_last_bgsave_status", is_ok(snapshot_ok));
    lines.put("aof_enabled", 1);
    lines.put("aof_last_write_status", is_ok(status.health == "ok"));
    lines.put("kv_wal_sync", wal.sync);
    lines.put("kv_wal_last_lsn", wal.last_lsn);
    lines.put("kv_wal_durable_lsn", wal.durable_lsn);
    lines.put("kv_wal_syncs", wal.sync_count);
    lines.put("kv_wal_written_bytes", wal.written_bytes);
    lines.put("kv_wal_segments", wal.segment_count);
    lines.put("kv_snapshot_index", snapshot.index);
}

fn stats(lines: &mut Lines, hub: &Hub, status: &Status) {
    let totals = hub.metrics.totals();
    lines.put("total_connections_received", hub.metrics.accepted.value());
    lines.put("total_commands_processed", totals.request_count());
    lines.put(
        "instantaneous_ops_per_sec",
        hub.metrics.requests_per_second(),
    );
    lines.put("total_net_input_bytes", totals.input_bytes);
    lines.put("total_net_output_bytes", totals.output_bytes);
    lines.put("rejected_connections", hub.metrics.refused.value());
    lines.put("expired_keys", status.expired_count);
    lines.put("evicted_keys", 0);
    lines.put("total_error_replies", totals.errors);
    lines.put("pubsub_channels", hub.pubsub.channel_count());
    lines.put("pubsub_patterns", hub.pubsub.pattern_count());
}

fn cpu(lines: &mut Lines, _: &Hub, _: &Status) {
    let usage = ProcessUsage::now();
    lines.put("used_cpu_sys", usage.system_seconds);
    lines.put("used_cpu_user", usage.user_seconds);
}

fn commandstats(lines: &mut Lines, hub: &Hub, _: &Status) {
    let totals = hub.metrics.totals();
    for (spec, count) in kv_proto::resp::commands().iter().zip(totals.commands) {
        if count > 0 {
            lines.put(
                format_args!("cmdstat_{}", spec.name),
                format_args!("calls={count}"),
            );
        }
    }
}

fn cluster(lines: &mut Lines, _: &Hub, _: &Status) {
    lines.put("cluster_enabled", 0);
}

fn keyspace(lines: &mut Lines, _: &Hub, status: &Status) {
    if status.key_count > 0 {
        let (keys, expires) = (status.key_count, status.expiring_key_count);
        lines.put(
            "db0",
            format_args!("keys={keys},expires={expires},avg_ttl=0"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{ClusterStatus, MemberStatus};

    fn info(wanted: &[&str]) -> String {
        let status = Status {
            role: "master",
            key_count: 3,
            expiring_key_count: 1,
            ..Status::default()
        };
        info_of(&status, wanted)
    }

    fn info_of(status: &Status, wanted: &[&str]) -> String {
        let settings = super::super::settings::ServerSettings::default();
        let listen = settings.listen;
        let hub = Hub::new(settings, None, listen);
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        match reply(&hub, status, &wanted) {
            Reply::Bytes(bytes) => String::from_utf8(bytes.into()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn usual_sections_have_what_client_libraries_read() {
        let text = info(&[]);
        for line in [
            "redis_version:7.2.0",
            "arch_bits:64",
            "cluster_enabled:0",
            "role:master",
            "db0:keys=3,expires=1,avg_ttl=0",
            "maxclients:10000",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(!text.contains("# Commandstats"));
    }

    #[test]
    fn only_the_sections_asked_for_are_shown() {
        assert_eq!(info(&["cluster"]), "# Cluster\r\ncluster_enabled:0\r\n");
        assert!(info(&["everything"]).contains("# Commandstats"));
        assert_eq!(info(&["nonsense"]), "");
    }

    fn in_cluster(role: &'static str, cluster_role: &'static str) -> Status {
        let member = |id: u64, match_index| MemberStatus {
            id,
            client: format!("host:600{id}"),
            peer: format!("host:610{id}"),
            is_voter: id == 0,
            match_index,
            last_contact_ms: match_index,
            ..MemberStatus::default()
        };
        Status {
            role,
            applied_index: 40,
            cluster: Some(ClusterStatus {
                role: cluster_role,
                leader_id: Some(0),
                leader_address: Some("host:6000".to_owned()),
                age_ms: Some(2500),
                members: vec![member(0, None), member(1, Some(9000))],
                ..ClusterStatus::default()
            }),
            ..Status::default()
        }
    }

    #[test]
    fn a_leader_names_its_followers() {
        let text = info_of(&in_cluster("master", "leader"), &["replication"]);
        for line in [
            "role:master",
            "connected_slaves:1",
            "slave0:ip=host,port=6001,state=online,offset=9000,lag=9",
            "kv_cluster_role:leader",
            "kv_member1:client=host:6001,peer=host:6101,learner",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_follower_names_its_leader() {
        let text = info_of(&in_cluster("slave", "follower"), &["replication"]);
        for line in [
            "role:slave",
            "master_host:host",
            "master_port:6000",
            "master_link_status:up",
            "master_last_io_seconds_ago:2",
            "slave_repl_offset:40",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn sizes_for_people_have_one_letter() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(1536), "1.50K");
        assert_eq!(human(3 << 29), "1.50G");
    }
}
