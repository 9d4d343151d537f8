//! Time limits, with time in the test's hands.

use std::time::Duration;

use kv_client::{Config, Error, ErrorKind, Reply};
use tokio::time::{Instant, advance};

use crate::fake::{Net, value};

fn config() -> Config {
    let mut config = Config::new("a:1");
    config.connection_count_max = 1;
    config.request_timeout = Duration::from_secs(4);
    config.connect_timeout = Duration::from_secs(1);
    config.idle_timeout = Duration::from_secs(60);
    config
}

#[tokio::test(start_paused = true)]
async fn a_read_without_answer_times_out() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(config());
    let start = Instant::now();
    let call = tokio::spawn(async move { client.get::<i64>("key").await });
    let mut peer = listener.accept().await;
    peer.command().await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout { after } if after == Duration::from_secs(4)));
    assert_eq!(start.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_answer_is_an_unknown_outcome() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(config());
    let call = tokio::spawn(async move { client.incr("key", 1).await });
    let mut peer = listener.accept().await;
    peer.command().await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_for_its_turn_too_long_did_not_happen() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = config();
    config.in_flight_max = 1;
    let client = net.client(config);
    let slow = client.with_request_timeout(Duration::from_secs(4));
    let first = tokio::spawn(async move { slow.get::<i64>("slow").await });
    let mut peer = listener.accept().await;
    peer.command().await;
    let hasty = client.with_request_timeout(Duration::from_secs(1));
    let error = hasty.set("key", &1).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_replaced() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(config());
    let call = {
        let client = client.clone();
        tokio::spawn(async move { client.get::<String>("key").await })
    };
    let mut silent = listener.accept().await;
    silent.command().await;
    assert!(call.await.unwrap().is_err());
    assert!(silent.next().await.is_none(), "the client hangs up");
    let call = tokio::spawn(async move { client.get::<String>("key").await });
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_to_one_call_does_not_end_the_connection_of_others() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(config());
    let slow = {
        let client = client.clone();
        tokio::spawn(async move { client.get::<String>("slow").await })
    };
    let mut peer = listener.accept().await;
    peer.command().await;
    for _ in 0..20 {
        advance(Duration::from_secs(1)).await;
        let client = client.clone();
        let call = tokio::spawn(async move { client.ping().await });
        let (id, _) = peer.next().await.expect("the connection is kept");
        peer.reply(id, &Reply::Ok).await;
        call.await.unwrap().unwrap();
    }
    assert!(matches!(slow.await.unwrap(), Err(Error::Timeout { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_and_opened_again_when_needed() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(config());
    for _ in 0..2 {
        let client = client.clone();
        let call = tokio::spawn(async move { client.ping().await });
        let mut peer = listener.accept().await;
        let (id, _) = peer.next().await.unwrap();
        peer.reply(id, &Reply::Ok).await;
        call.await.unwrap().unwrap();
        let quiet_since = Instant::now();
        assert!(peer.next().await.is_none());
        let idle = quiet_since.elapsed();
        assert!(
            idle >= Duration::from_secs(60) && idle < Duration::from_secs(90),
            "{idle:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_says_nothing_is_no_server() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = config();
    config.connect_attempts_max = 1;
    let client = net.client(config);
    let start = Instant::now();
    let call = tokio::spawn(async move { client.set("key", &1).await });
    let _silent = listener.stream().await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_client_closes_after_what_is_in_flight() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client(config());
    let call = tokio::spawn(async move { client.get::<String>("key").await });
    let mut peer = listener.accept().await;
    let (id, _) = peer.command().await;
    peer.reply(id, &value("v")).await;
    assert_eq!(call.await.unwrap().unwrap().as_deref(), Some("v"));
    let start = Instant::now();
    assert!(peer.next().await.is_none());
    assert_eq!(start.elapsed(), Duration::ZERO);
}
