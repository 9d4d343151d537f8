//! Export, and import of what was exported.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use kv_client::{Client, EncodedValue, SetOptions, Value};

use super::{Server, dead_addr, run};

/// Values that JSON holds, and those that it does not.
fn values() -> Vec<Value> {
    let one_field = |name: &str, value| Value::Map(BTreeMap::from([(name.to_owned(), value)]));
    vec![
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(0.1),
        Value::Float(f64::NAN),
        Value::Float(f64::INFINITY),
        Value::Float(-0.0),
        Value::Str("text\n\"ü\"".to_owned()),
        Value::Str(String::new()),
        Value::Bytes(b"text".to_vec()),
        Value::Bytes(vec![0, 0xff, 0xfe]),
        Value::Bytes(Vec::new()),
        Value::List(vec![Value::Int(1), Value::Bytes(b"inner".to_vec())]),
        one_field("$base64", Value::Str("AAAA".to_owned())),
        one_field("a", one_field("b", Value::List(Vec::new()))),
    ]
}

async fn fill(client: &Client) {
    for (index, value) in values().iter().enumerate() {
        client.set(format!("value:{index}"), value).await.unwrap();
    }
    client
        .set_bytes([0xff, 0x00, b'k'], "binary key")
        .await
        .unwrap();
    client.set_bytes("", "empty key").await.unwrap();
    let far = SetOptions::new().ttl(Duration::from_secs(1_000_000));
    client.set_with("mortal", &1, far).await.unwrap();
    let pairs = (0..1000).map(|index| (format!("many:{index}"), index));
    client.bulk_set(pairs).await.unwrap();
}

type Entries = BTreeMap<Bytes, (EncodedValue, Option<u64>)>;

async fn entries(client: &Client) -> Entries {
    let mut entries = Entries::new();
    let mut scan = client.scan(None);
    while let Some(key) = scan.next().await.unwrap() {
        let value = client.get_encoded(&key).await.unwrap().unwrap();
        let meta = client.key_metadata(&key).await.unwrap().unwrap();
        entries.insert(key, (value, meta.expires_at_ms));
    }
    entries
}

fn sorted_lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_as_exactly_the_same() {
    let (source, target) = (Server::start(), Server::start());
    fill(&source.client()).await;
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let (first_arg, second_arg) = (first.to_str().unwrap(), second.to_str().unwrap());
    let said = source.run(&["export", first_arg]).answer();
    let count = 1000 + 3 + values().len();
    assert_eq!(said, format!("{count} keys exported to {first_arg}\n"));
    let said = target.run(&["import", first_arg]).answer();
    assert_eq!(said, format!("{count} keys imported\n"));
    let (before, after) = (
        entries(&source.client()).await,
        entries(&target.client()).await,
    );
    assert_eq!(before.len(), count);
    assert_eq!(before, after);
    target.run(&["export", second_arg]).answer();
    assert_eq!(sorted_lines(&first), sorted_lines(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_with_the_prefix_are_exported() {
    let server = Server::start();
    let pairs = [("a*:1", 1), ("a*:2", 2), ("ab:1", 3)];
    server.client().bulk_set(pairs).await.unwrap();
    let mut lines: Vec<String> = server
        .run(&["export", "--prefix", "a*:"])
        .answer()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        [r#"{"key":"a*:1","value":1}"#, r#"{"key":"a*:2","value":2}"#]
    );
}

#[test]
fn an_export_that_fails_leaves_the_file_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("backup");
    std::fs::write(&path, "precious").unwrap();
    let ran = run(&dead_addr(), &["export", path.to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no draft is left behind"
    );
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let server = Server::start();
    let ran = server.run(&["export", "/nowhere/at/all"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .starts_with("error: cannot create /nowhere/at/all\n  cause: "),
        "{ran:?}"
    );
}
