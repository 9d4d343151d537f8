//! Commands on the time at which keys expire.

use std::time::Duration;

use kv_client::Ttl;
use serde_json::json;

use crate::app::App;
use crate::duration::show_duration;
use crate::failure::Failure;
use crate::output::json_flag;

pub(super) async fn expire(app: &mut App, key: &str, ttl: Duration) -> Result<(), Failure> {
    let found = app.client.expire(key, ttl).await?;
    flag(app, key, "expires", found)
}

pub(super) async fn persist(app: &mut App, key: &str) -> Result<(), Failure> {
    let had_expiry = app.client.persist(key).await?;
    if !had_expiry && !app.client.exists(key).await? {
        return flag(app, key, "persisted", false);
    }
    let text = if had_expiry { "OK" } else { "it had no expiry" };
    app.output
        .confirm(&json_flag(key, "persisted", had_expiry), text)
}

fn flag(app: &mut App, key: &str, name: &str, found: bool) -> Result<(), Failure> {
    if found || app.output.is_json() {
        app.output.confirm(&json_flag(key, name, found), "OK")?;
    }
    match found {
        true => Ok(()),
        false => Err(Failure::no_key(key)),
    }
}

pub(super) async fn ttl(app: &mut App, key: &str) -> Result<(), Failure> {
    let (ttl_ms, text) = match app.client.ttl(key).await? {
        Ttl::In(left) => (Some(left.as_millis()), show_duration(left)),
        Ttl::Never => (None, "never expires".to_owned()),
        Ttl::NoKey => {
            if app.output.is_json() {
                app.output
                    .line(json!({ "key": key, "found": false }).to_string())?;
            }
            return Err(Failure::no_key(key));
        }
    };
    let ttl_ms = ttl_ms.and_then(|ms| u64::try_from(ms).ok());
    app.output.answer(
        &json!({ "key": key, "found": true, "ttl_ms": ttl_ms }),
        text,
    )
}
