//! What each operation does to a register, and which states let it answer as it did.

use std::{collections::HashMap, sync::Arc};

use crate::history::{Action, Answer, Datum, Operation};

/// What a register holds: a [`Datum`] whose text has a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum State {
    Absent,
    Int(i64),
    Text(u32),
}

/// An operation; `None` where its answer is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Get(State),
    Set(State),
    Delete(Option<bool>),
    Cas {
        old: State,
        new: State,
        swapped: Option<bool>,
    },
    Increment {
        delta: i64,
        sum: Option<State>,
    },
}

impl Effect {
    /// The state after it; `None` if it could not have been answered so.
    pub(super) fn apply(self, state: State) -> Option<State> {
        match self {
            Effect::Get(seen) => (seen == state).then_some(state),
            Effect::Set(value) => Some(value),
            Effect::Delete(existed) => {
                let exists = state != State::Absent;
                (existed.unwrap_or(exists) == exists).then_some(State::Absent)
            }
            Effect::Cas { old, new, swapped } => {
                let swaps = state == old;
                let after = if swaps { new } else { state };
                (swapped.unwrap_or(swaps) == swaps).then_some(after)
            }
            Effect::Increment { delta, sum } => {
                let after = add(state, delta)?;
                (sum.unwrap_or(after) == after).then_some(after)
            }
        }
    }
}

impl Effect {
    /// Whether it changes nothing, whenever it happens.
    pub(super) fn only_looks(self) -> bool {
        matches!(
            self,
            Effect::Get(_)
                | Effect::Delete(Some(false))
                | Effect::Cas {
                    swapped: Some(false),
                    ..
                }
        )
    }
}

fn add(state: State, delta: i64) -> Option<State> {
    match state {
        State::Absent => Some(State::Int(delta)),
        State::Int(number) => number.checked_add(delta).map(State::Int),
        State::Text(_) => None,
    }
}

/// The numbers of texts.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// What an operation does. `None` if that is nothing: a read whose answer is not known, or is
    /// for another check.
    pub(super) fn effect(&mut self, operation: &Operation) -> Option<Effect> {
        let answer = operation.answer.as_ref();
        Some(match &operation.action {
            Action::Get => Effect::Get(self.state(value_of(answer)?)),
            Action::GetAll => Effect::Get(self.state(common_value_of(answer)?)),
            Action::Set(value) | Action::SetAll(value) => Effect::Set(self.state(value)),
            Action::Delete => Effect::Delete(flag_of(answer)),
            Action::Cas { old, new } => Effect::Cas {
                old: self.state(old),
                new: self.state(new),
                swapped: flag_of(answer),
            },
            Action::Increment(delta) => Effect::Increment {
                delta: *delta,
                sum: value_of(answer).map(|sum| self.state(sum)),
            },
            Action::Stale => return None,
        })
    }

    /// What a state is.
    pub(super) fn datum(&self, state: State) -> Datum {
        match state {
            State::Absent => Datum::Absent,
            State::Int(number) => Datum::Int(number),
            State::Text(number) => {
                let text = usize::try_from(number).ok().and_then(|n| self.texts.get(n));
                Datum::Text(Arc::clone(text.expect("a number given by us")))
            }
        }
    }

    fn state(&mut self, datum: &Datum) -> State {
        match datum {
            Datum::Absent => State::Absent,
            Datum::Int(number) => State::Int(*number),
            Datum::Text(text) => State::Text(self.number(text)),
        }
    }

    fn number(&mut self, text: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).expect("fewer texts than operations");
        self.texts.push(Arc::clone(text));
        self.numbers.insert(Arc::clone(text), number);
        number
    }
}

fn value_of(answer: Option<&Answer>) -> Option<&Datum> {
    match answer {
        Some(Answer::Value(value)) => Some(value),
        _ => None,
    }
}

/// What all keys of a group held, if they agreed.
fn common_value_of(answer: Option<&Answer>) -> Option<&Datum> {
    match answer {
        Some(Answer::Values(values)) => {
            let first = values.first()?;
            values.iter().all(|value| value == first).then_some(first)
        }
        _ => None,
    }
}

fn flag_of(answer: Option<&Answer>) -> Option<bool> {
    match answer {
        Some(Answer::Flag(flag)) => Some(*flag),
        _ => None,
    }
}
