//! What `/status`, INFO and `kv status` say of a node of a cluster.

use kv_node::status::{
    ClockEntry, ClusterStatus, IndexStatus, MemberStatus as Shown, SnapshotStatus, Status,
    WalStatus, health_text,
};
use kv_wal::SyncPolicy;

use crate::driver::{Shared, role_name};
use crate::{MemberStatus, PeerStatus, Role};

pub(super) fn of(shared: &Shared, view: &MemberStatus) -> Status {
    let db = &shared.db;
    Status {
        mode: "raft",
        role: match view.role {
            Role::Leader => "master",
            _ => "slave",
        },
        ready: view.is_ready,
        health: health(shared, view),
        key_count: db.key_count(),
        memory_bytes: db.memory_bytes(),
        expiring_key_count: db.expiring_key_count(),
        expired_count: db.expired_count(),
        applied_index: view.ordinal,
        wal: WalStatus::of(&*shared.journal, SyncPolicy::Always),
        snapshot: snapshot(view),
        indexes: IndexStatus::of(&db.indexes().stats()),
        cluster: Some(cluster(view)),
        ..Status::default()
    }
}

fn health(shared: &Shared, view: &MemberStatus) -> String {
    let log = health_text(&shared.journal.health());
    match (log.as_str(), view.is_refused, view.leader) {
        ("ok", true, _) => "refused: the others know this number from another data dir".to_owned(),
        ("ok", false, None) => "no leader".to_owned(),
        _ => log,
    }
}

fn snapshot(view: &MemberStatus) -> SnapshotStatus {
    SnapshotStatus {
        index: view.snapshot.map_or(0, |id| id.index),
        last_error: view.snapshot_error.clone(),
        ..SnapshotStatus::default()
    }
}

fn cluster(view: &MemberStatus) -> ClusterStatus {
    let leader = view
        .members
        .iter()
        .find(|member| Some(member.address.id) == view.leader);
    let clock = view.clock.iter().map(|(node, write)| ClockEntry {
        node_id: node.0,
        write: *write,
    });
    ClusterStatus {
        node_id: view.id.0,
        role: role_name(view.role),
        leader_id: view.leader.map(|leader| leader.0),
        leader_address: leader.map(|leader| leader.address.client.clone()),
        term: view.term,
        commit_index: view.commit,
        applied_index: view.applied,
        last_index: view.last,
        age_ms: view.contact_age_ms,
        members: view.members.iter().map(|one| shown(view, one)).collect(),
        vector_clock: clock.collect(),
    }
}

fn shown(view: &MemberStatus, member: &PeerStatus) -> Shown {
    Shown {
        id: member.address.id.0,
        client: member.address.client.clone(),
        peer: member.address.peer.clone(),
        is_voter: member.is_voter,
        match_index: member.matched,
        lag: member
            .matched
            .map(|matched| view.last.saturating_sub(matched)),
        last_contact_ms: None,
    }
}
