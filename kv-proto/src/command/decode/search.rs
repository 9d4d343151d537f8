//! Searches.

use super::{
    CommandError, Result, Source, take_bool, take_bytes, take_key, take_option, take_u8, take_u64,
    take_value,
};
use crate::command::{Command, SearchOptions, SimilarTo, Weights, opcode};

pub(super) fn decode(opcode: u8, from: &mut Source) -> Result<Command> {
    Ok(match opcode {
        opcode::FIND => Command::Find {
            value: take_value(from)?,
            path: take_option(from, take_text)?,
            limit: take_u64(from)?,
        },
        opcode::SEARCH => Command::Search {
            query: take_text(from)?,
            options: take_search_options(from)?,
        },
        opcode::SIMILAR => Command::Similar {
            query: take_similar_to(from)?,
            k: take_u64(from)?,
            prefix: take_option(from, take_key)?,
            explain: take_bool(from)?,
        },
        other => return Err(CommandError::UnknownOpcode(other)),
    })
}

fn take_search_options(from: &mut Source) -> Result<SearchOptions> {
    Ok(SearchOptions {
        limit: take_u64(from)?,
        prefix: take_option(from, take_key)?,
        hybrid: take_option(from, take_weights)?,
        explain: take_bool(from)?,
        snippets: take_bool(from)?,
    })
}

fn take_weights(from: &mut Source) -> Result<Weights> {
    Ok(Weights {
        words: take_f64(from)?,
        meaning: take_f64(from)?,
    })
}

fn take_similar_to(from: &mut Source) -> Result<SimilarTo> {
    match take_u8(from)? {
        0 => Ok(SimilarTo::Text(take_text(from)?)),
        1 => Ok(SimilarTo::Vector(take_vector(from)?)),
        2 => Ok(SimilarTo::Key(take_key(from)?)),
        _ => Err(CommandError::BadField("what is searched for")),
    }
}

pub(super) fn take_vector(from: &mut Source) -> Result<Vec<f32>> {
    vector_of(&take_bytes(from)?).ok_or(CommandError::BadField("vector"))
}

/// The little-endian floats that `bytes` are, if they are whole ones.
pub(crate) fn vector_of(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, rest) = bytes.as_chunks();
    let numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
    rest.is_empty().then(|| numbers.collect())
}

fn take_text(from: &mut Source) -> Result<String> {
    let bytes = take_bytes(from)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(CommandError::BadField("text")),
    }
}

fn take_f64(from: &mut Source) -> Result<f64> {
    Ok(f64::from_bits(take_u64(from)?))
}
