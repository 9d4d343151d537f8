//! Nodes that come and go while the cluster serves.

use kv_client::{Client, Error};

use crate::harness::{Cluster, wait_for};

/// Runs `ask` with a client of a node, until the cluster does it.
fn administer<F>(cluster: &Cluster, id: usize, mut ask: impl FnMut(Client) -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = cluster.client_address(id);
    wait_for("a change of members", || {
        runtime.block_on(async {
            let client = Client::connect(address.as_str()).await.ok()?;
            ask(client).await.ok()
        })
    });
}

#[test]
fn a_blank_node_gets_all_data_and_takes_the_place_of_the_leader() {
    // So little memory for the log that the new node gets a snapshot.
    let mut cluster = Cluster::start_with(3, |_, _| vec!["--log-memory=1MiB".to_owned()]);
    let first = cluster.leader();
    let value = "v".repeat(8 << 10);
    for number in 0..300 {
        let reply = cluster
            .connect(first)
            .ask(&format!("SET key{number} {value}"));
        assert_eq!(reply, "+OK");
    }
    let blank = cluster.start_joining();
    let (client, peer) = (cluster.client_address(blank), cluster.peer_address(blank));
    administer(&cluster, first, |ask| {
        let (client, peer) = (client.clone(), peer.clone());
        async move { ask.add_member(3, client, peer).await }
    });
    wait_for("that it has all data", || {
        cluster.is_ready(blank).then_some(())
    });
    assert!(cluster.log(blank).contains("snapshot replaced the data"));
    administer(
        &cluster,
        first,
        |ask| async move { ask.promote_member(3).await },
    );
    let gone = first as u64;
    administer(&cluster, first, |ask| async move {
        ask.remove_member(gone).await
    });
    cluster.kill(first);
    let second = cluster.leader();
    assert_ne!(second, first);
    let mut node = cluster.connect(blank);
    assert_eq!(node.ask("SET after after"), "+OK");
    assert_eq!(node.ask("DBSIZE"), ":301");
    assert_eq!(node.ask("GET key299"), value);
    let members = cluster.status(second)["cluster"]["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 3);
}

#[test]
fn leadership_goes_to_the_node_that_is_named() {
    let cluster = Cluster::start(3);
    let first = cluster.leader();
    let next = cluster.other_than(first);
    let to = Some(next as u64);
    administer(&cluster, first, |ask| async move {
        ask.transfer_leader(to).await
    });
    assert_eq!(cluster.leader(), next);
    assert_eq!(cluster.connect(first).ask("SET k v"), "+OK");
}
