//! What is wrong with a query.

use super::{DEPTH_MAX, DISTANCE_MAX, QUERY_BYTES_MAX, WORDS_MAX};

/// What is wrong with a query, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at character {character}; {}", kind.hint())]
pub struct QueryError {
    /// What.
    pub kind: QueryErrorKind,
    /// At which byte of the query, from 0.
    pub offset: usize,
    /// At which character of the query, from 1.
    pub character: usize,
}

/// What can be wrong with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryErrorKind {
    /// A phrase without its end.
    #[error("quote without its other half")]
    QuoteOpen,
    /// A group without its end.
    #[error("parenthesis that is not closed")]
    ParenthesisOpen,
    /// A group without its beginning.
    #[error("parenthesis that was not opened")]
    ParenthesisUnmatched,
    /// An operator with nothing on one side.
    #[error("`{0}` with nothing to work on")]
    OperatorDangling(&'static str),
    /// What not to find, and nothing to find.
    #[error("only words that must not occur")]
    OnlyExcluded,
    /// A fuzzy word with a distance that is not supported.
    #[error("a fuzzy word with too many edits")]
    DistanceTooLarge,
    /// A phrase with a distance.
    #[error("`~` after a phrase")]
    PhraseFuzzy,
    /// More than [`WORDS_MAX`] words.
    #[error("more than {WORDS_MAX} words")]
    WordsTooMany,
    /// More than [`QUERY_BYTES_MAX`] bytes.
    #[error("query of more than {QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// More than [`DEPTH_MAX`] levels.
    #[error("more than {DEPTH_MAX} parentheses or negations within each other")]
    TooDeep,
}

impl QueryErrorKind {
    pub(super) fn at(self, text: &str, offset: usize) -> QueryError {
        QueryError {
            kind: self,
            offset,
            character: text[..text.floor_char_boundary(offset)].chars().count() + 1,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> String {
        match self {
            QueryErrorKind::QuoteOpen => "add `\"` at the phrase's end, or drop this one".into(),
            QueryErrorKind::ParenthesisOpen => "add `)` at the group's end".into(),
            QueryErrorKind::ParenthesisUnmatched => {
                "drop it, or add `(` at the group's beginning".into()
            }
            QueryErrorKind::OperatorDangling(operator) => {
                let word = operator.to_lowercase();
                format!("put words on its sides, or write `{word}` to search for the word")
            }
            QueryErrorKind::OnlyExcluded => {
                "say what to find, too: `red -car` finds red things that are no cars".into()
            }
            QueryErrorKind::DistanceTooLarge => format!("use `~`, or `~1` to `~{DISTANCE_MAX}`"),
            QueryErrorKind::PhraseFuzzy => "put `~` after single words".into(),
            QueryErrorKind::WordsTooMany | QueryErrorKind::TooLong => {
                "search for the words that matter most".into()
            }
            QueryErrorKind::TooDeep => "write it flatter".into(),
        }
    }
}
