//! Whether each increment counted once: on a key that is only ever incremented and read.
//!
//! 1. No two increments are told the same sum, as long as all add something positive.
//! 2. A read that begins after everything else on the key has ended sees the sum of all that was
//!    acknowledged, plus at most what is unknown; exactly that sum if nothing is.
//!
//! Linearizability implies both where sums are told. This says in one line what went wrong, and
//! holds where a cluster promises no order.

use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

use crate::history::{Action, Answer, Datum, Operation, by_key};

/// Checks all counters that take no order to check, that is the second rule only.
///
/// # Errors
/// The first one that is wrong, in words.
pub fn check_totals(operations: &[Operation]) -> Result<(), String> {
    counters(operations).try_for_each(|(key, operations)| check_total(&key, &operations))
}

/// Checks all counters.
///
/// # Errors
/// The first one that is wrong, in words.
pub fn check(operations: &[Operation]) -> Result<(), String> {
    counters(operations).try_for_each(|(key, operations)| {
        check_sums(&key, &operations)?;
        check_total(&key, &operations)
    })
}

type Counter<'a> = (Arc<str>, Vec<&'a Operation>);

fn counters(operations: &[Operation]) -> impl Iterator<Item = Counter<'_>> {
    let is_counter = |(_, operations): &Counter<'_>| {
        let mut actions = operations.iter().map(|one| &one.action);
        actions.all(|action| matches!(action, Action::Increment(_) | Action::Get | Action::Stale))
    };
    by_key(operations).into_iter().filter(is_counter)
}

fn check_sums(key: &str, operations: &[&Operation]) -> Result<(), String> {
    if operations
        .iter()
        .any(|one| delta(one).is_some_and(|delta| delta <= 0))
    {
        return Ok(());
    }
    let mut told: HashMap<i64, &Operation> = HashMap::new();
    let increments = operations.iter().filter(|one| delta(one).is_some());
    for (sum, operation) in increments.filter_map(|one| value(one).map(|sum| (sum, *one))) {
        if let Some(other) = told.insert(sum, operation) {
            return Err(format!(
                "two increments of {key} were told one sum:\n  {other}\n  {operation}"
            ));
        }
    }
    Ok(())
}

fn check_total(key: &str, operations: &[&Operation]) -> Result<(), String> {
    let Some((seen, read)) = final_read(operations) else {
        return Ok(());
    };
    let expected = totals(operations);
    if expected.contains(&i128::from(seen)) {
        return Ok(());
    }
    Err(format!(
        "{key} was incremented to {} at least and {} at most, yet in the end\n  {read}",
        expected.start(),
        expected.end()
    ))
}

/// All that was acknowledged, without and with what is unknown.
fn totals(operations: &[&Operation]) -> RangeInclusive<i128> {
    let (mut least, mut most) = (0, 0);
    for operation in operations {
        let delta = i128::from(delta(operation).unwrap_or(0));
        if operation.answer.is_some() || delta < 0 {
            least += delta;
        }
        if operation.answer.is_some() || delta > 0 {
            most += delta;
        }
    }
    least..=most
}

/// The last read, if all increments whose end is known had ended before it.
fn final_read<'a>(operations: &[&'a Operation]) -> Option<(i64, &'a Operation)> {
    let is_read = |one: &&&Operation| one.action == Action::Get && one.answer.is_some();
    let read = operations.iter().rfind(is_read)?;
    let increments = operations.iter().filter(|one| delta(one).is_some());
    let is_last = increments
        .map(|one| one.returned.unwrap_or(one.invoked))
        .all(|ended| ended < read.invoked);
    is_last.then_some((value(read)?, read))
}

fn delta(operation: &Operation) -> Option<i64> {
    match operation.action {
        Action::Increment(delta) => Some(delta),
        _ => None,
    }
}

fn value(operation: &Operation) -> Option<i64> {
    match operation.answer {
        Some(Answer::Value(Datum::Int(number))) => Some(number),
        Some(Answer::Value(Datum::Absent)) => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, History, Step};

    /// Increments of 1 with what they were told, none for unknown; then a read.
    fn operations(sums: &[Option<i64>], read: i64) -> Vec<Operation> {
        let mut history = History::default();
        let mut push = |process, step| {
            history.push(Event {
                process,
                time_us: 0,
                key: Arc::from("n"),
                step,
            });
        };
        for (process, sum) in (0..).zip(sums) {
            push(process, Step::Invoke(Action::Increment(1)));
            push(
                process,
                match sum {
                    Some(sum) => Step::Ok(Answer::Value(Datum::Int(*sum))),
                    None => Step::Info,
                },
            );
        }
        push(99, Step::Invoke(Action::Get));
        push(99, Step::Ok(Answer::Value(Datum::Int(read))));
        history.operations().unwrap()
    }

    #[test]
    fn a_lost_or_doubled_increment_is_reported() {
        assert_eq!(check(&operations(&[Some(1), Some(2)], 2)), Ok(()));
        for wrong in [1, 3] {
            let error = check(&operations(&[Some(1), Some(2)], wrong)).unwrap_err();
            assert!(error.contains("2 at least and 2 at most"), "{error}");
        }
    }

    #[test]
    fn an_unknown_increment_counts_once_or_not_at_all() {
        assert_eq!(check(&operations(&[Some(1), None], 1)), Ok(()));
        assert_eq!(check(&operations(&[Some(1), None], 2)), Ok(()));
        assert!(check(&operations(&[Some(1), None], 3)).is_err());
        assert!(check(&operations(&[Some(1), None], 0)).is_err());
    }

    #[test]
    fn one_sum_for_two_increments_is_reported() {
        let twice = operations(&[Some(1), Some(1)], 2);
        assert!(check(&twice).unwrap_err().contains("were told one sum"));
        assert_eq!(check_totals(&twice), Ok(()));
    }
}
