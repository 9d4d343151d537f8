//! Many calls on few connections, with a server that answers in any order, in pieces, and hangs up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kv_client::{Client, Command, Config, Error, Reply, SetOptions};
use kv_proto::native::RequestBody;
use proptest::prelude::*;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::fake::{Listener, Net, Peer, key_of, reply_bytes, value};

/// How a server treats one connection.
#[derive(Debug, Clone)]
struct Mood {
    /// Requests taken before any is answered.
    held_max: usize,
    /// Bytes written at once.
    piece_bytes: usize,
    /// It hangs up after so many requests, with those it holds unanswered.
    requests_max: usize,
    /// Order of answers.
    seed: u64,
}

fn any_mood() -> impl Strategy<Value = Mood> {
    (1usize..12, 1usize..40, 1usize..60, any::<u64>()).prop_map(
        |(held_max, piece_bytes, requests_max, seed)| Mood {
            held_max,
            piece_bytes,
            requests_max,
            seed,
        },
    )
}

/// How often each write arrived whole.
type Arrived = Arc<Mutex<HashMap<Vec<u8>, usize>>>;

async fn serve(mut listener: Listener, moods: Vec<Mood>, arrived: Arrived) {
    let mut connections = JoinSet::new();
    for mood in moods {
        let peer = listener.accept().await;
        connections.spawn(treat(peer, mood, arrived.clone()));
    }
    let patient = Mood {
        held_max: 1,
        piece_bytes: 1000,
        requests_max: usize::MAX,
        seed: 0,
    };
    loop {
        let peer = listener.accept().await;
        connections.spawn(treat(peer, patient.clone(), arrived.clone()));
    }
}

async fn treat(mut peer: Peer, mood: Mood, arrived: Arrived) {
    let (mut held, mut count, mut random) = (Vec::new(), 0, mood.seed | 1);
    while let Some((id, body)) = peer.next().await {
        held.push((id, answer(&body, &arrived)));
        count += 1;
        if count >= mood.requests_max {
            return; // hangs up on those it holds
        }
        if held.len() < mood.held_max && peer.has_next() {
            continue;
        }
        while !held.is_empty() {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let index = usize::try_from(random >> 33).unwrap() % held.len();
            let (id, reply) = held.swap_remove(index);
            for piece in reply_bytes(id, &reply).chunks(mood.piece_bytes) {
                peer.send(piece).await;
                tokio::task::yield_now().await;
            }
        }
    }
}

/// A `GET` is answered with its own key.
fn answer(body: &RequestBody, arrived: &Arrived) -> Reply {
    let RequestBody::Command(request) = body else {
        panic!("expected a command, got {body:?}");
    };
    let key = key_of(&request.command);
    match request.command {
        Command::Get(_) => value(key),
        _ => {
            *arrived.lock().unwrap().entry(key.to_vec()).or_default() += 1;
            Reply::Ok
        }
    }
}

#[derive(Debug)]
struct Told {
    key: String,
    result: Result<(), Error>,
}

async fn read(client: Client, key: String) -> Result<(), Error> {
    let answer: Option<String> = client.get(&key).await?;
    assert_eq!(answer, Some(key), "the answer to another call");
    Ok(())
}

async fn write(client: Client, key: String) -> Told {
    let result = client.set_with(&key, &1, SetOptions::new()).await.map(drop);
    Told { key, result }
}

async fn run(moods: Vec<Mood>, call_count: usize, in_flight_max: usize) {
    let net = Net::default();
    let arrived = Arrived::default();
    let server = tokio::spawn(serve(net.listen("a:1"), moods, arrived.clone()));
    let mut config = Config::new("a:1");
    config.in_flight_max = in_flight_max;
    config.retries_max = 100;
    config.request_timeout = Duration::from_secs(3600);
    let client = net.client(config);
    let mut reads = JoinSet::new();
    let mut writes = JoinSet::new();
    for index in 0..call_count {
        reads.spawn(read(client.clone(), format!("read{index}")));
        writes.spawn(write(client.clone(), format!("write{index}")));
    }
    for result in reads.join_all().await {
        result.expect("a read is repeated until it is answered");
    }
    let told = writes.join_all().await;
    let arrived = arrived.lock().unwrap();
    for Told { key, result } in told {
        let count = arrived.get(key.as_bytes()).copied().unwrap_or(0);
        match result {
            Ok(()) => assert_eq!(count, 1, "{key} was answered"),
            Err(Error::UnknownOutcome { .. }) => assert!(count <= 1, "{key} arrived twice"),
            Err(error) => assert_eq!(count, 0, "{key} happened, but: {error}"),
        }
    }
    server.abort();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_call_gets_its_own_answer_and_no_write_happens_twice(
        moods in prop::collection::vec(any_mood(), 0..6),
        call_count in 1usize..40,
        in_flight_max in 1usize..64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(moods, call_count, in_flight_max));
    }
}

#[tokio::test]
async fn a_pipeline_is_one_write() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client("a:1");
    let mut pipeline = client.pipeline();
    for index in 0..100 {
        pipeline = pipeline.get(format!("key{index}"));
    }
    let running = tokio::spawn(pipeline.run());
    let mut peer = listener.accept().await;
    let before = net.write_count();
    let mut requests = Vec::new();
    for _ in 0..100 {
        requests.push(peer.command().await);
    }
    assert_eq!(net.write_count(), before + 1);
    for (id, command) in requests.iter().rev() {
        peer.reply(*id, &value(key_of(command))).await;
    }
    let answers = running.await.unwrap().unwrap();
    for (index, answer) in answers.into_iter().enumerate() {
        let text: Option<String> = answer.unwrap().value().unwrap();
        assert_eq!(text, Some(format!("key{index}")));
    }
}

#[tokio::test]
async fn a_pipeline_longer_than_the_bound_goes_in_parts() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = Config::new("a:1");
    config.in_flight_max = 10;
    let client = net.client(config);
    let mut pipeline = client.pipeline();
    for index in 0..25 {
        pipeline = pipeline.incr(format!("key{index}"), 1);
    }
    let running = tokio::spawn(pipeline.run());
    let peer = listener.accept().await;
    tokio::spawn(peer.answer_all(Reply::Int(7)));
    let answers = running.await.unwrap().unwrap();
    assert_eq!(answers.len(), 25);
    for answer in answers {
        assert_eq!(answer.unwrap().int().unwrap(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_bound_wait_for_an_answer() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let mut config = Config::new("a:1");
    config.in_flight_max = 3;
    config.connection_count_max = 1;
    let client = net.client(config);
    let mut calls = JoinSet::new();
    for index in 0..4 {
        calls.spawn(read(client.clone(), format!("key{index}")));
    }
    let mut peer = listener.accept().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(peer.command().await);
    }
    let early = timeout(Duration::from_secs(1), peer.next()).await;
    assert!(early.is_err(), "{early:?}");
    let (id, command) = held.pop().unwrap();
    peer.reply(id, &value(key_of(&command))).await;
    held.push(peer.command().await); // the fourth
    for (id, command) in held {
        peer.reply(id, &value(key_of(&command))).await;
    }
    for result in calls.join_all().await {
        result.unwrap();
    }
}
