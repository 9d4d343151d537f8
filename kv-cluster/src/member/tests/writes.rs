use kv_proto::{ErrorCode, Reply};

use super::cluster::{Cluster, batch, get, incr, set, text};
use crate::member::*;
use crate::{Once, Role};

fn error_code(reply: &Reply) -> Option<ErrorCode> {
    match reply {
        Reply::Error(error) => Some(error.code),
        _ => None,
    }
}

#[test]
fn a_write_is_on_every_node_and_every_node_reads_it() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    for id in 0..3 {
        assert_eq!(text(&cluster.ask(id, get("k"))), "v");
    }
    cluster.converge();
}

#[test]
fn a_new_cluster_has_a_leader_within_a_second() {
    let mut cluster = Cluster::new(3);
    let before_ms = cluster.now_ms;
    cluster.leader();
    assert!(cluster.now_ms - before_ms < 1_000);
}

#[test]
fn five_nodes_and_one_node_work_as_three_do() {
    for count in [1, 5] {
        let mut cluster = Cluster::new(count);
        cluster.write("k", "v");
        assert_eq!(text(&cluster.ask(count - 1, get("k"))), "v");
        cluster.converge();
    }
}

#[test]
fn a_batch_is_answered_at_its_place_reads_included() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let commands = [get("n"), incr("n"), get("n"), incr("n"), get("n")];
    let replies = cluster.call(leader, batch(commands)).replies;
    assert_eq!(replies[0], Reply::Nil);
    assert_eq!([&replies[1], &replies[3]], [&Reply::Int(1), &Reply::Int(2)]);
    let ordinal = cluster.status(leader).ordinal;
    assert_eq!(ordinal, 2);
}

#[test]
fn batches_that_arrive_together_are_one_entry() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let before = cluster.status(leader).last;
    let tickets: Vec<_> = (0..50)
        .map(|_| cluster.submit(leader, batch([incr("n")])))
        .collect();
    let counts: Vec<_> = tickets
        .into_iter()
        .map(|ticket| cluster.answer(ticket).replies.remove(0))
        .collect();
    let expected: Vec<_> = (1..=50).map(Reply::Int).collect();
    assert_eq!(counts, expected);
    assert_eq!(cluster.status(leader).last, before + 1);
}

#[test]
fn a_follower_names_the_leader_or_passes_writes_on() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let follower = (leader + 1) % 3;
    match cluster.ask(follower, set("k", "v")) {
        Reply::Error(error) => {
            assert_eq!(error.code, ErrorCode::NotLeader);
            assert_eq!(error.message, format!("c{leader}"));
        }
        other => panic!("{other:?}"),
    }
    let forwarded = Batch {
        route: Route::Forward,
        ..batch([set("k", "v"), get("k")])
    };
    let replies = cluster.call(follower, forwarded).replies;
    assert_eq!(replies[0], Reply::Ok);
    assert_eq!(text(&replies[1]), "v");
}

#[test]
fn what_was_acknowledged_outlives_a_power_cut_of_all_nodes() {
    let mut cluster = Cluster::new(3);
    for round in 0..20 {
        cluster.write(&format!("k{round}"), "v");
    }
    (0..3).for_each(|id| cluster.kill(id));
    (0..3).for_each(|id| cluster.start(id));
    let leader = cluster.leader();
    for round in 0..20 {
        assert_eq!(text(&cluster.ask(leader, get(&format!("k{round}")))), "v");
    }
    cluster.converge();
}

#[test]
fn another_node_takes_over_and_the_old_leader_comes_back() {
    let mut cluster = Cluster::new(3);
    cluster.write("a", "1");
    let old = cluster.leader();
    cluster.kill(old);
    cluster.write("b", "2");
    let new = cluster.leader();
    assert_ne!(new, old);
    cluster.start(old);
    for key in ["a", "b"] {
        assert!(text(&cluster.ask(old, get(key))).len() == 1);
    }
    cluster.converge();
}

#[test]
fn what_an_isolated_leader_logged_is_replaced_and_said_not_to_have_happened() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "before");
    let old = cluster.leader();
    cluster.isolate(old);
    let lost = cluster.submit(old, batch([set("k", "lost")]));
    cluster.run_ms(50);
    assert!(!cluster.has_answer(lost));
    cluster.write("k", "after");
    cluster.heal();
    let replies = cluster.answer(lost).replies;
    assert_eq!(error_code(&replies[0]), Some(ErrorCode::NoLeader));
    for id in 0..3 {
        assert_eq!(text(&cluster.ask(id, get("k"))), "after");
    }
    assert!(cluster.status(old).counters.truncations > 0);
    cluster.converge();
    (0..3).for_each(|id| cluster.kill(id));
    (0..3).for_each(|id| cluster.start(id));
    cluster.leader();
    cluster.converge();
}

