//! `KV.META` without a key: this node, as a map.

use kv_proto::Position;
use kv_proto::reply::Reply;

use crate::status::{ClusterStatus, MemberStatus, Status};

type Pairs = Vec<(Reply, Reply)>;

/// What is known of this node, and how recent the connection's last stale reads were.
pub(crate) fn node_meta(status: &Status, position: Option<Position>) -> Reply {
    let mut pairs = own(status);
    if let Some(cluster) = &status.cluster {
        pairs.extend(place(cluster));
    }
    if let Some(Position { applied, age_ms }) = position {
        pairs.push((text("read_applied"), number(applied)));
        pairs.push((text("read_age_ms"), number(age_ms)));
    }
    Reply::Map(pairs)
}

fn own(status: &Status) -> Pairs {
    vec![
        (text("mode"), text(status.mode)),
        (text("role"), text(status.role)),
        (text("ready"), Reply::Bool(status.ready)),
        (text("health"), owned(&status.health)),
        (text("version"), text(env!("CARGO_PKG_VERSION"))),
        (text("keys"), number(status.key_count)),
        (text("expiring_keys"), number(status.expiring_key_count)),
        (text("memory_bytes"), number(status.memory_bytes)),
        (text("memory_bytes_max"), number(status.memory_bytes_max)),
        (text("applied_index"), number(status.applied_index)),
        (text("durable_lsn"), number(status.wal.durable_lsn)),
        (text("snapshot_index"), number(status.snapshot.index)),
        (text("index"), owned(&status.indexes.kinds)),
        (text("index_embedder"), owned(&status.indexes.embedder)),
        (text("index_model"), number(status.indexes.model)),
        (text("index_training"), Reply::Bool(status.indexes.training)),
        (text("index_language"), owned(&status.indexes.language)),
        (
            text("index_vector_dims"),
            number(status.indexes.vector_dims),
        ),
        (text("index_built"), Reply::Bool(status.indexes.built)),
        (text("index_waiting"), number(status.indexes.waiting)),
        (text("index_bytes"), number(status.indexes.bytes)),
    ]
}

fn place(cluster: &ClusterStatus) -> Pairs {
    let members = cluster.members.iter().map(member).collect();
    let clock = cluster.vector_clock.iter().map(|entry| {
        let node = entry.node_id.to_string();
        (Reply::Bytes(node.into()), number(entry.write))
    });
    vec![
        (text("node_id"), number(cluster.node_id)),
        (text("cluster_role"), text(cluster.role)),
        (text("leader_id"), optional(cluster.leader_id)),
        (
            text("leader"),
            cluster.leader_address.as_deref().map_or(Reply::Nil, owned),
        ),
        (text("term"), number(cluster.term)),
        (text("commit_index"), number(cluster.commit_index)),
        (text("log_applied_index"), number(cluster.applied_index)),
        (text("age_ms"), optional(cluster.age_ms)),
        (text("members"), Reply::Array(members)),
        (text("vector_clock"), Reply::Map(clock.collect())),
    ]
}

fn member(member: &MemberStatus) -> Reply {
    Reply::Map(vec![
        (text("id"), number(member.id)),
        (text("client"), owned(&member.client)),
        (text("peer"), owned(&member.peer)),
        (text("voter"), Reply::Bool(member.is_voter)),
        (text("match_index"), optional(member.match_index)),
        (text("lag"), optional(member.lag)),
        (text("last_contact_ms"), optional(member.last_contact_ms)),
    ])
}

fn text(text: &'static str) -> Reply {
    Reply::text(text)
}

fn owned(text: &str) -> Reply {
    Reply::Bytes(text.to_owned().into())
}

fn number(number: u64) -> Reply {
    Reply::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn optional(count: Option<u64>) -> Reply {
    count.map_or(Reply::Nil, number)
}
