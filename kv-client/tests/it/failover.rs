//! Several servers: which one is asked.

use std::time::Duration;

use kv_client::{Client, Config, Error, ErrorCode, ErrorKind, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::fake::{Net, refuse, value};

fn config(addrs: &str) -> Config {
    let mut config = Config::new(addrs);
    config.connection_count_max = 1;
    config
}

fn spawn_get(client: &Client) -> tokio::task::JoinHandle<Result<Option<String>, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.get("key").await })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_passed_over() {
    let net = Net::default();
    let mut second = net.listen("b:1");
    let client = net.client(config("a:1,b:1"));
    let call = spawn_get(&client);
    let mut peer = second.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("b")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("b"));
    assert_eq!(&*client.addr(), "b:1");
}

#[tokio::test(start_paused = true)]
async fn if_all_are_down_the_call_fails_after_its_attempts() {
    let net = Net::default();
    let mut config = config("a:1,b:1");
    config.connect_attempts_max = 4;
    let start = Instant::now();
    let error = net.client(config).get::<String>("key").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let waited = start.elapsed();
    assert!(waited > Duration::from_millis(25), "no pause: {waited:?}");
    assert!(waited < Duration::from_secs(4), "too long: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_found() {
    let net = Net::default();
    let client = net.client(config("a:1"));
    assert!(client.get::<String>("key").await.is_err());
    let mut listener = net.listen("a:1");
    let call = spawn_get(&client);
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test(start_paused = true)]
async fn the_named_leader_is_asked_then_and_later() {
    let net = Net::default();
    let mut follower = net.listen("a:1");
    let mut leader = net.listen("b:2");
    let client = net.client(config("a:1"));
    let call = {
        let client = client.clone();
        tokio::spawn(async move { client.set("key", "value").await })
    };
    let mut peer = follower.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &refuse(ErrorCode::NotLeader, "b:2")).await;
    let mut peer = leader.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
    let call = spawn_get(&client);
    let (id, _) = peer.command().await;
    peer.reply(id, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
    assert!(follower.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn nodes_that_name_each_other_are_not_followed_for_ever() {
    let net = Net::default();
    for (addr, other) in [("a:1", "b:2"), ("b:2", "a:1")] {
        let mut listener = net.listen(addr);
        tokio::spawn(async move {
            loop {
                let peer = listener.accept().await;
                tokio::spawn(peer.answer_all(refuse(ErrorCode::NotLeader, other)));
            }
        });
    }
    let error = net.client(config("a:1")).set("key", &1).await.unwrap_err();
    assert!(
        matches!(error, Error::Redirects { hops: 32, .. }),
        "{error}"
    );
    assert!(error.is_safe_to_retry());
}

#[tokio::test(start_paused = true)]
async fn a_named_leader_that_is_down_does_not_stop_the_search() {
    let net = Net::default();
    let mut node = net.listen("a:1");
    let client = net.client(config("a:1"));
    let call = spawn_get(&client);
    let mut peer = node.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &refuse(ErrorCode::NotLeader, "down:1"))
        .await;
    let mut peer = node.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("now I am")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("now I am"));
}

#[tokio::test(start_paused = true)]
async fn the_password_is_sent_where_it_is_asked_for() {
    use kv_proto::native::RequestBody;
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = config("a:1");
    config.password = Some("open sesame".into());
    let call = spawn_get(&net.client(config));
    let mut peer = listener.accept_guarded().await;
    let Some((id, RequestBody::Auth(credentials))) = peer.next().await else {
        panic!("no password came");
    };
    assert_eq!(&*credentials.password, b"open sesame");
    peer.reply(id, &Reply::Ok).await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_password_is_not_tried_again() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = config("a:1");
    config.password = Some("wrong".into());
    let call = spawn_get(&net.client(config));
    let mut peer = listener.accept_guarded().await;
    let (id, _) = peer.next().await.unwrap();
    peer.reply(id, &refuse(ErrorCode::WrongPass, "invalid password"))
        .await;
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Auth);
    assert!(listener.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_missing_password_is_said_to_be_missing() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_get(&net.client(config("a:1")));
    let _peer = listener.accept_guarded().await;
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Auth);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_another_protocol_is_recognised() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = config("a:1");
    config.connect_attempts_max = 1;
    let call = spawn_get(&net.client(config));
    let mut stream = listener.stream().await;
    let mut preface = [0; 8];
    stream.read_exact(&mut preface).await.unwrap();
    stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .await
        .unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a:1 does not speak this protocol: not the kv protocol"
    );
}