#[test]
fn without_a_quorum_a_write_is_said_to_be_of_unknown_outcome() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    (0..3)
        .filter(|id| *id != leader)
        .for_each(|id| cluster.kill(id));
    let replies = cluster.call(leader, batch([set("k", "v")])).replies;
    assert_eq!(error_code(&replies[0]), Some(ErrorCode::Unknown));
    let reply = cluster.ask(leader, set("k", "v"));
    assert_eq!(error_code(&reply), Some(ErrorCode::NoLeader));
}

#[test]
fn a_retry_is_applied_once_also_after_a_failover_and_a_restart() {
    let mut cluster = Cluster::new(3);
    let once = |sequence| Once {
        client: 77,
        sequence,
    };
    let numbered = |sequence| Batch {
        once: vec![once(sequence)],
        ..batch([incr("n")])
    };
    let old = cluster.leader();
    assert_eq!(cluster.call(old, numbered(1)).replies, [Reply::Int(1)]);
    cluster.kill(old);
    let new = cluster.leader();
    assert_eq!(cluster.call(new, numbered(1)).replies, [Reply::Int(1)]);
    cluster.start(old);
    (0..3).for_each(|id| cluster.kill(id));
    (0..3).for_each(|id| cluster.start(id));
    let leader = cluster.leader();
    assert_eq!(cluster.call(leader, numbered(1)).replies, [Reply::Int(1)]);
    assert_eq!(cluster.call(leader, numbered(2)).replies, [Reply::Int(2)]);
    cluster.converge();
}

#[test]
fn a_forwarded_write_is_applied_once_though_leaders_change() {
    let mut cluster = Cluster::new(3);
    let old = cluster.leader();
    let follower = (old + 1) % 3;
    let forwarded = Batch {
        route: Route::Forward,
        ..batch([incr("n")])
    };
    let ticket = cluster.submit(follower, forwarded);
    cluster.step();
    cluster.kill(old);
    assert_eq!(cluster.answer(ticket).replies, [Reply::Int(1)]);
    cluster.start(old);
    cluster.converge();
}

#[test]
fn a_limit_is_checked_before_anything_is_logged() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let long = "k".repeat(5_000);
    let replies = cluster.call(leader, batch([set(&long, "v"), get("k"), set("k", "v")]));
    assert_eq!(error_code(&replies.replies[0]), Some(ErrorCode::Err));
    assert_eq!(replies.replies[1..], [Reply::Nil, Reply::Ok]);
    assert_eq!(cluster.status(leader).ordinal, 1);
}

#[test]
fn a_leader_whose_log_failed_gives_up_and_another_one_leads() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let old = cluster.leader();
    cluster.disks[&old].fail_all_syncs();
    let ticket = cluster.submit(old, batch([set("k", "w")]));
    cluster.until("a failure", |cluster| {
        cluster.status(old).role == Role::Outsider
    });
    let code = error_code(&cluster.answer(ticket).replies[0]);
    assert_eq!(code, Some(ErrorCode::Unknown));
    cluster.until("another leader", |cluster| {
        (0..3).any(|id| id != old && cluster.status(id).role == Role::Leader)
    });
    let reply = cluster.ask(old, get("k"));
    assert_eq!(error_code(&reply), Some(ErrorCode::NoLeader));
    let stale = Batch {
        reads: ReadMode::Stale,
        ..batch([get("k")])
    };
    assert_eq!(text(&cluster.call(old, stale).replies[0]), "v");
}

#[test]
fn a_node_that_lost_its_disk_does_not_vote_under_its_old_id() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    cluster.converge();
    let leader = cluster.leader();
    let wiped = (leader + 1) % 3;
    cluster.kill(wiped);
    cluster.start_new(wiped);
    cluster.until("a refusal", |cluster| cluster.status(wiped).is_refused);
    cluster.step();
    assert!(cluster.events.contains(&(wiped, Event::Refused)));
    // Without the leader there is no quorum: the wiped node must not make one.
    cluster.kill(leader);
    cluster.run_ms(5_000);
    let last = 3 - leader - wiped;
    assert_ne!(cluster.status(last).role, Role::Leader);
    assert_eq!(cluster.status(wiped).role, Role::Outsider);
    cluster.start(leader);
    cluster.write("k", "w");
}

