//! Whether stale reads keep the promises of a session: a process reads what it wrote, and nothing
//! older than what it has read.
//!
//! Told on keys that are good for it: those with `stale` reads, which one process alone writes,
//! with `set` and ascending integers. A key that holds nothing counts as 0. A write of which
//! nobody knows may happen late, and replace a newer value; reading that is not going back.

use std::{collections::HashMap, sync::Arc};

use crate::history::{Action, Answer, Datum, Operation, by_key};

/// Checks each `stale` read.
///
/// # Errors
/// The first one, key by key, that is older than it may be, or of a value that nobody wrote; in
/// words.
pub fn check(operations: &[Operation]) -> Result<(), String> {
    for (key, operations) in by_key(operations) {
        if operations.iter().any(|one| one.action == Action::Stale) && is_ascending(&operations) {
            check_key(&key, &operations)?;
        }
    }
    Ok(())
}

/// What a process must see, and until which place in the history that is known.
#[derive(Clone, Copy)]
struct Seen<'a> {
    number: i64,
    at: usize,
    by: &'a Operation,
}

fn check_key(key: &Arc<str>, operations: &[&Operation]) -> Result<(), String> {
    let mut seen: HashMap<u64, Vec<Seen<'_>>> = HashMap::new();
    let mut written_max = 0;
    for operation in operations {
        let number = match (&operation.action, number_of(operation)) {
            (Action::Set(Datum::Int(number)), _) => {
                written_max = *number;
                *number
            }
            (Action::Stale | Action::Get, Some(number)) => number,
            _ => continue,
        };
        let Some(returned) = operation.returned else {
            continue;
        };
        let own = seen.entry(operation.process).or_default();
        if operation.action == Action::Stale {
            if !is_unknown(operations, number) {
                check_read(key, operation, number, own)?;
            }
            if number > written_max && !may_be_written(operations, number, returned) {
                return Err(format!(
                    "nobody wrote what was read of {key}:\n  {operation}"
                ));
            }
        }
        own.push(Seen {
            number,
            at: returned,
            by: operation,
        });
    }
    Ok(())
}

fn check_read(
    key: &Arc<str>,
    read: &Operation,
    number: i64,
    seen: &[Seen<'_>],
) -> Result<(), String> {
    let earlier = seen.iter().filter(|seen| seen.at < read.invoked);
    match earlier.max_by_key(|seen| seen.number) {
        Some(newest) if newest.number > number => Err(format!(
            "a session went back on {key}:\n  {}\n  {read}",
            newest.by
        )),
        _ => Ok(()),
    }
}

/// Whether nobody knows of the write of this number.
fn is_unknown(operations: &[&Operation], number: i64) -> bool {
    let mut unknown = operations.iter().filter(|one| one.answer.is_none());
    unknown.any(|one| one.action == Action::Set(Datum::Int(number)))
}

/// Whether a write of this number began before the read was answered.
fn may_be_written(operations: &[&Operation], number: i64, before: usize) -> bool {
    let writes = operations.iter().filter(|one| one.invoked < before);
    let mut numbers = writes.map(|one| &one.action);
    numbers.any(|action| *action == Action::Set(Datum::Int(number)))
}

fn is_ascending(operations: &[&Operation]) -> bool {
    let mut last: Option<(u64, i64)> = None;
    operations.iter().all(|one| match one.action {
        Action::Get | Action::Stale => true,
        Action::Set(Datum::Int(number)) => {
            let follows =
                last.is_none_or(|(process, before)| process == one.process && before < number);
            last = Some((one.process, number));
            follows
        }
        _ => false,
    })
}

fn number_of(operation: &Operation) -> Option<i64> {
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

    enum Did {
        Wrote(i64),
        Read(i64),
    }
    use Did::{Read, Wrote};

    /// One operation after another, each by a process.
    fn verdict(did: &[(u64, Did)]) -> Result<(), String> {
        let mut history = History::default();
        for (process, did) in did {
            let (action, answer) = match did {
                Wrote(number) => (Action::Set(Datum::Int(*number)), Answer::Done),
                Read(number) => (Action::Stale, Answer::Value(Datum::Int(*number))),
            };
            for step in [Step::Invoke(action), Step::Ok(answer)] {
                history.push(Event {
                    process: *process,
                    time_us: 0,
                    key: Arc::from("s"),
                    step,
                });
            }
        }
        check(&history.operations().unwrap())
    }

    #[test]
    fn a_process_reads_what_it_wrote() {
        assert_eq!(verdict(&[(1, Wrote(1)), (1, Read(1))]), Ok(()));
        let error = verdict(&[(1, Wrote(1)), (1, Read(0))]).unwrap_err();
        assert!(error.starts_with("a session went back on s"), "{error}");
    }

    #[test]
    fn others_may_read_what_is_old_but_not_go_back() {
        let writes = || vec![(1, Wrote(1)), (1, Wrote(2)), (2, Read(1))];
        let mut on = writes();
        on.push((2, Read(2)));
        assert_eq!(verdict(&on), Ok(()));
        let mut back = writes();
        back.push((2, Read(0)));
        assert!(verdict(&back).is_err());
    }

    #[test]
    fn an_unknown_write_may_come_late() {
        let mut history = History::default();
        let steps = [
            Step::Invoke(Action::Set(Datum::Int(1))),
            Step::Info,
            Step::Invoke(Action::Set(Datum::Int(2))),
            Step::Ok(Answer::Done),
            Step::Invoke(Action::Stale),
            Step::Ok(Answer::Value(Datum::Int(1))),
        ];
        for step in steps {
            history.push(Event {
                process: 1,
                time_us: 0,
                key: Arc::from("s"),
                step,
            });
        }
        assert_eq!(check(&history.operations().unwrap()), Ok(()));
    }

    #[test]
    fn what_nobody_wrote_is_reported() {
        let error = verdict(&[(1, Wrote(1)), (2, Read(7))]).unwrap_err();
        assert!(error.starts_with("nobody wrote"), "{error}");
    }

    #[test]
    fn keys_that_several_write_tell_nothing() {
        assert_eq!(
            verdict(&[(1, Wrote(1)), (2, Wrote(2)), (1, Read(0))]),
            Ok(())
        );
    }
}
