//! Whether the answers on each key are those of one register, asked by one client after another,
//! with every operation somewhere between its beginning and its end.
//!
//! Follows the history from answer to answer with the set of all configurations that explain it so
//! far. A configuration is what the register holds, and which of the open operations have happened.
//! At an answer, operations are tried as happening, one after the other, only until the answered
//! one has; those that need not have happened yet can do so at the next answer. Source: G. Lowe,
//! "Testing for linearizability", 2017 (just-in-time linearization, after Wing and Gong, 1993);
//! keys by themselves, as linearizability is local (Herlihy and Wing, 1990).
//!
//! 1. An operation whose outcome is unknown may happen at any time after it began, or never. So a
//!    configuration in which fewer of those have happened can do all that one with more can, if
//!    they are equal otherwise, and stands for it.
//! 2. Unknown operations that do the same are interchangeable; the oldest goes first.
//! 3. Memory is bounded: too many open operations or configurations end in [`Undecided`], never in
//!    a verdict.
//!
//! A group of keys (`mset`, `mget`) counts as one register; that its keys agree is for
//! [`batches`](crate::batches) to say. `stale` reads are left out; see [`sessions`](crate::sessions).

use std::{fmt, sync::Arc};

use crate::history::{Action, Datum, Operation, by_key};

mod bits;
mod configurations;
mod register;
mod search;

use register::Names;
use search::{Search, Stuck};

/// More configurations at one answer are too many.
const CONFIGURATIONS_MAX: usize = 1 << 20;

/// So many operations are shown of those that lead to a violation.
const SHOWN_MAX: usize = 24;

/// The first answer on a key that fits no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The key or group.
    pub key: Arc<str>,
    /// The operation whose answer it is.
    pub operation: Operation,
    /// How many events it takes to show it: the history up to this answer.
    pub events: usize,
    /// What the key can hold before it.
    pub possible: Vec<Datum>,
    /// The operations on the key that began before this answer, in order, the last ones only.
    pub before: Vec<Operation>,
    /// How many more there were.
    pub left_out: usize,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "key {} is not linearizable: no order explains", self.key)?;
        writeln!(f, "  {}", self.operation)?;
        write!(
            f,
            "  (answered in event {}); before it the key could hold",
            self.events
        )?;
        for (place, datum) in self.possible.iter().enumerate() {
            write!(f, "{}{datum}", if place == 0 { " " } else { " or " })?;
        }
        writeln!(f)?;
        writeln!(f, "operations on the key until then:")?;
        if self.left_out > 0 {
            writeln!(f, "  … {} earlier ones", self.left_out)?;
        }
        for operation in &self.before {
            writeln!(f, "  {operation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}

/// It would take too much memory to find out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot decide whether key {key} is linearizable: {reason}")]
pub struct Undecided {
    /// The key or group.
    pub key: Arc<str>,
    /// What there is too much of.
    pub reason: &'static str,
}

/// Why a history is not shown to be linearizable.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is not.
    #[error(transparent)]
    Violation(Box<Violation>),
    /// Nobody knows.
    #[error(transparent)]
    Undecided(Undecided),
}

/// Checks every key by itself, all of which hold nothing at first; how many there were.
///
/// # Errors
/// The first key, in their order, that is not linearizable, or of which it cannot be told.
pub fn check(operations: &[Operation]) -> Result<usize, Failure> {
    let keys = by_key(operations);
    for (key, operations) in &keys {
        check_key(key, operations)?;
    }
    Ok(keys.len())
}

/// Something happens on a key: a beginning or an answer, at its place in the history.
struct Moment {
    place: usize,
    operation: usize,
    is_answer: bool,
}

fn check_key(key: &Arc<str>, operations: &[&Operation]) -> Result<(), Failure> {
    let mut names = Names::default();
    let effects: Vec<_> = operations.iter().map(|one| names.effect(one)).collect();
    let mut search = Search::new(CONFIGURATIONS_MAX);
    for moment in moments(operations) {
        let Some(effect) = effects[moment.operation] else {
            continue;
        };
        let is_unknown = operations[moment.operation].returned.is_none();
        let outcome = match moment.is_answer {
            false => search.begin(moment.operation, effect, is_unknown),
            true => search.answer(moment.operation),
        };
        outcome.map_err(|stuck| match stuck {
            Stuck::TooMuch(reason) => Failure::Undecided(Undecided {
                key: Arc::clone(key),
                reason,
            }),
            Stuck::NoOrder(states) => {
                let possible = states.into_iter().map(|state| names.datum(state)).collect();
                Failure::Violation(Box::new(violation(key, operations, &moment, possible)))
            }
        })?;
    }
    Ok(())
}

fn moments(operations: &[&Operation]) -> Vec<Moment> {
    let mut moments = Vec::with_capacity(operations.len() * 2);
    for (operation, one) in operations.iter().enumerate() {
        let places = [(Some(one.invoked), false), (one.returned, true)];
        let both = places.into_iter().filter_map(|(place, is_answer)| {
            place.map(|place| Moment {
                place,
                operation,
                is_answer,
            })
        });
        moments.extend(both);
    }
    moments.sort_by_key(|moment| moment.place);
    moments
}

fn violation(
    key: &Arc<str>,
    operations: &[&Operation],
    at: &Moment,
    possible: Vec<Datum>,
) -> Violation {
    let is_relevant =
        |one: &&&Operation| one.invoked < at.place && !matches!(one.action, Action::Stale);
    let before: Vec<_> = operations.iter().filter(is_relevant).collect();
    let left_out = before.len().saturating_sub(SHOWN_MAX);
    Violation {
        key: Arc::clone(key),
        operation: operations[at.operation].clone(),
        events: at.place + 1,
        possible,
        before: before[left_out..]
            .iter()
            .map(|one| (**one).clone())
            .collect(),
        left_out,
    }
}

#[cfg(test)]
mod tests;
