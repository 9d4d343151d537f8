//! Searches: by value, by words, by meaning.
//!
//! ```text
//! KV.FIND    json [AT path] [LIMIT n]                                     keys
//! KV.SEARCH  query [LIMIT n] [PREFIX p] [HYBRID [WEIGHTS words meaning]]
//!                  [SNIPPETS] [EXPLAIN]                                   hits
//! KV.SIMILAR text [VECTOR f32s | KEY key] [K n] [PREFIX p] [EXPLAIN]      hits
//! hits       key, score, key, score, …; with SNIPPETS or EXPLAIN maps of
//!            key, score, snippet, explain
//! ```
//!
//! With `VECTOR` (little-endian 32-bit floats, one after the other) or `KEY` the text must be
//! empty: it is the place of what is searched for, and there is only one.

use bytes::Bytes;

use super::{Parsed, Result, Words, err, is, syntax_error};
use crate::command::{Command, Key, SearchOptions, SimilarTo, Weights, vector_of};
use crate::limits::{PATH_BYTES_MAX, QUERY_BYTES_MAX, RESULTS_DEFAULT, results_out_of_bounds};
use crate::number::parse_f64;
use crate::resp::spec::{CommandSpec, Flags, KeyArgs, spec};
use crate::value::EncodedValue;

const FLAGS: Flags = Flags::READONLY.and(Flags::NO_MULTI);

#[rustfmt::skip]
pub(in crate::resp) const SPECS: &[CommandSpec] = &[
    spec("kv.find", -2, FLAGS, KeyArgs::NONE, "json [AT path] [LIMIT n]",
        "Returns keys whose value, or the value at a path in it, equals this one.", find),
    spec("kv.search", -2, FLAGS, KeyArgs::NONE,
        "query [LIMIT n] [PREFIX prefix] [HYBRID [WEIGHTS words meaning]] [SNIPPETS] [EXPLAIN]",
        "Returns keys whose text has the words of a query, and scores, best first.", search),
    spec("kv.similar", -2, FLAGS, KeyArgs::NONE,
        "text [VECTOR floats|KEY key] [K n] [PREFIX prefix] [EXPLAIN]",
        "Returns keys whose text means something similar, and scores, best first.", similar),
];

fn find(words: &mut Words<'_>) -> Result<Parsed> {
    let json = words.take()?;
    words.limits.check_value_len(json.len())?;
    let value = EncodedValue::from_json(json).map_err(|error| err(error.to_string()))?;
    let (mut path, mut limit) = (None, RESULTS_DEFAULT);
    while let Some(option) = words.next() {
        if is(option, "at") {
            path = Some(text(words, "path", PATH_BYTES_MAX)?);
        } else if is(option, "limit") {
            limit = results(words, "limit")?;
        } else {
            return Err(syntax_error());
        }
    }
    Ok(Command::Find { value, path, limit }.into())
}

fn search(words: &mut Words<'_>) -> Result<Parsed> {
    let query = text(words, "query", QUERY_BYTES_MAX)?;
    let mut options = SearchOptions::new();
    while let Some(option) = words.next() {
        if is(option, "limit") {
            options.limit = results(words, "limit")?;
        } else if is(option, "prefix") {
            options.prefix = Some(words.bytes()?);
        } else if is(option, "hybrid") {
            options.hybrid = Some(Weights::default());
        } else if is(option, "weights") && options.hybrid.is_some() {
            options.hybrid = Some(weights(words)?);
        } else if is(option, "snippets") {
            options.snippets = true;
        } else if is(option, "explain") {
            options.explain = true;
        } else {
            return Err(syntax_error());
        }
    }
    Ok(Command::Search { query, options }.into())
}

fn similar(words: &mut Words<'_>) -> Result<Parsed> {
    let text = text(words, "query", QUERY_BYTES_MAX)?;
    let (mut instead, mut k) = (None, RESULTS_DEFAULT);
    let (mut prefix, mut explain) = (None::<Key>, false);
    while let Some(option) = words.next() {
        if is(option, "k") {
            k = results(words, "k")?;
        } else if is(option, "prefix") {
            prefix = Some(words.bytes()?);
        } else if is(option, "explain") {
            explain = true;
        } else if is(option, "vector") && instead.is_none() {
            instead = Some(SimilarTo::Vector(vector(&words.bytes()?)?));
        } else if is(option, "key") && instead.is_none() {
            instead = Some(SimilarTo::Key(words.bytes()?));
        } else {
            return Err(syntax_error());
        }
    }
    let command = Command::Similar {
        query: one_of(text, instead)?,
        k,
        prefix,
        explain,
    };
    Ok(command.into())
}

fn one_of(text: String, instead: Option<SimilarTo>) -> Result<SimilarTo> {
    match instead {
        None => Ok(SimilarTo::Text(text)),
        Some(query) if text.is_empty() => Ok(query),
        Some(_) => Err(err("with VECTOR or KEY the text must be empty")),
    }
}

/// The length is checked before the text is copied.
fn text(words: &mut Words<'_>, what: &str, bytes_max: usize) -> Result<String> {
    let bytes = words.take()?;
    let len = bytes.len();
    if len > bytes_max {
        return Err(err(format!(
            "{what} has {len} bytes, the limit is {bytes_max}"
        )));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(err(format!(
            "{what} is not UTF-8 at byte {}",
            error.valid_up_to()
        ))),
    }
}

fn results(words: &mut Words<'_>, name: &str) -> Result<u64> {
    let count = words.int()?;
    u64::try_from(count).map_err(|_| results_out_of_bounds(name, count))
}

fn weights(words: &mut Words<'_>) -> Result<Weights> {
    let mut weight = || parse_f64(words.take()?).ok_or_else(|| err("value is not a valid float"));
    Ok(Weights {
        words: weight()?,
        meaning: weight()?,
    })
}

/// The floats that an argument is.
pub(super) fn vector(bytes: &Bytes) -> Result<Vec<f32>> {
    vector_of(bytes).ok_or_else(|| {
        let len = bytes.len();
        err(format!("vector has {len} bytes, which is no multiple of 4"))
    })
}
