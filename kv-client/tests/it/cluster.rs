//! Servers that are one cluster: who is asked, what is sent again, what a stale read sees.

use kv_client::{Client, Config, Error, ErrorCode, ErrorKind, Reply};
use kv_proto::control::AdminRequest;
use kv_proto::native::RequestBody;
use kv_proto::{Identity, Position, ReadLevel};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::fake::{Listener, Net, Peer, refuse, value};

fn config(addrs: &str) -> Config {
    let mut config = Config::new(addrs);
    config.connection_count_max = 1;
    config
}

fn spawn_set(client: &Client) -> JoinHandle<Result<(), Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.set("key", "value").await })
}

fn spawn_get(client: &Client) -> JoinHandle<Result<Option<String>, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.get("key").await })
}

async fn identity_of_next(peer: &mut Peer) -> (u64, Identity) {
    let (id, request) = peer.request().await;
    (id, request.identity.expect("writes to a cluster have one"))
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_sent_to_another_node_as_the_same_write() {
    let net = Net::default();
    let (mut a, mut b) = (net.listen("a:1"), net.listen("b:1"));
    let call = spawn_set(&net.client(config("a:1,b:1")));
    let mut peer = a.accept_as_member().await;
    let (_, first) = identity_of_next(&mut peer).await;
    drop(peer);
    let mut peer = b.accept_as_member().await;
    let (id, second) = identity_of_next(&mut peer).await;
    assert_eq!(first, second);
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_says_nothing_is_passed_over_long_before_time_is_out() {
    let net = Net::default();
    let (mut a, mut b) = (net.listen("a:1"), net.listen("b:1"));
    let start = Instant::now();
    let call = spawn_set(&net.client(config("a:1,b:1")));
    let mut silent = a.accept_as_member().await;
    let (_, first) = identity_of_next(&mut silent).await;
    let mut peer = b.accept_as_member().await;
    let (id, second) = identity_of_next(&mut peer).await;
    assert_eq!(first, second);
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
    let config = config("a");
    assert!(start.elapsed() >= config.attempt_timeout);
    assert!(start.elapsed() < config.request_timeout / 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_sent_again_to_a_server_that_would_not_know_it() {
    let net = Net::default();
    let (mut a, mut b) = (net.listen("a:1"), net.listen("b:1"));
    let call = spawn_set(&net.client(config("a:1,b:1")));
    let mut peer = a.accept_as_member().await;
    peer.request().await;
    drop(peer);
    let mut peer = b.accept().await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert!(peer.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_lone_server_is_given_no_identities() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let call = spawn_set(&net.client(config("a:1")));
    let mut peer = a.accept().await;
    let (id, request) = peer.request().await;
    assert_eq!((request.identity, request.asks_position), (None, false));
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn writes_at_once_are_different_writers_and_later_ones_go_on_counting() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let client = net.client(config("a:1"));
    let calls = [spawn_set(&client), spawn_set(&client)];
    let mut peer = a.accept_as_member().await;
    let (first_id, first) = identity_of_next(&mut peer).await;
    let (second_id, second) = identity_of_next(&mut peer).await;
    assert_ne!(first.client, second.client);
    assert_eq!((first.sequence, second.sequence), (1, 1));
    peer.reply(first_id, &Reply::Ok).await;
    peer.reply(second_id, &Reply::Ok).await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let call = spawn_set(&client);
    let (id, third) = identity_of_next(&mut peer).await;
    assert_eq!(third.sequence, 2);
    assert!([first.client, second.client].contains(&third.client));
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_election_is_waited_for_at_one_node_after_the_other() {
    let net = Net::default();
    let (mut a, mut b) = (net.listen("a:1"), net.listen("b:1"));
    let call = spawn_set(&net.client(config("a:1,b:1")));
    let no_leader = refuse(ErrorCode::NoLeader, "an election is on");
    for _ in 0..5 {
        for node in [&mut a, &mut b] {
            let mut peer = node.accept_as_member().await;
            let (id, _) = peer.request().await;
            peer.reply(id, &no_leader).await;
        }
    }
    let mut peer = a.accept_as_member().await;
    let (id, _) = peer.request().await;
    peer.reply(id, &refuse(ErrorCode::NotLeader, "b:1")).await;
    let mut peer = b.accept_as_member().await;
    let (id, _) = peer.request().await;
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_a_leader_is_said_to_have_none_when_time_is_out() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let call = spawn_set(&net.client(config("a:1")));
    let peer = a.accept_as_member().await;
    tokio::spawn(peer.answer_all(refuse(ErrorCode::NoLeader, "no majority")));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "NOLEADER no majority");
    assert!(error.is_safe_to_retry());
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_stays_so_when_no_leader_is_found() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let call = spawn_set(&net.client(config("a:1")));
    let mut peer = a.accept_as_member().await;
    peer.request().await;
    drop(peer);
    let peer = a.accept_as_member().await;
    tokio::spawn(peer.answer_all(refuse(ErrorCode::NoLeader, "no majority")));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_which_the_rest_was_not_answered_is_sent_again_whole() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let client = net.client(config("a:1"));
    let running = tokio::spawn(client.pipeline().incr("a", 1).incr("b", 1).run());
    let mut peer = a.accept_as_member().await;
    let (id, first) = identity_of_next(&mut peer).await;
    let (_, second) = identity_of_next(&mut peer).await;
    peer.reply(id, &Reply::Int(1)).await;
    drop(peer);
    let mut peer = a.accept_as_member().await;
    for (expected, sum) in [(first, 1), (second, 7)] {
        let (id, identity) = identity_of_next(&mut peer).await;
        assert_eq!(identity, expected);
        peer.reply(id, &Reply::Int(sum)).await;
    }
    let answers = running.await.unwrap().unwrap();
    let sums: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().int().unwrap())
        .collect();
    assert_eq!(sums, [1, 7]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_asks_to_see_what_the_client_wrote() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let client = net.client(config("a:1"));
    assert_eq!(client.position(), None);
    let call = spawn_set(&client);
    let mut leader = a.accept_as_member().await;
    let (id, _) = leader.request().await;
    leader.reply_at(id, 41, &Reply::Ok).await;
    call.await.unwrap().unwrap();
    let call = spawn_get(&client.stale());
    let mut follower = a.accept_as_member().await;
    let (id, request) = follower.request().await;
    assert_eq!(request.read, ReadLevel::Stale { after: Some(41) });
    follower.reply_at(id, 43, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
    let position = Position {
        applied: 43,
        age_ms: 9,
    };
    assert_eq!(client.position(), Some(position));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_stale_writes_where_it_always_did() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let client = net.client(config("a:1"));
    let call = spawn_set(&client);
    let mut peer = a.accept_as_member().await;
    let (id, _) = peer.request().await;
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
    let call = spawn_set(&client.stale());
    let (id, request) = peer.request().await;
    assert_eq!(request.read, ReadLevel::Linearizable);
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

async fn refuse_next(listener: &mut Listener, code: ErrorCode, message: &'static str) {
    let mut peer = listener.accept_as_member().await;
    let (id, _) = peer.next().await.unwrap();
    peer.reply(id, &refuse(code, message)).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_behind_is_passed_over_by_a_stale_read() {
    let net = Net::default();
    let (mut a, mut b) = (net.listen("a:1"), net.listen("b:1"));
    let call = spawn_get(&net.client(config("a:1,b:1")).stale());
    let (mut first, mut second) = (None, None);
    tokio::select! {
        () = refuse_next(&mut a, ErrorCode::Stale, "behind") => second = Some(b),
        () = refuse_next(&mut b, ErrorCode::Stale, "behind") => first = Some(a),
    }
    let other = first.as_mut().or(second.as_mut()).unwrap();
    let mut peer = other.accept_as_member().await;
    let (id, _) = peer.request().await;
    peer.reply_at(id, 1, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_asks_finds_the_leader() {
    let net = Net::default();
    let (mut a, mut b) = (net.listen("a:1"), net.listen("b:1"));
    let client = net.client(config("a:1"));
    let call = tokio::spawn(async move { client.add_member(3, "d:1", "d:2").await });
    refuse_next(&mut a, ErrorCode::NotLeader, "b:1").await;
    let mut peer = b.accept_as_member().await;
    let (id, body) = peer.next().await.unwrap();
    let expected = AdminRequest::Add {
        id: 3,
        client: "d:1".into(),
        peer: "d:2".into(),
    };
    assert_eq!(body, RequestBody::Admin(expected));
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_asks_is_not_asked_twice() {
    let net = Net::default();
    let mut a = net.listen("a:1");
    let client = net.client(config("a:1"));
    let call = tokio::spawn(async move { client.remove_member(3).await });
    let mut peer = a.accept_as_member().await;
    peer.next().await.unwrap();
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert!(a.is_quiet());
}
