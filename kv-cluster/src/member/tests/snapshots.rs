use kv_proto::Reply;

use super::cluster::{Cluster, get, text};
use crate::member::*;

/// Little memory for the log, so that whoever lags needs a snapshot.
fn small() -> Cluster {
    Cluster::adjusted(3, |settings| settings.log_memory_bytes_max = 4 << 10)
}

fn fill(cluster: &mut Cluster, from: u64, count: u64) {
    for round in from..from + count {
        cluster.write(&format!("k{round}"), &"x".repeat(100));
    }
}

#[test]
fn a_node_that_lags_gets_a_snapshot_and_goes_on_from_it() {
    let mut cluster = small();
    fill(&mut cluster, 0, 5);
    let lagging = (cluster.leader() + 1) % 3;
    cluster.kill(lagging);
    fill(&mut cluster, 5, 60);
    cluster.start(lagging);
    cluster.until("an installed snapshot", |cluster| {
        cluster.status(lagging).counters.snapshots_installed > 0
    });
    fill(&mut cluster, 65, 5);
    cluster.converge();
    assert_eq!(text(&cluster.ask(lagging, get("k30"))), "x".repeat(100));
    // And what was installed is there after a power cut.
    (0..3).for_each(|id| cluster.kill(id));
    (0..3).for_each(|id| cluster.start(id));
    cluster.leader();
    cluster.converge();
}

#[test]
fn a_snapshot_arrives_though_its_transfer_is_cut() {
    let mut cluster = small();
    let lagging = (cluster.leader() + 1) % 3;
    cluster.kill(lagging);
    fill(&mut cluster, 0, 60);
    cluster.start(lagging);
    for _ in 0..10 {
        cluster.run_ms(200);
        cluster.isolate(lagging);
        cluster.run_ms(200);
        cluster.heal();
    }
    cluster.converge();
    assert!(cluster.status(lagging).counters.snapshots_installed > 0);
}

#[test]
fn the_log_is_purged_after_two_snapshots_and_still_says_the_vote() {
    let mut cluster = Cluster::adjusted(3, |settings| {
        settings.snapshot_wal_bytes = 64 << 10;
        settings.log_memory_bytes_max = 16 << 10;
    });
    for round in 0..400 {
        cluster.write(&format!("k{}", round % 50), &"x".repeat(1_000));
    }
    for id in 0..3 {
        assert!(cluster.status(id).counters.snapshots_taken >= 2);
        assert!(cluster.node(id).journal().stats().segment_count < 8);
    }
    let term = cluster.status(0).term;
    (0..3).for_each(|id| cluster.kill(id));
    (0..3).for_each(|id| cluster.start(id));
    assert!((0..3).all(|id| cluster.status(id).term == term));
    cluster.leader();
    cluster.converge();
}

#[test]
fn a_snapshot_that_is_asked_for_is_taken_and_counts_after_a_restart() {
    let mut cluster = Cluster::new(3);
    cluster.write("k", "v");
    let leader = cluster.leader();
    assert_eq!(cluster.administer(Administration::Snapshot), Reply::Ok);
    cluster.until("a snapshot", |cluster| {
        cluster.status(leader).snapshot.is_some()
    });
    cluster.write("k", "w");
    cluster.kill(leader);
    cluster.start(leader);
    assert!(cluster.status(leader).snapshot.is_some());
    assert_eq!(text(&cluster.ask(leader, get("k"))), "w");
    cluster.converge();
}

#[test]
fn a_damaged_newest_snapshot_is_no_loss() {
    let mut cluster = Cluster::new(3);
    for round in 0..3 {
        cluster.write("k", &round.to_string());
        let leader = cluster.leader();
        let before = cluster.status(leader).snapshot;
        cluster.administer(Administration::Snapshot);
        cluster.until("a snapshot", |cluster| {
            cluster.status(leader).snapshot > before
        });
    }
    cluster.write("k", "last");
    let leader = cluster.leader();
    cluster.kill(leader);
    let disk = cluster.disks[&leader].clone();
    let dir = std::path::Path::new("snapshot");
    let names = kv_wal::Storage::list(&disk, dir).unwrap();
    let newest = names
        .iter()
        .rev()
        .find(|name| name.ends_with(".annex"))
        .unwrap();
    assert!(disk.flip_bit(&dir.join(newest), 40, 0));
    cluster.start(leader);
    assert_eq!(text(&cluster.ask(leader, get("k"))), "last");
    cluster.converge();
}

/// A cluster of which a node needs a snapshot, and that node.
fn with_one_that_lags() -> (Cluster, u64) {
    let mut cluster = small();
    fill(&mut cluster, 0, 3);
    let lagging = (cluster.leader() + 1) % 3;
    cluster.kill(lagging);
    fill(&mut cluster, 3, 60);
    (cluster, lagging)
}

#[test]
fn an_installation_may_be_cut_anywhere() {
    let (mut cluster, lagging) = with_one_that_lags();
    cluster.start(lagging);
    let before = cluster.disks[&lagging].operations();
    cluster.until("an installed snapshot", |cluster| {
        cluster.status(lagging).counters.snapshots_installed > 0
    });
    let operations = cluster.disks[&lagging].operations() - before;
    assert!(operations > 20);
    for cut_at in (1..operations).step_by(3) {
        let (mut cluster, lagging) = with_one_that_lags();
        cluster.start(lagging);
        let before = cluster.disks[&lagging].operations();
        cluster.disks[&lagging].cut_at(before + cut_at);
        cluster.until("a cut", |cluster| cluster.disks[&lagging].is_cut());
        cluster.run_ms(50);
        cluster.kill(lagging);
        cluster.start(lagging);
        fill(&mut cluster, 63, 2);
        cluster.converge();
    }
}

#[test]
fn a_snapshot_may_be_cut_anywhere() {
    for cut_at in (1..90).step_by(4) {
        let mut cluster = Cluster::new(3);
        fill(&mut cluster, 0, 5);
        let leader = cluster.leader();
        cluster.administer(Administration::Snapshot);
        cluster.until("a snapshot", |cluster| {
            cluster.status(leader).snapshot.is_some()
        });
        fill(&mut cluster, 5, 5);
        let before = cluster.disks[&leader].operations();
        cluster.disks[&leader].cut_at(before + cut_at);
        cluster.administer(Administration::Snapshot);
        cluster.run_ms(100);
        cluster.kill(leader);
        cluster.start(leader);
        fill(&mut cluster, 10, 2);
        cluster.converge();
        assert_eq!(text(&cluster.ask(leader, get("k7"))), "x".repeat(100));
    }
}
