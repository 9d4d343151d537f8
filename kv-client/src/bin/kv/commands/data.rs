//! Commands on single values.

use std::io::IsTerminal;

use bytes::Bytes;
use kv_client::{EncodedValue, Reply, SetOptions, Tag, Value};
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::args::SetArgs;
use crate::failure::Failure;
use crate::output::json_flag;
use crate::value_arg::{STDIN, parse_value, read_all, value_or_stdin};

pub(super) async fn get(app: &mut App, key: &str, raw: bool) -> Result<(), Failure> {
    let Some(encoded) = app.client.get_encoded(key).await? else {
        if app.output.is_json() {
            app.output
                .line(json!({ "key": key, "found": false }).to_string())?;
        }
        return Err(Failure::no_key(key));
    };
    if raw {
        return match encoded.tag {
            Tag::Bytes | Tag::Str => app.output.raw(&encoded.payload),
            _ => app.output.line(decoded(&encoded)?.to_json()),
        };
    }
    let value = decoded(&encoded)?;
    match app.output.is_json() {
        true => {
            let answer = json!({ "key": key, "found": true, "value": value.to_json_value() });
            app.output.line(answer.to_string())
        }
        false => app.output.value(&value),
    }
}

fn decoded(value: &EncodedValue) -> Result<Value, Failure> {
    Ok(value
        .decode()
        .map_err(kv_client::ConvertError::from)
        .map_err(kv_client::Error::from)?)
}

pub(super) async fn set(app: &mut App, args: SetArgs) -> Result<(), Failure> {
    let value = match (&args.bytes_file, &args.value) {
        (Some(path), _) => EncodedValue::from_bytes(Bytes::from(read_all(path)?)),
        (None, Some(text)) => value_or_stdin(text, args.text)?,
        (None, None) => return Err(Failure::Usage("no value".to_owned())),
    };
    let stored = app
        .client
        .set_encoded(&args.key, value, set_options(&args))
        .await?;
    if stored {
        return app
            .output
            .confirm(&json_flag(&args.key, "stored", true), "OK");
    }
    if app.output.is_json() {
        app.output
            .line(json_flag(&args.key, "stored", false).to_string())?;
    }
    match args.if_absent {
        true => Err(Failure::Conflict(format!(
            "key {:?} is there already",
            args.key
        ))),
        false => Err(Failure::Conflict(format!(
            "no key {:?} to replace",
            args.key
        ))),
    }
}

fn set_options(args: &SetArgs) -> SetOptions {
    let mut options = SetOptions::new();
    if args.if_absent {
        options = options.if_absent();
    }
    if args.if_present {
        options = options.if_present();
    }
    if let Some(vector) = &args.vector {
        options = options.vector(vector.0.as_slice());
    }
    match args.ttl {
        Some(ttl) => options.ttl(ttl),
        None => options,
    }
}

pub(super) async fn del(app: &mut App, keys: &[String]) -> Result<(), Failure> {
    let removed = app.client.bulk_delete(keys).await?;
    if removed != 0 || app.output.is_json() {
        app.output
            .confirm(&json!({ "removed": removed }), format!("{removed} removed"))?;
    }
    match removed {
        0 => Err(no_keys(keys)),
        _ => Ok(()),
    }
}

fn no_keys(keys: &[String]) -> Failure {
    match keys {
        [key] => Failure::no_key(key),
        _ => Failure::NotFound("none of the keys is there".to_owned()),
    }
}

pub(super) async fn mset(app: &mut App, pairs: &[String], text: bool) -> Result<(), Failure> {
    let pairs = match pairs {
        [] if std::io::stdin().is_terminal() => {
            return Err(Failure::Usage(
                "no KEY=VALUE, and no JSON object on stdin".to_owned(),
            ));
        }
        [] => object_from_stdin()?,
        given => given
            .iter()
            .map(|pair| split_pair(pair, text))
            .collect::<Result<_, _>>()?,
    };
    let count = pairs.len();
    let command = kv_client::Command::MSet {
        pairs,
        only_if_none_exists: false,
    };
    app.client.execute(command).await?;
    app.output
        .confirm(&json!({ "stored": count }), format!("OK, {count} stored"))
}

fn split_pair(pair: &str, text: bool) -> Result<(Bytes, EncodedValue), Failure> {
    match pair.split_once('=') {
        Some((key, value)) => Ok((key.to_owned().into(), parse_value(value, text)?)),
        None => Err(Failure::Usage(format!("{pair:?} is not KEY=VALUE"))),
    }
}

fn object_from_stdin() -> Result<Vec<(Bytes, EncodedValue)>, Failure> {
    let bytes = read_all(STDIN.as_ref())?;
    let object: serde_json::Map<String, Json> = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::Usage(format!("stdin is not a JSON object: {error}")))?;
    let encoded = |(key, value): (String, Json)| {
        // Strings in a JSON object are text, whatever they look like.
        let value = match value {
            Json::String(text) => parse_value(&text, true)?,
            other => parse_value(&other.to_string(), false)?,
        };
        Ok((key.into(), value))
    };
    object.into_iter().map(encoded).collect()
}

pub(super) async fn incr(app: &mut App, key: &str, delta: &str) -> Result<(), Failure> {
    let sum = match delta.parse::<i64>() {
        Ok(delta) => Json::from(app.client.incr(key, delta).await?),
        Err(_) => Json::from(app.client.incr_float(key, float(delta)?).await?),
    };
    app.output
        .answer(&json!({ "key": key, "value": sum }), sum.to_string())
}

fn float(text: &str) -> Result<f64, Failure> {
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(float),
        _ => Err(Failure::Usage(format!("{text:?} is not a number to add"))),
    }
}

pub(super) async fn cas(
    app: &mut App,
    key: &str,
    [old, new]: [&str; 2],
    text: bool,
) -> Result<(), Failure> {
    let (old, new) = (parse_value(old, text)?, parse_value(new, text)?);
    let stored = app.client.cas_encoded(key, Some(old), Some(new)).await?;
    let answer = json_flag(key, "stored", stored);
    if stored {
        return app.output.confirm(&answer, "OK");
    }
    if app.output.is_json() {
        app.output.line(answer.to_string())?;
    }
    Err(Failure::Conflict(format!(
        "the value of {key:?} is another one"
    )))
}

pub(super) async fn exists(app: &mut App, keys: &[String]) -> Result<(), Failure> {
    let asked = keys
        .iter()
        .map(|key| Bytes::copy_from_slice(key.as_bytes()))
        .collect();
    let count = match app
        .client
        .execute(kv_client::Command::Exists(asked))
        .await?
    {
        Reply::Int(count) => count,
        other => return Err(Failure::Usage(format!("unexpected answer {other:?}"))),
    };
    app.output
        .answer(&json!({ "exists": count }), count.to_string())?;
    match count {
        0 => Err(Failure::Absent),
        _ => Ok(()),
    }
}
