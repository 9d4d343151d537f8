//! The client in one page. Start a server first: `cargo xtask cluster`, or
//! `kv-node --data-dir /tmp/kv --listen 127.0.0.1:5000`.

use std::time::Duration;

use kv_client::{Client, Error, SetOptions, Ttl};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct User {
    name: String,
    logins: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let addr = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:5000".to_owned());
    let client = Client::connect(addr).await?;

    // Any type that serde knows.
    let ada = User {
        name: "Ada".to_owned(),
        logins: 1,
    };
    client.set("user:ada", &ada).await?;
    let user: Option<User> = client.get("user:ada").await?;
    show(&format!("stored and read back: {user:?}"));

    // Conditions and expiry.
    let lease = SetOptions::new().if_absent().ttl(Duration::from_secs(30));
    let is_ours = client.set_with("lock", "me", lease).await?;
    show(&format!("the lock is ours: {is_ours}"));
    if let Ttl::In(left) = client.ttl("lock").await? {
        show(&format!("… for {} s", left.as_secs()));
    }

    // Many at once: together in one write, or in one step.
    client.bulk_set([("visits:a", 1), ("visits:b", 2)]).await?;
    let answers = client
        .pipeline()
        .incr("visits:a", 1)
        .incr("visits:b", 1)
        .run()
        .await?;
    for answer in answers {
        show(&format!("visits: {}", answer?.int()?));
    }
    client
        .transaction()
        .incr("visits:a", -1)
        .incr("visits:b", 1)
        .run()
        .await?;

    // Compare and set: only if nobody was faster.
    let is_stored = client.cas("visits:b", &4, &40).await?;
    show(&format!("compared and set: {is_stored}"));

    // Keys by pattern, and entries in order.
    let mut keys = client.scan(Some("visits:*"));
    while let Some(key) = keys.next().await? {
        show(&format!("found {}", key.escape_ascii()));
    }
    let entries: Vec<(_, i64)> = client.range("visits:", Some(b"visits;"), 10).await?;
    show(&format!("in order: {entries:?}"));

    let removed = client
        .bulk_delete(["user:ada", "lock", "visits:a", "visits:b"])
        .await?;
    show(&format!("removed {removed} keys"));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "that is what an example is for")]
fn show(line: &str) {
    println!("{line}");
}
