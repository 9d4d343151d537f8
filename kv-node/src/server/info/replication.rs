//! INFO replication: this node among others.

use super::{Hub, Lines, Status};
use crate::status::{ClusterStatus, MemberStatus};

pub(super) fn replication(lines: &mut Lines, _: &Hub, status: &Status) {
    lines.put("role", status.role);
    match &status.cluster {
        None => lines.put("connected_slaves", 0),
        Some(cluster) if status.role == "master" => followers(lines, cluster),
        Some(cluster) => leader(lines, cluster, status.applied_index),
    }
    lines.put("master_repl_offset", status.applied_index);
    if let Some(cluster) = &status.cluster {
        own_lines(lines, cluster);
    }
}

/// What a follower says of the leader.
fn leader(lines: &mut Lines, cluster: &ClusterStatus, applied_index: u64) {
    let (host, port) = cluster
        .leader_address
        .as_deref()
        .and_then(|address| address.rsplit_once(':'))
        .unwrap_or(("", "0"));
    let link = match cluster.leader_id {
        Some(_) => "up",
        None => "down",
    };
    lines.put("master_host", host);
    lines.put("master_port", port);
    lines.put("master_link_status", link);
    if let Some(age_ms) = cluster.age_ms {
        lines.put("master_last_io_seconds_ago", age_ms / 1000);
    }
    lines.put("master_sync_in_progress", 0);
    lines.put("slave_repl_offset", applied_index);
    lines.put("slave_read_only", 1);
    lines.put("connected_slaves", 0);
}

/// What the leader says of the others.
fn followers(lines: &mut Lines, cluster: &ClusterStatus) {
    let others = || {
        let members = cluster.members.iter();
        members.filter(|member| member.id != cluster.node_id)
    };
    lines.put("connected_slaves", others().count());
    for (index, member) in others().enumerate() {
        follower(lines, index, member);
    }
}

fn follower(lines: &mut Lines, index: usize, member: &MemberStatus) {
    let (host, port) = member.client.rsplit_once(':').unwrap_or(("", "0"));
    let state = match member.last_contact_ms {
        Some(_) => "online",
        None => "wait_bgsave",
    };
    let offset = member.match_index.unwrap_or(0);
    let lag = member.last_contact_ms.unwrap_or(0) / 1000;
    lines.put(
        format_args!("slave{index}"),
        format_args!("ip={host},port={port},state={state},offset={offset},lag={lag}"),
    );
}

/// What Redis has no word for.
fn own_lines(lines: &mut Lines, cluster: &ClusterStatus) {
    lines.put("kv_node_id", cluster.node_id);
    lines.put("kv_cluster_role", cluster.role);
    lines.put("kv_term", cluster.term);
    lines.put("kv_commit_index", cluster.commit_index);
    lines.put("kv_applied_index", cluster.applied_index);
    for member in &cluster.members {
        let vote = if member.is_voter { "voter" } else { "learner" };
        lines.put(
            format_args!("kv_member{}", member.id),
            format_args!("client={},peer={},{vote}", member.client, member.peer),
        );
    }
}
