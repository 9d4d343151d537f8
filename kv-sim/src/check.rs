//! All checks of a history.

use std::fmt;

use crate::{
    History, HistoryError, batches, increments,
    linearizability::{self, Undecided, Violation},
    sessions,
};

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Operations that happened or may have.
    pub operations: usize,
    /// Of them, those that nobody knows of.
    pub unknown: usize,
    /// Keys and groups.
    pub keys: usize,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations on {} keys, {} with an unknown outcome",
            self.operations, self.keys, self.unknown
        )
    }
}

/// What is wrong with a history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It is no history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The answers on one key fit no order.
    #[error(transparent)]
    NotLinearizable(Box<Violation>),
    /// Too much was open at once to find out.
    #[error(transparent)]
    Undecided(#[from] Undecided),
    /// A counter, a batch or a session is wrong.
    #[error("{0}")]
    Broken(String),
}

/// Checks linearizability a key, batches, increments and sessions.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(history: &History) -> Result<Checked, Failure> {
    let operations = history.operations()?;
    batches::check(&operations).map_err(Failure::Broken)?;
    increments::check(&operations).map_err(Failure::Broken)?;
    sessions::check(&operations).map_err(Failure::Broken)?;
    let keys = linearizability::check(&operations)?;
    let unknown = operations.iter().filter(|one| one.answer.is_none());
    Ok(Checked {
        unknown: unknown.count(),
        operations: operations.len(),
        keys,
    })
}

impl From<linearizability::Failure> for Failure {
    fn from(failure: linearizability::Failure) -> Failure {
        match failure {
            linearizability::Failure::Violation(violation) => Failure::NotLinearizable(violation),
            linearizability::Failure::Undecided(undecided) => Failure::Undecided(undecided),
        }
    }
}
