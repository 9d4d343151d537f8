//! Sums: INCRBY and INCRBYFLOAT.

use kv_proto::{Entry, ErrorCode, ErrorReply, Tag, Value, number};

use super::text;

/// A number to store.
pub(super) enum Number {
    /// Typed.
    Int(i64),
    /// Typed.
    Float(f64),
    /// As text.
    Text(String),
}

/// The integer that an entry holds, typed or as text.
///
/// # Errors
/// `ERR` if it is none, `WRONGTYPE` if it is a list or a map.
pub(super) fn int_of(entry: &Entry) -> Result<i64, ErrorReply> {
    match entry.tag() {
        Tag::Null | Tag::Bool | Tag::Float => Err(not_an_integer()),
        _ => number::parse_i64(&text::of(entry)?).ok_or_else(not_an_integer),
    }
}

/// # Errors
/// If the sum does not fit.
pub(super) fn add_int(value: i64, delta: i64) -> Result<i64, ErrorReply> {
    let overflow = || ErrorReply::new(ErrorCode::Err, "increment or decrement would overflow");
    value.checked_add(delta).ok_or_else(overflow)
}

/// What an entry (0 if absent) becomes when `delta` is added, and the sum as text.
///
/// # Errors
/// `ERR` if it is not a number or the sum is not finite, `WRONGTYPE` if it is a list or a map.
pub(super) fn add_float(entry: Option<&Entry>, delta: f64) -> Result<(Number, String), ErrorReply> {
    let (value, typed) = match entry {
        Some(entry) => (
            float_of(entry)?,
            matches!(entry.tag(), Tag::Int | Tag::Float),
        ),
        None => (0.0, false),
    };
    let sum = value + delta;
    if !sum.is_finite() {
        return Err(not_finite());
    }
    let text = plain_text(sum);
    match typed {
        true => Ok((Number::Float(sum), text)),
        false => Ok((Number::Text(text.clone()), text)),
    }
}

fn float_of(entry: &Entry) -> Result<f64, ErrorReply> {
    match entry.value() {
        Ok(Value::Float(float)) => Ok(float),
        Ok(Value::Null | Value::Bool(_)) => Err(not_a_float()),
        _ => number::parse_f64(&text::of(entry)?).ok_or_else(not_a_float),
    }
}

/// Without an exponent, as INCRBYFLOAT answers.
fn plain_text(float: f64) -> String {
    match float {
        0.0 => "0".to_owned(),
        float => float.to_string(),
    }
}

fn not_an_integer() -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, "value is not an integer or out of range")
}

fn not_a_float() -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, "value is not a valid float")
}

fn not_finite() -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, "increment would produce NaN or Infinity")
}
