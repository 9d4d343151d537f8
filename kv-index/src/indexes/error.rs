//! Why a search is not answered.

use kv_embed::vectors::VectorError;

use crate::kinds::Kinds;
use crate::text::{QueryError, TooBroad};

/// Why a search is not answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// No key is in the index that would answer it.
    #[error("this node has no {0} index: start it with --index {0}, or without --index")]
    NoIndex(Kinds),
    /// What was there at the start is not indexed yet.
    #[error("the indexes are being built, try again soon")]
    Building,
    /// The query makes no sense.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// The query would take too long.
    #[error("{0}")]
    TooBroad(#[from] TooBroad),
    /// So many or such long values were found that comparing them with the one sought would take
    /// too long.
    #[error("too many or too long values to be compared: ask for fewer of them")]
    FoundTooMuch,
    /// The vector makes no sense.
    #[error("{0}")]
    Vector(#[from] VectorError),
    /// Vectors that come with values are not indexed.
    #[error("this node compares no vectors of yours: start it with --vector-dims N")]
    NoVectors,
    /// There is no such key, or it has no vector.
    #[error("the key to be similar to has neither text nor vector")]
    NothingToCompare,
}
