//! What clients see of a cluster that is whole.

use kv_client::Client;

use crate::harness::{Cluster, wait_for};

#[test]
fn every_node_takes_writes_and_reads_and_all_see_the_same() {
    let cluster = Cluster::start(3);
    cluster.leader();
    for id in 0..3 {
        let mut node = cluster.connect(id);
        assert_eq!(node.ask(&format!("SET key{id} value{id}")), "+OK");
        assert_eq!(node.ask("INCR writes"), format!(":{}", id + 1));
    }
    for id in 0..3 {
        let mut node = cluster.connect(id);
        for written in 0..3 {
            let expected = format!("value{written}");
            assert_eq!(node.ask(&format!("GET key{written}")), expected);
        }
        assert_eq!(node.ask("GET writes"), "3");
        assert_eq!(node.ask("DBSIZE"), ":4");
    }
}

#[test]
fn a_pipeline_with_writes_reads_and_searches_is_answered_in_order_on_any_node() {
    let cluster = Cluster::start(3);
    let leader = cluster.leader();
    for id in [leader, cluster.other_than(leader)] {
        let mut node = cluster.connect(id);
        let pipeline =
            format!("SET doc{id} needle{id}\r\nGET doc{id}\r\nKV.SEARCH needle{id}\r\nDEL doc{id}");
        assert_eq!(node.ask(&pipeline), "+OK");
        assert_eq!(node.ask("PING"), format!("needle{id}"));
        // The hit and its score, the deletion, and the PING.
        assert_eq!(node.ask("ECHO end"), "*2");
    }
}

#[test]
fn a_native_client_that_knows_a_follower_reaches_the_leader() {
    let cluster = Cluster::start(3);
    let follower = cluster.other_than(cluster.leader());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let address = cluster.client_address(follower);
        let client = Client::connect(address.as_str()).await.unwrap();
        client.set("greeting", "hello").await.unwrap();
        let greeting: Option<String> = client.get("greeting").await.unwrap();
        assert_eq!(greeting.as_deref(), Some("hello"));
    });
}

#[test]
fn nodes_tell_who_leads_and_what_they_count() {
    let cluster = Cluster::start(3);
    let leader = cluster.leader();
    cluster.connect(leader).ask("SET k v");
    for id in 0..3 {
        let status = cluster.status(id);
        assert_eq!(status["mode"], "raft");
        assert_eq!(
            status["role"],
            if id == leader { "master" } else { "slave" }
        );
        assert_eq!(status["cluster"]["members"].as_array().unwrap().len(), 3);
    }
    let metrics = cluster.http(leader, "/metrics");
    for name in [
        "kv_raft_is_leader 1",
        "kv_cluster_stage_seconds_count{stage=\"sync\"}",
        "kv_peer_sent_messages_total",
        "le=\"+Inf\",stage=\"work\"",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
}

#[test]
fn data_survives_a_restart_of_all_nodes() {
    let mut cluster = Cluster::start(3);
    let leader = cluster.leader();
    assert_eq!(cluster.connect(leader).ask("SET k v"), "+OK");
    for id in 0..3 {
        cluster.kill(id);
    }
    for id in 0..3 {
        cluster.restart(id);
    }
    cluster.leader();
    for id in 0..3 {
        assert_eq!(cluster.connect(id).ask("GET k"), "v");
    }
}

#[test]
fn clients_are_served_by_all_threads_alike() {
    let cluster = Cluster::start_with(3, |_, _| vec!["--io-threads=3".to_owned()]);
    cluster.leader();
    for id in 0..3 {
        let mut connections: Vec<_> = (0..6).map(|_| cluster.connect(id)).collect();
        for (number, node) in connections.iter_mut().enumerate() {
            let key = format!("key{id}-{number}");
            assert_eq!(node.ask(&format!("SET {key} {key}")), "+OK");
            assert_eq!(node.ask(&format!("GET {key}")), key);
        }
    }
    assert_eq!(cluster.connect(0).ask("DBSIZE"), ":18");
}

#[test]
fn one_node_alone_is_a_cluster() {
    let cluster = Cluster::start(1);
    assert_eq!(cluster.leader(), 0);
    let mut node = cluster.connect(0);
    assert_eq!(node.ask("SET k v"), "+OK");
    assert_eq!(node.ask("GET k"), "v");
    wait_for("the write in the status", || {
        (cluster.status(0)["applied_index"] == 1).then_some(())
    });
}

#[test]
fn large_values_of_several_clients_get_through() {
    let cluster = Cluster::start(3);
    let leader = cluster.leader();
    let value = vec![b'v'; 4 << 20];
    let write = &|connection: usize| {
        for number in 0..2 {
            let key = format!("large{connection}-{number}");
            // A slow disk may make it take longer than a request may.
            wait_for("a large write", || {
                let reply = cluster.connect(leader).set(&key, &value);
                (reply == "+OK").then_some(())
            });
        }
    };
    std::thread::scope(|threads| {
        for connection in 0..4 {
            threads.spawn(move || write(connection));
        }
    });
    for id in 0..3 {
        assert_eq!(cluster.connect(id).ask("DBSIZE"), ":8");
    }
}
