//! How large a search may be.

use std::fmt::Display;

use super::{Limits, refuse};
use crate::command::{Command, SearchOptions, SimilarTo};
use crate::reply::ErrorReply;

/// Bytes of what is searched for by words or by meaning.
pub const QUERY_BYTES_MAX: usize = 16 << 10;

/// Bytes of the path of a field.
pub const PATH_BYTES_MAX: usize = 4 << 10;

/// Dimensions of a vector that is stored or searched for.
pub const VECTOR_DIMENSIONS_MAX: usize = 4096;

/// Results of a search that does not say how many.
pub const RESULTS_DEFAULT: u64 = 10;

/// Results of one search.
pub const RESULTS_MAX: u64 = 10_000;

impl Limits {
    /// What is left to check of a search once its keys are.
    pub(super) fn check_search(&self, command: &Command) -> Result<(), ErrorReply> {
        match command {
            Command::Find { value, path, limit } => {
                check_results("limit", *limit)?;
                check_len("path", path.as_ref().map_or(0, String::len), PATH_BYTES_MAX)?;
                self.check_value(value)
            }
            Command::Search { query, options } => {
                check_len("query", query.len(), QUERY_BYTES_MAX)?;
                check_options(options)
            }
            Command::Similar { query, k, .. } => {
                check_results("k", *k)?;
                check_similar(query)
            }
            _ => Ok(()),
        }
    }
}

fn check_options(options: &SearchOptions) -> Result<(), ErrorReply> {
    check_results("limit", options.limit)?;
    match options.hybrid {
        Some(weights) if !weights.are_usable() => {
            Err(refuse("weights are numbers from 0 on, not both 0"))
        }
        _ => Ok(()),
    }
}

fn check_similar(query: &SimilarTo) -> Result<(), ErrorReply> {
    match query {
        SimilarTo::Text(text) => check_len("query", text.len(), QUERY_BYTES_MAX),
        SimilarTo::Vector(vector) => check_vector(vector),
        SimilarTo::Key(_) => Ok(()),
    }
}

fn check_vector(vector: &[f32]) -> Result<(), ErrorReply> {
    match vector.len() {
        0 => Err(refuse("vector is empty")),
        1..=VECTOR_DIMENSIONS_MAX if vector.iter().all(|number| number.is_finite()) => Ok(()),
        1..=VECTOR_DIMENSIONS_MAX => Err(refuse("vector holds a number that is not finite")),
        count => Err(refuse(format!(
            "vector has {count} dimensions, the limit is {VECTOR_DIMENSIONS_MAX}"
        ))),
    }
}

/// One that is stored has to point somewhere, too.
pub(super) fn check_stored_vector(vector: &[f32]) -> Result<(), ErrorReply> {
    check_vector(vector)?;
    match vector.iter().any(|number| *number != 0.0) {
        true => Ok(()),
        false => Err(refuse("vector is zero: it has no direction")),
    }
}

fn check_len(what: &str, len: usize, max: usize) -> Result<(), ErrorReply> {
    if len <= max {
        return Ok(());
    }
    Err(refuse(format!(
        "{what} has {len} bytes, the limit is {max}"
    )))
}

fn check_results(name: &str, count: u64) -> Result<(), ErrorReply> {
    match count {
        1..=RESULTS_MAX => Ok(()),
        _ => Err(results_out_of_bounds(name, count)),
    }
}

/// The error for a number of results that is none.
pub(crate) fn results_out_of_bounds(name: &str, count: impl Display) -> ErrorReply {
    refuse(format!("{name} is {count}, it can be 1 to {RESULTS_MAX}"))
}
