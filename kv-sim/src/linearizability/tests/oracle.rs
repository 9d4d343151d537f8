//! The oracle: a register, and the search of all orders without a thought.

use crate::history::{Action, Answer, Datum, Operation};

/// What a register holds after an operation, and what it answers.
pub(super) fn perform(value: &Datum, action: &Action) -> (Datum, Answer) {
    match action {
        Action::Get => (value.clone(), Answer::Value(value.clone())),
        Action::Set(new) => (new.clone(), Answer::Done),
        Action::Delete => (Datum::Absent, Answer::Flag(*value != Datum::Absent)),
        Action::Cas { old, new } if old == value => (new.clone(), Answer::Flag(true)),
        Action::Cas { .. } => (value.clone(), Answer::Flag(false)),
        Action::Increment(delta) => {
            let sum = match value {
                Datum::Int(number) => Datum::Int(number + delta),
                Datum::Absent => Datum::Int(*delta),
                Datum::Text(_) => panic!("no text here"),
            };
            (sum.clone(), Answer::Value(sum))
        }
        other => panic!("{other:?} is not for one register"),
    }
}

/// Whether any order of any choice of the unknown operations explains all answers.
pub(super) fn has_an_order(operations: &[Operation]) -> bool {
    let left: Vec<&Operation> = operations.iter().collect();
    explains(&Datum::Absent, &left)
}

fn explains(value: &Datum, left: &[&Operation]) -> bool {
    if left.iter().all(|one| one.answer.is_none()) {
        return true;
    }
    (0..left.len()).any(|place| {
        let next = left[place];
        let may_be_next = left.iter().all(|other| {
            other
                .returned
                .is_none_or(|returned| returned > next.invoked)
        });
        let (after, answer) = perform(value, &next.action);
        let mut rest = left.to_vec();
        rest.remove(place);
        may_be_next
            && next.answer.as_ref().is_none_or(|told| *told == answer)
            && explains(&after, &rest)
    })
}
