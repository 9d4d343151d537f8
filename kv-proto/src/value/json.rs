//! Between [`Value`] and JSON.
//!
//! JSON has no byte strings: bytes that are UTF-8 are shown as text, others as
//! `{"$base64": "…"}`, which is read back as bytes. A map that looks like that is shown with one
//! more `$`. JSON has no NaN and no infinity either: they are shown as `null`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::{EncodedValue, NESTING_MAX, Value};

mod read;
mod write;

pub(crate) use write::json_text;

pub(super) const BYTES_FIELD: &str = "$base64";

/// Whether an object of this one field is read as anything but a map of this one field.
fn is_marked(name: &str) -> bool {
    name.starts_with('$') && name.trim_start_matches('$') == "base64"
}

/// How the name of a map's only field is shown.
pub(super) fn shown_name(name: &str) -> Cow<'_, str> {
    match is_marked(name) {
        true => Cow::Owned(format!("${name}")),
        false => Cow::Borrowed(name),
    }
}

/// The name of a map's only field that is shown as `name`.
pub(super) fn meant_name(name: &str) -> &str {
    match name.strip_prefix('$') {
        Some(meant) if is_marked(meant) => meant,
        _ => name,
    }
}

/// Why text is not a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Containers nest deeper than [`NESTING_MAX`].
    #[error("nested deeper than {NESTING_MAX}")]
    TooDeep,
    /// A byte string that is not base64.
    #[error("\"{BYTES_FIELD}\" does not hold base64")]
    NotBase64,
}

impl Value {
    /// Reads JSON text.
    ///
    /// Whole numbers that fit become `Int`; other numbers `Float`.
    ///
    /// # Errors
    /// If it is not JSON or nests too deep.
    pub fn from_json(text: &[u8]) -> Result<Value, JsonError> {
        let encoded = EncodedValue::from_json(text)?;
        Ok(encoded.decode().expect("what is encoded here is canonical"))
    }

    /// Takes over a parsed JSON value.
    ///
    /// # Errors
    /// If it nests too deep or holds a byte string that is not base64.
    pub fn from_json_value(json: Json) -> Result<Value, JsonError> {
        from_json(json, 0)
    }

    /// The JSON value that shows this one.
    #[must_use]
    pub fn to_json_value(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(i) => Json::from(*i),
            Value::Float(f) => Json::from(*f),
            Value::Str(text) => Json::from(text.as_str()),
            Value::Bytes(bytes) => bytes_to_json(bytes),
            Value::List(items) => items.iter().map(Value::to_json_value).collect(),
            Value::Map(fields) => map_to_json(fields),
        }
    }

    /// Compact JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_json_value().to_string()
    }
}

pub(super) fn bytes_to_json(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => Json::from(text),
        Err(_) => serde_json::json!({ BYTES_FIELD: STANDARD.encode(bytes) }),
    }
}

fn map_to_json(fields: &BTreeMap<String, Value>) -> Json {
    let only_one = fields.len() == 1;
    let shown = |name: &str| match only_one {
        true => shown_name(name).into_owned(),
        false => name.to_owned(),
    };
    let fields = fields
        .iter()
        .map(|(name, item)| (shown(name), item.to_json_value()));
    fields.collect::<serde_json::Map<_, _>>().into()
}

/// `depth` containers are around it.
fn from_json(json: Json, depth: usize) -> Result<Value, JsonError> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Str(text),
        Json::Array(items) => {
            let depth = open_container(depth)?;
            let items = items.into_iter().map(|item| from_json(item, depth));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Json::Object(fields) => from_object(fields, depth)?,
    })
}

fn open_container(depth: usize) -> Result<usize, JsonError> {
    match depth < NESTING_MAX {
        true => Ok(depth + 1),
        false => Err(JsonError::TooDeep),
    }
}

fn from_object(fields: serde_json::Map<String, Json>, depth: usize) -> Result<Value, JsonError> {
    if fields.len() == 1
        && let Some(Json::String(text)) = fields.get(BYTES_FIELD)
    {
        return bytes_from_text(text);
    }
    let depth = open_container(depth)?;
    let only_one = fields.len() == 1;
    let meant = |name: String| match only_one {
        true => meant_name(&name).to_owned(),
        false => name,
    };
    let fields = fields
        .into_iter()
        .map(|(name, item)| Ok((meant(name), from_json(item, depth)?)));
    Ok(Value::Map(fields.collect::<Result<_, JsonError>>()?))
}

pub(super) fn bytes_from_text(text: &str) -> Result<Value, JsonError> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(Value::Bytes(bytes)),
        Err(_) => Err(JsonError::NotBase64),
    }
}
