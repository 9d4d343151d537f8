use kv_proto::{ErrorCode, Reply};

use super::cluster::{Cluster, address, get, text};
use crate::member::*;
use crate::{NodeId, Role};

fn change(changes: impl IntoIterator<Item = Change>) -> Administration {
    Administration::Change(changes.into_iter().collect())
}

fn is_error(reply: &Reply, expected: ErrorCode) -> bool {
    matches!(reply, Reply::Error(error) if error.code == expected)
}

/// Adds node `id` and waits until it has everything.
fn add(cluster: &mut Cluster, id: u64) {
    cluster.start_new(id);
    let reply = cluster.administer(change([Change::AddLearner(address(id))]));
    assert_eq!(reply, Reply::Ok);
    cluster.until("a learner that has caught up", |cluster| {
        let status = cluster.status(id);
        status.role == Role::Learner && status.is_ready
    });
    let leader = cluster.leader();
    cluster.until("a leader that knows it", |cluster| {
        let members = cluster.status(leader).members;
        let matched = members.iter().find(|peer| peer.address.id.0 == id);
        matched.is_some_and(|peer| peer.matched > Some(0))
    });
}

#[test]
fn a_node_is_added_promoted_and_counts() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    add(&mut cluster, 3);
    assert_eq!(text(&cluster.ask(3, get("k"))), "v");
    assert_eq!(
        cluster.administer(change([Change::Promote(NodeId(3))])),
        Reply::Ok
    );
    cluster.until("a vote", |cluster| cluster.status(3).role == Role::Follower);
    // Three of four are a quorum.
    let leader = cluster.leader();
    cluster.kill((leader + 1) % 3);
    cluster.write("k", "w");
    assert_eq!(text(&cluster.ask(3, get("k"))), "w");
}

#[test]
fn a_removed_node_counts_no_more_and_its_id_is_spent() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let leader = cluster.leader();
    let gone = (leader + 1) % 3;
    assert_eq!(
        cluster.administer(change([Change::Remove(NodeId(gone))])),
        Reply::Ok
    );
    cluster.kill(gone);
    cluster.write("k", "w");
    assert_eq!(cluster.status(leader).members.len(), 2);
    let again = cluster.administer(change([Change::AddLearner(address(gone))]));
    assert!(is_error(&again, ErrorCode::Err), "{again:?}");
}

#[test]
fn a_leader_can_be_removed() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let old = cluster.leader();
    assert_eq!(
        cluster.administer(change([Change::Remove(NodeId(old))])),
        Reply::Ok
    );
    cluster.until("another leader", |cluster| {
        (0..3).any(|id| id != old && cluster.status(id).role == Role::Leader)
    });
    assert_eq!(cluster.status(old).role, Role::Outsider);
    cluster.write("k", "w");
}

#[test]
fn a_node_is_exchanged_in_one_step_by_way_of_a_joint_configuration() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    add(&mut cluster, 3);
    let gone = (cluster.leader() + 1) % 3;
    let exchange = change([Change::Promote(NodeId(3)), Change::Remove(NodeId(gone))]);
    assert_eq!(cluster.administer(exchange), Reply::Ok);
    cluster.until("the new configuration", |cluster| {
        let status = cluster.status(3);
        status.role == Role::Follower && status.members.len() == 3
    });
    cluster.kill(gone);
    cluster.write("k", "w");
    (0..4)
        .filter(|id| *id != gone)
        .for_each(|id| cluster.kill(id));
    (0..4)
        .filter(|id| *id != gone)
        .for_each(|id| cluster.start(id));
    cluster.write("k", "x");
    cluster.converge();
}

#[test]
fn leadership_is_handed_over_to_whom_it_is_asked() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    for to in [2, 0, 1] {
        let reply = cluster.administer(Administration::TransferLeader(Some(NodeId(to))));
        assert_eq!(reply, Reply::Ok);
        cluster.until("the new leader", |cluster| {
            cluster.status(to).role == Role::Leader
        });
        cluster.write("k", &to.to_string());
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let mut cluster = Cluster::new(3);
    cluster.leader();
    let refused = [
        change([]),
        change([Change::Remove(NodeId(9))]),
        change([Change::Promote(NodeId(9))]),
        change([Change::Promote(NodeId(0))]),
        change([Change::AddLearner(address(0))]),
        change([Change::Remove(NodeId(0)), Change::Remove(NodeId(0))]),
        change((0..3).map(|id| Change::Remove(NodeId(id)))),
        Administration::TransferLeader(Some(NodeId(9))),
    ];
    for request in refused {
        let reply = cluster.administer(request.clone());
        assert!(is_error(&reply, ErrorCode::Err), "{request:?}: {reply:?}");
    }
}
