//! What clients see when nodes are lost.

use crate::harness::{Cluster, wait_for};

/// Writes until it is acknowledged. What was not may have happened, so a key is written once.
fn write(cluster: &Cluster, id: usize, key: &str) {
    wait_for("a write", || {
        let reply = cluster.connect(id).ask(&format!("SET {key} {key}"));
        match reply.as_str() {
            "+OK" => Some(()),
            refused => {
                assert!(refused.starts_with('-'), "{refused}");
                None
            }
        }
    });
}

#[test]
fn the_loss_of_the_leader_loses_no_acknowledged_write_and_it_catches_up() {
    let mut cluster = Cluster::start(3);
    let first = cluster.leader();
    for number in 0..20 {
        write(&cluster, first, &format!("before{number}"));
    }
    cluster.kill(first);
    let survivor = cluster.other_than(first);
    for number in 0..20 {
        write(&cluster, survivor, &format!("after{number}"));
    }
    let second = cluster.leader();
    assert_ne!(second, first);
    cluster.restart(first);
    wait_for("that it catches up", || {
        cluster.is_ready(first).then_some(())
    });
    let mut node = cluster.connect(first);
    assert_eq!(node.ask("DBSIZE"), ":40");
    for number in 0..20 {
        for key in [format!("before{number}"), format!("after{number}")] {
            assert_eq!(node.ask(&format!("GET {key}")), key);
        }
    }
}

#[test]
fn a_leader_that_is_asked_to_stop_hands_over_first() {
    let mut cluster = Cluster::start(3);
    let first = cluster.leader();
    write(&cluster, first, "before");
    assert_eq!(cluster.stop(first), Some(0));
    let log = cluster.log(first);
    assert!(log.contains("another node leads"), "{log}");
    let second = cluster.leader();
    assert_ne!(second, first);
    write(&cluster, second, "after");
    cluster.restart(first);
    cluster.leader();
    assert_eq!(cluster.connect(first).ask("GET before"), "before");
    assert_eq!(cluster.connect(first).ask("GET after"), "after");
}

#[test]
fn a_minority_answers_stale_reads_and_nothing_else() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    write(&cluster, leader, "key");
    let others: Vec<usize> = (0..3).filter(|id| *id != leader).collect();
    for id in others {
        cluster.kill(id);
    }
    wait_for("that it notices", || {
        (!cluster.is_ready(leader)).then_some(())
    });
    let mut node = cluster.connect(leader);
    let write = node.ask("SET other value");
    assert!(write.starts_with('-'), "{write}");
    let read = node.ask("GET key");
    assert!(read.starts_with("-NOLEADER"), "{read}");
    assert_eq!(node.ask("READONLY"), "+OK");
    assert_eq!(node.ask("GET key"), "key");
}