#[test]
fn an_entry_names_the_primary_that_wrote_it() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let leader = cluster.leader();
    let meta = kv_proto::Command::Meta("k".into());
    match cluster.ask((leader + 1) % 3, meta) {
        Reply::Map(fields) => {
            let primary = (Reply::text("primary"), Reply::Int(leader.cast_signed()));
            assert!(fields.contains(&primary), "{fields:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leader_whose_disk_stands_still_gives_up_and_comes_back() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let old = cluster.leader();
    cluster.frozen.insert(old);
    let ticket = cluster.submit(old, batch([set("k", "w")]));
    cluster.until("another leader", |cluster| {
        (0..3).any(|id| id != old && cluster.status(id).role == Role::Leader)
    });
    assert_ne!(cluster.status(old).role, Role::Leader);
    cluster.frozen.clear();
    cluster.answer(ticket);
    cluster.write("k", "x");
    assert_eq!(text(&cluster.ask(old, get("k"))), "x");
    cluster.converge();
}

#[test]
fn a_follower_whose_disk_stands_still_promises_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let leader = cluster.leader();
    let others: Vec<_> = (0..3).filter(|id| *id != leader).collect();
    cluster.frozen.extend(&others);
    let ticket = cluster.submit(leader, batch([set("k", "w")]));
    cluster.run_ms(300);
    assert!(!cluster.has_answer(ticket));
    cluster.frozen.clear();
    cluster.answer(ticket);
}

#[test]
fn a_batch_that_is_very_large_is_answered_as_one() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let value = "v".repeat(1 << 20);
    let mut commands: Vec<_> = (0..12).map(|at| set(&format!("k{at}"), &value)).collect();
    commands.push(get("k0"));
    let replies = cluster.call(leader, batch(commands)).replies;
    assert_eq!(replies.len(), 13);
    assert!(replies[..12].iter().all(|reply| *reply == Reply::Ok));
    assert_eq!(text(&replies[12]).len(), 1 << 20);
    cluster.converge();
}

#[test]
fn a_power_cut_anywhere_loses_nothing_that_was_acknowledged() {
    for cut_at in (1..120).step_by(7) {
        let mut cluster = Cluster::new(3);
        cluster.write("k0", "v");
        let victim = cluster.leader();
        let operations = cluster.disks[&victim].operations();
        cluster.disks[&victim].cut_at(operations + cut_at);
        let mut acknowledged = vec!["k0".to_owned()];
        for round in 1..20 {
            let key = format!("k{round}");
            let leader = cluster.leader();
            if cluster.ask(leader, set(&key, "v")) == Reply::Ok {
                acknowledged.push(key);
            }
        }
        cluster.kill(victim);
        cluster.start(victim);
        for key in &acknowledged {
            assert_eq!(text(&cluster.ask(victim, get(key))), "v", "cut at {cut_at}");
        }
        cluster.converge();
    }
}

/// Writes until one is refused, or a megabyte is written.
fn fill_up(cluster: &mut Cluster) -> Option<ErrorCode> {
    let value = "v".repeat(1 << 10);
    (0..1_000).find_map(|round| {
        let leader = cluster.leader();
        let reply = cluster.ask(leader, set(&format!("k{}", round % 10), &value));
        error_code(&reply)
    })
}

#[test]
fn full_disks_refuse_writes_and_heal_by_themselves() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    for disk in cluster.disks.values() {
        disk.set_capacity(disk.used_bytes() + (100 << 10));
    }
    let refusal = fill_up(&mut cluster);
    assert!(refusal.is_some(), "a full disk took everything");
    cluster.run_ms(3_000);
    for disk in cluster.disks.values() {
        disk.set_capacity(u64::MAX);
    }
    cluster.run_ms(1_000);
    cluster.write("k", "w");
    cluster.converge();
}

#[test]
fn a_follower_whose_disk_is_full_holds_nobody_up_and_catches_up() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let full = (cluster.leader() + 1) % 3;
    let disk = cluster.disks[&full].clone();
    disk.set_capacity(disk.used_bytes() + (20 << 10));
    assert_eq!(fill_up(&mut cluster), None);
    cluster.run_ms(2_000);
    disk.set_capacity(u64::MAX);
    cluster.converge();
    assert_eq!(text(&cluster.ask(full, get("k"))), "v");
}
