//! The store as a library: open, write, read, reopen.
//!
//! `cargo run -p kv-node --example embedded [DIR]`

#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::path::PathBuf;

use bytes::Bytes;
use kv_node::{Store, StoreOptions};
use kv_proto::command::Set;
use kv_proto::{Command, EncodedValue, Reply, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let dir: PathBuf = std::env::args_os()
        .nth(1)
        .map_or_else(|| scratch.path().into(), Into::into);
    let options = StoreOptions::new(&dir);

    let store = Store::open(&options)?;
    let person = Value::from_json(br#"{"name": "Ada", "born": 1815}"#)?;
    let key = Bytes::from_static(b"person:1");
    let set = Set::new(key.clone(), EncodedValue::from(&person));
    assert_eq!(store.execute(Command::Set(set)), Reply::Ok); // on the disk when it returns
    store.close()?;

    let store = Store::open(&options)?;
    match store.execute(Command::Get(key)) {
        Reply::Entry(entry) => println!("person:1 = {}", entry.value()?.to_json()),
        other => println!("unexpected: {other:?}"),
    }
    store.close()?;
    Ok(())
}
