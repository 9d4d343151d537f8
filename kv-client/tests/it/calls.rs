//! What calls send, and what they make of answers.

use std::time::Duration;

use kv_client::command::{Expiry, SetCondition, When};
use kv_client::{Client, Command, Error, ErrorKind, Reply, Request, SetOptions, Ttl, Value};
use kv_proto::native::RequestBody;
use serde::{Deserialize, Serialize};

use crate::fake::{Net, Peer, refuse, value};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
}

/// A client, and the server it is connected to.
pub(crate) async fn pair() -> (Client, Peer) {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client("a:1");
    let ping = {
        let client = client.clone();
        tokio::spawn(async move { client.ping().await })
    };
    let mut peer = listener.accept().await;
    let (id, body) = peer.next().await.unwrap();
    assert_eq!(body, RequestBody::Ping);
    peer.reply(id, &Reply::Ok).await;
    ping.await.unwrap().unwrap();
    (client, peer)
}

/// Answers the next command with `reply` and returns it.
pub(crate) async fn exchange(peer: &mut Peer, reply: Reply) -> Command {
    let (id, command) = peer.command().await;
    peer.reply(id, &reply).await;
    command
}

#[tokio::test]
async fn a_struct_comes_back_as_it_was_stored() {
    let (client, mut peer) = pair().await;
    let ada = User {
        name: "Ada".into(),
        age: 36,
    };
    let (stored, command) = tokio::join!(client.set("u", &ada), exchange(&mut peer, Reply::Ok));
    stored.unwrap();
    let Command::Set(set) = command else {
        panic!("{command:?}");
    };
    let (read, _) = tokio::join!(
        client.get::<User>("u"),
        exchange(&mut peer, Reply::Value(set.value))
    );
    assert_eq!(read.unwrap(), Some(ada));
}

#[tokio::test]
async fn a_missing_key_is_none_and_another_shape_is_an_error() {
    let (client, mut peer) = pair().await;
    let (read, _) = tokio::join!(client.get::<User>("u"), exchange(&mut peer, Reply::Nil));
    assert_eq!(read.unwrap(), None);
    let (read, _) = tokio::join!(client.get::<User>("u"), exchange(&mut peer, value("Ada")));
    assert!(matches!(read, Err(Error::Convert(_))), "{read:?}");
    let (read, _) = tokio::join!(client.get::<User>("u"), exchange(&mut peer, Reply::Int(1)));
    assert!(matches!(read, Err(Error::Answer { .. })), "{read:?}");
}

#[tokio::test]
async fn options_of_a_set_are_sent() {
    let (client, mut peer) = pair().await;
    let options = SetOptions::new().if_absent().ttl(Duration::from_secs(5));
    let (stored, command) = tokio::join!(
        client.set_with("k", &1, options),
        exchange(&mut peer, Reply::Nil)
    );
    assert!(!stored.unwrap());
    let Command::Set(set) = command else {
        panic!("{command:?}");
    };
    assert_eq!(set.condition, SetCondition::IfAbsent);
    assert_eq!(set.expiry, Expiry::At(When::InMs(5000)));
}

#[tokio::test]
async fn every_answer_of_a_ttl_means_something() {
    let (client, mut peer) = pair().await;
    for (answer, expected) in [
        (-2, Ttl::NoKey),
        (-1, Ttl::Never),
        (1500, Ttl::In(Duration::from_millis(1500))),
    ] {
        let (ttl, _) = tokio::join!(client.ttl("k"), exchange(&mut peer, Reply::Int(answer)));
        assert_eq!(ttl.unwrap(), expected);
    }
}

#[tokio::test]
async fn only_writes_carry_the_fault() {
    let (client, mut peer) = pair().await;
    let faulty = client.with_fault(0.5);
    let call = tokio::spawn(async move {
        faulty.set("k", &1).await?;
        faulty.get::<i64>("k").await
    });
    let mut faults = Vec::new();
    for reply in [Reply::Ok, Reply::Nil] {
        let (id, body) = peer.next().await.unwrap();
        let RequestBody::Command(Request { fault, .. }) = body else {
            panic!("{body:?}");
        };
        faults.push(fault);
        peer.reply(id, &reply).await;
    }
    call.await.unwrap().unwrap();
    assert_eq!(faults, [Some(0.5), None]);
}

#[tokio::test]
async fn a_key_too_long_is_refused_before_it_is_sent() {
    let (client, _peer) = pair().await;
    let error = client.get::<i64>(vec![0; 70_000]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "key has 70000 bytes, the limit is 65535");
}

