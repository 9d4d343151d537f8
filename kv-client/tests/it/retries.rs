//! What is repeated, and what is not.

use kv_client::{Client, Config, Error, ErrorCode, ErrorKind, Reply};

use crate::fake::{Net, refuse, value};

fn one_connection(addrs: &str) -> Config {
    let mut config = Config::new(addrs);
    config.connection_count_max = 1;
    config
}

fn spawn_get(client: &Client) -> tokio::task::JoinHandle<Result<Option<String>, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.get("key").await })
}

fn spawn_set(client: &Client) -> tokio::task::JoinHandle<Result<(), Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.set("key", "value").await })
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_not_repeated() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_set(&net.client(one_connection("a:1")));
    let mut peer = listener.accept().await;
    peer.command().await;
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert!(!error.is_safe_to_retry());
    assert!(listener.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_answer_was_lost_is_repeated() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_get(&net.client(one_connection("a:1")));
    let mut peer = listener.accept().await;
    peer.command().await;
    drop(peer);
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test(start_paused = true)]
async fn a_write_on_a_connection_that_died_unnoticed_goes_to_a_new_one() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(one_connection("a:1"));
    let call = spawn_set(&client);
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
    drop(peer);
    tokio::task::yield_now().await;
    let call = spawn_set(&client);
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_again_also_for_a_write() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_set(&net.client(one_connection("a:1")));
    let mut peer = listener.accept().await;
    for _ in 0..3 {
        let (id, _) = peer.command().await;
        peer.reply(id, &refuse(ErrorCode::Busy, "full")).await;
    }
    let (id, _) = peer.command().await;
    peer.reply(id, &Reply::Ok).await;
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_busy_is_given_up() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_set(&net.client(one_connection("a:1")));
    let peer = listener.accept().await;
    tokio::spawn(peer.answer_all(refuse(ErrorCode::Busy, "full")));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retry);
    assert_eq!(error.to_string(), "BUSY full");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_stays_is_told_at_once() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_get(&net.client(one_connection("a:1")));
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &refuse(ErrorCode::WrongType, "no text"))
        .await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "WRONGTYPE no text");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_told_by_the_server_is_one() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_set(&net.client(one_connection("a:1")));
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &refuse(ErrorCode::Unknown, "log failed"))
        .await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_which_nothing_happened_is_sent_again_whole() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(one_connection("a:1"));
    let running = tokio::spawn(client.pipeline().set("a", &1).set("b", &2).run());
    let mut peer = listener.accept().await;
    for _ in 0..2 {
        let (id, _) = peer.command().await;
        peer.reply(id, &refuse(ErrorCode::Busy, "full")).await;
    }
    tokio::spawn(peer.answer_all(Reply::Ok));
    for answer in running.await.unwrap().unwrap() {
        answer.unwrap().done().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_which_something_happened_is_not_sent_again() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(one_connection("a:1"));
    let running = tokio::spawn(client.pipeline().set("a", &1).set("b", &2).get("c").run());
    let mut peer = listener.accept().await;
    let (first, _) = peer.command().await;
    let (second, _) = peer.command().await;
    peer.command().await;
    peer.reply(first, &Reply::Ok).await;
    peer.reply(second, &refuse(ErrorCode::Busy, "full")).await;
    drop(peer);
    let answers = running.await.unwrap().unwrap();
    let kinds: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.map_err(|error| error.kind()).err())
        .collect();
    assert_eq!(
        kinds,
        [None, Some(ErrorKind::Retry), Some(ErrorKind::Connection)]
    );
    assert!(listener.is_quiet());
}

#[tokio::test(start_paused = true)]
async fn an_answer_nobody_asked_for_ends_the_connection() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let call = spawn_set(&net.client(one_connection("a:1")));
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id + 99, &Reply::Ok).await;
    let error = call.await.unwrap().unwrap_err();
    let Error::UnknownOutcome { source } = error else {
        panic!("{error}");
    };
    assert!(matches!(*source, Error::Protocol { .. }), "{source}");
    assert!(peer.next().await.is_none());
}
