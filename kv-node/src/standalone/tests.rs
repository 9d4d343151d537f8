use bytes::Bytes;
use kv_proto::command::Set;
use kv_proto::control::AdminRequest;
use kv_proto::{Command, EncodedValue};
use tokio::task::{JoinSet, LocalSet};

use super::*;
use crate::backend::ClientProtocol;

fn set(name: String) -> Request {
    let value = EncodedValue::from_bytes(Bytes::from_static(b"v"));
    Command::Set(Set::new(name.into(), value)).into()
}

async fn write_many(standalone: Arc<Standalone>, client: u64) {
    let mut session = Session::new(client, ClientProtocol::Native);
    for i in 0..50 {
        let requests = vec![set(format!("{client}:{i}")), set(format!("{client}:{i}:b"))];
        let replies = standalone.call(&mut session, requests).await;
        assert_eq!(replies, [Reply::Ok, Reply::Ok]);
    }
}

fn open(dir: &tempfile::TempDir) -> Arc<Standalone> {
    Arc::new(Standalone::open(&StoreOptions::new(dir.path())).unwrap())
}

#[test]
fn connections_of_several_io_threads_are_all_answered() {
    let dir = tempfile::tempdir().unwrap();
    let standalone = open(&dir);
    std::thread::scope(|threads| {
        for thread in 0..3 {
            let standalone = Arc::clone(&standalone);
            threads.spawn(move || serve(standalone, thread));
        }
    });
    assert_eq!(standalone.status().key_count, 3 * 20 * 100);
    assert!(gate::of_thread(standalone.store()).is_none());
}

/// One I/O thread with twenty connections.
fn serve(standalone: Arc<Standalone>, thread: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async move {
        let gate = tokio::task::spawn_local(Arc::clone(&standalone).run_on_io_thread());
        let mut clients = JoinSet::new();
        for client in 0..20 {
            clients.spawn_local(write_many(Arc::clone(&standalone), thread * 20 + client));
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        gate.abort();
        assert!(gate.await.unwrap_err().is_cancelled());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_answered_without_a_gate_too() {
    let dir = tempfile::tempdir().unwrap();
    let standalone = open(&dir);
    let mut clients = JoinSet::new();
    for client in 0..10 {
        clients.spawn(write_many(Arc::clone(&standalone), client));
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    standalone.shutdown().await;
    assert_eq!(standalone.status().key_count, 1000);
    drop(standalone);
    assert_eq!(open(&dir).status().key_count, 1000);
}

#[tokio::test]
async fn after_shutdown_writes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let standalone = open(&dir);
    standalone.shutdown().await;
    let requests = vec![set("k".to_owned())];
    let replies = standalone
        .call(&mut Session::new(1, ClientProtocol::Native), requests)
        .await;
    assert!(matches!(replies[..], [Reply::Error(_)]));
}

#[tokio::test]
async fn a_reply_says_which_write_it_follows_if_asked() {
    let dir = tempfile::tempdir().unwrap();
    let standalone = open(&dir);
    let mut session = Session::new(1, ClientProtocol::Native);
    standalone
        .call(&mut session, vec![set("a".to_owned())])
        .await;
    assert_eq!(session.position, None);
    let request = Request {
        asks_position: true,
        ..set("b".to_owned())
    };
    standalone.call(&mut session, vec![request]).await;
    let applied = standalone.store().db().applied().index;
    assert_eq!(session.position, Some(Position { applied, age_ms: 0 }));
}

#[tokio::test]
async fn a_lone_node_has_no_members() {
    let dir = tempfile::tempdir().unwrap();
    let request = AdminRequest::Remove { id: 1 };
    let reply = open(&dir).admin(request).await;
    assert_eq!(
        reply,
        Reply::err("this node stands alone: it has no members")
    );
}