#[tokio::test]
async fn a_value_that_does_not_convert_is_refused_before_it_is_sent() {
    let (client, _peer) = pair().await;
    assert!(client.set("k", &u64::MAX).await.is_err());
    assert!(
        client
            .pipeline()
            .set("a", &1)
            .set("k", &u64::MAX)
            .run()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_scan_goes_through_all_pages() {
    let (client, mut peer) = pair().await;
    let scanning = tokio::spawn(async move {
        let mut keys = Vec::new();
        let mut scan = client.scan(Some("k*"));
        while let Some(key) = scan.next().await? {
            keys.push(key);
        }
        Ok::<_, Error>(keys)
    });
    let pages = [("7", vec!["k1", "k2"]), ("9", vec![]), ("0", vec!["k3"])];
    let mut cursors = Vec::new();
    for (next, keys) in pages {
        let keys = keys.into_iter().map(Reply::text).collect();
        let page = Reply::Array(vec![Reply::text(next), Reply::Array(keys)]);
        match exchange(&mut peer, page).await {
            Command::Scan {
                cursor, pattern, ..
            } => {
                assert_eq!(pattern.as_deref(), Some(&b"k*"[..]));
                cursors.push(cursor);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(scanning.await.unwrap().unwrap(), ["k1", "k2", "k3"]);
    assert_eq!(cursors, [0, 7, 9]);
}

#[tokio::test]
async fn a_range_goes_on_right_after_the_last_key() {
    let (client, mut peer) = pair().await;
    let mut pages = client.range_pages("a", Some(b"z")).page_count(2);
    let entries = Reply::Array(vec![
        Reply::text("b"),
        value("1"),
        Reply::text("c"),
        value("2"),
    ]);
    let (page, _) = tokio::join!(pages.next_page(), exchange(&mut peer, entries));
    assert_eq!(page.unwrap().unwrap().len(), 2);
    let rest = Reply::Array(vec![Reply::text("d"), value("3")]);
    let (page, command) = tokio::join!(pages.next_page(), exchange(&mut peer, rest));
    assert_eq!(page.unwrap().unwrap().len(), 1);
    let Command::Range { start, end, .. } = command else {
        panic!("{command:?}");
    };
    assert_eq!((&*start, end.as_deref()), (&b"c\0"[..], Some(&b"z"[..])));
    assert!(pages.next_page().await.unwrap().is_none());
}

#[tokio::test]
async fn a_transaction_is_one_command_and_a_changed_key_is_none() {
    let (client, mut peer) = pair().await;
    let batch = || client.transaction().watch("a", 3).incr("a", 1).get("b");
    let replies = Reply::Array(vec![
        Reply::Int(2),
        refuse(kv_client::ErrorCode::WrongType, "no"),
    ]);
    let (answers, command) = tokio::join!(batch().run(), exchange(&mut peer, replies));
    let Command::Transaction { watches, commands } = command else {
        panic!("{command:?}");
    };
    assert_eq!((watches[0].version, commands.len()), (3, 2));
    let [sum, failed] = <[_; 2]>::try_from(answers.unwrap().unwrap()).unwrap();
    assert_eq!(sum.unwrap().int().unwrap(), 2);
    assert!(failed.is_err());
    let (answers, _) = tokio::join!(batch().run(), exchange(&mut peer, Reply::NilArray));
    assert!(answers.unwrap().is_none());
}

#[tokio::test]
async fn metadata_of_a_key_has_its_parts() {
    let (client, mut peer) = pair().await;
    let fields = Reply::Map(vec![
        (Reply::text("version"), Reply::Int(7)),
        (Reply::text("expires_at_ms"), Reply::Nil),
        (Reply::text("type"), Reply::text("map")),
        (Reply::text("bytes"), Reply::Int(30)),
        (Reply::text("new"), Reply::Int(1)),
    ]);
    let (meta, _) = tokio::join!(client.key_metadata("k"), exchange(&mut peer, fields));
    let meta = meta.unwrap().unwrap();
    assert_eq!(
        (meta.version, meta.expires_at_ms, meta.bytes),
        (7, None, 30)
    );
    assert_eq!(meta.kind, "map");
}

#[tokio::test]
async fn a_status_keeps_what_it_does_not_know() {
    let (client, mut peer) = pair().await;
    let call = tokio::spawn(async move { client.status().await });
    let (id, body) = peer.next().await.unwrap();
    assert_eq!(body, RequestBody::Status);
    let text = r#"{"mode":"standalone","role":"master","ready":true,"health":"ok",
        "key_count":3,"memory_bytes":9,"wal":{"sync":"always"}}"#;
    peer.reply(id, &Reply::Bytes(text.into())).await;
    let status = call.await.unwrap().unwrap();
    assert_eq!(
        (status.key_count, status.rest["wal"]["sync"].as_str()),
        (3, Some("always"))
    );
}

#[tokio::test]
async fn a_value_of_any_kind_is_itself() {
    let (client, mut peer) = pair().await;
    let bytes = Value::Bytes(b"text".to_vec());
    let (stored, command) = tokio::join!(client.set("k", &bytes), exchange(&mut peer, Reply::Ok));
    stored.unwrap();
    let Command::Set(set) = command else {
        panic!("{command:?}");
    };
    assert_eq!(set.value.decode().unwrap(), bytes);
    let (read, _) = tokio::join!(
        client.get::<Value>("k"),
        exchange(&mut peer, Reply::Value(set.value))
    );
    assert_eq!(read.unwrap(), Some(bytes));
}

#[tokio::test(start_paused = true)]
async fn metadata_of_a_key_in_a_cluster_names_its_primary() {
    let net = Net::default();
    let mut listener = net.listen("a:1");
    let client = net.client("a:1");
    let asked = tokio::spawn(async move { client.key_metadata("k").await });
    let mut peer = listener.accept_as_member().await;
    let (id, _) = peer.command().await;
    let fields = Reply::Map(vec![
        (Reply::text("version"), Reply::Int(7)),
        (Reply::text("type"), Reply::text("int")),
        (Reply::text("primary"), Reply::Int(2)),
        (Reply::text("term"), Reply::Int(5)),
        (
            Reply::text("clock"),
            Reply::Map(vec![
                (Reply::Int(0), Reply::Int(4)),
                (Reply::Int(2), Reply::Int(9)),
            ]),
        ),
    ]);
    peer.reply(id, &fields).await;
    let meta = asked.await.unwrap().unwrap().unwrap();
    assert_eq!((meta.primary, meta.term), (Some(2), Some(5)));
    assert_eq!(meta.clock, [(0, 4), (2, 9)].into());
}
