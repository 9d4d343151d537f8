//! Operations: an invocation and what came of it.

use std::{collections::HashMap, fmt, sync::Arc};

use super::{Action, Answer, Event, HistoryError, Step};

/// Something that a client asked and that may have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which client.
    pub process: u64,
    /// Of which key or group.
    pub key: Arc<str>,
    /// What was asked.
    pub action: Action,
    /// What was answered; `None` if it is not known whether it happened.
    pub answer: Option<Answer>,
    /// The place of its beginning in the history.
    pub invoked: usize,
    /// The place of its answer. None: it may happen at any later time, or never.
    pub returned: Option<usize>,
    /// When it began, and when it was answered.
    pub times_us: (u64, Option<u64>),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from_us, to_us) = self.times_us;
        match to_us {
            Some(to_us) => write!(f, "[{from_us:>9} .. {to_us:>9}] ")?,
            None => write!(f, "[{from_us:>9} ..         ?] ")?,
        }
        write!(f, "process {:<3} ", self.process)?;
        write_action(f, &self.action)?;
        write_answer(f, self.answer.as_ref())
    }
}

fn write_action(f: &mut fmt::Formatter<'_>, action: &Action) -> fmt::Result {
    match action {
        Action::Get => write!(f, "get"),
        Action::Set(value) => write!(f, "set {value}"),
        Action::Delete => write!(f, "delete"),
        Action::Cas { old, new } => write!(f, "cas {old} to {new}"),
        Action::Increment(delta) => write!(f, "incr {delta}"),
        Action::SetAll(value) => write!(f, "mset {value}"),
        Action::GetAll => write!(f, "mget"),
        Action::Stale => write!(f, "stale"),
    }
}

fn write_answer(f: &mut fmt::Formatter<'_>, answer: Option<&Answer>) -> fmt::Result {
    match answer {
        None => write!(f, " = unknown"),
        Some(Answer::Done) => write!(f, " = done"),
        Some(Answer::Value(value)) => write!(f, " = {value}"),
        Some(Answer::Flag(flag)) => write!(f, " = {flag}"),
        Some(Answer::Values(values)) => {
            write!(f, " =")?;
            values.iter().try_for_each(|value| write!(f, " {value}"))
        }
    }
}

/// An operation that has begun, as long as its process has not heard of it.
struct Open {
    place: usize,
    operation: Operation,
}

/// Operations from events.
pub(super) fn pair(events: &[Event]) -> Result<Vec<Operation>, HistoryError> {
    let mut open: HashMap<u64, Open> = HashMap::new();
    let mut done: Vec<Option<Operation>> = vec![None; events.len()];
    for (place, event) in events.iter().enumerate() {
        let wrong = |reason| HistoryError::Unpaired {
            place,
            process: event.process,
            reason,
        };
        if let Step::Invoke(action) = &event.step {
            let operation = begin(place, event, action);
            let before = open.insert(event.process, Open { place, operation });
            if before.is_some() {
                return Err(wrong("begins an operation before its last one ended"));
            }
            continue;
        }
        let Some(mut ended) = open.remove(&event.process) else {
            return Err(wrong("ends an operation that it did not begin"));
        };
        if ended.operation.key != event.key {
            return Err(wrong("ends an operation on another key"));
        }
        if let Step::Ok(answer) = &event.step {
            ended.operation.answer = Some(answer.clone());
            ended.operation.returned = Some(place);
            ended.operation.times_us.1 = Some(event.time_us);
        }
        if event.step != Step::Fail {
            done[ended.place] = Some(ended.operation);
        }
    }
    for left in open.into_values() {
        done[left.place] = Some(left.operation);
    }
    Ok(done.into_iter().flatten().collect())
}

fn begin(place: usize, event: &Event, action: &Action) -> Operation {
    Operation {
        process: event.process,
        key: Arc::clone(&event.key),
        action: action.clone(),
        answer: None,
        invoked: place,
        returned: None,
        times_us: (event.time_us, None),
    }
}
