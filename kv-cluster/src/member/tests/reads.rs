use kv_proto::{ErrorCode, Reply};

use super::cluster::{Cluster, batch, get, set, text};
use crate::member::*;

fn code(reply: &Reply) -> ErrorCode {
    match reply {
        Reply::Error(error) => error.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leader_answers_by_its_lease_without_a_round() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let leader = cluster.leader();
    cluster.until("a lease", |cluster| cluster.status(leader).has_lease);
    let ticket = cluster.submit(leader, batch([get("k")]));
    cluster.step();
    assert!(cluster.has_answer(ticket));
    assert_eq!(text(&cluster.answer(ticket).replies[0]), "v");
    assert_eq!(cluster.status(leader).counters.lease_reads, 1);
}

#[test]
fn without_a_lease_a_quorum_is_asked() {
    let mut cluster = Cluster::adjusted(3, |settings| settings.lease = false);
    cluster.write("k", "v");
    let leader = cluster.leader();
    assert!(!cluster.status(leader).has_lease);
    assert_eq!(text(&cluster.ask(leader, get("k"))), "v");
    assert_eq!(text(&cluster.ask((leader + 1) % 3, get("k"))), "v");
    assert!(cluster.status(leader).counters.read_rounds > 0);
}

#[test]
fn a_lease_ends_before_others_may_elect() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let old = cluster.leader();
    cluster.until("a lease", |cluster| cluster.status(old).has_lease);
    cluster.isolate(old);
    let cut_ms = cluster.now_ms;
    cluster.until("the lease's end", |cluster| !cluster.status(old).has_lease);
    assert!(cluster.now_ms - cut_ms < 500);
    let others = (0..3).filter(|id| *id != old);
    assert!(
        others
            .into_iter()
            .all(|id| cluster.status(id).role != crate::Role::Leader)
    );
}

#[test]
fn an_isolated_leader_answers_nothing_that_is_old() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "old");
    let old = cluster.leader();
    cluster.isolate(old);
    cluster.write("k", "new");
    let ticket = cluster.submit(old, batch([get("k")]));
    cluster.run_ms(2_000);
    assert!(!cluster.has_answer(ticket));
    cluster.heal();
    assert_eq!(text(&cluster.answer(ticket).replies[0]), "new");
}

#[test]
fn a_read_without_a_leader_is_given_up_after_a_time() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    cluster.isolate(0);
    cluster.run_ms(1_000);
    let reply = cluster.ask(0, get("k"));
    assert_eq!(code(&reply), ErrorCode::NoLeader);
}

#[test]
fn a_stale_read_is_answered_at_once_and_says_how_old_it_is() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    cluster.converge();
    let follower = (cluster.leader() + 1) % 3;
    cluster.isolate(follower);
    cluster.run_ms(3_000);
    let stale = Batch {
        reads: ReadMode::Stale,
        ..batch([get("k")])
    };
    let ticket = cluster.submit(follower, stale);
    cluster.step();
    let completed = cluster.answer(ticket);
    assert_eq!(text(&completed.replies[0]), "v");
    assert_eq!(completed.ordinal, 1);
    assert!((2_900..3_200).contains(&completed.age_ms.unwrap()));
}

#[test]
fn a_read_with_a_token_sees_the_write_or_says_that_it_does_not() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let token = cluster.call(leader, batch([set("k", "v")])).ordinal;
    let follower = (leader + 1) % 3;
    let after = |ordinal| Batch {
        reads: ReadMode::After(ordinal),
        ..batch([get("k")])
    };
    let completed = cluster.call(follower, after(token));
    assert_eq!(text(&completed.replies[0]), "v");
    let completed = cluster.call(follower, after(token + 1));
    assert_eq!(code(&completed.replies[0]), ErrorCode::Stale);
}

#[test]
fn reads_go_on_while_leadership_is_handed_over_and_none_is_old() {
    let mut cluster = Cluster::new(3);
    for round in 0..6 {
        let value = round.to_string();
        cluster.write("k", &value);
        cluster.administer(Administration::TransferLeader(None));
        for id in 0..3 {
            assert_eq!(text(&cluster.ask(id, get("k"))), value);
        }
    }
}
