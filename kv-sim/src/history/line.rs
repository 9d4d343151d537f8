//! Histories as lines of JSON. The format is drawn in the module above.

use std::{
    collections::HashMap,
    io::{self, BufRead, Write},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Answer, Datum, Event, History, Step};

/// Longer lines are refused.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A line is no event.
    #[error("line {number}: {reason}")]
    BadLine {
        /// Its number, from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// An event does not fit the events before it.
    #[error("event {place}: process {process} {reason}")]
    Unpaired {
        /// Its place, from 0.
        place: usize,
        /// By whom.
        process: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    process: u64,
    #[serde(rename = "type")]
    kind: Kind,
    f: Function,
    key: String,
    #[serde(default)]
    value: Value,
    time: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Function {
    Get,
    Set,
    Delete,
    Cas,
    Incr,
    MSet,
    MGet,
    Stale,
}

impl History {
    /// Reads lines of JSON. Lines are brought into the order of their times, so that a program
    /// whose threads write as they come need not care.
    ///
    /// # Errors
    /// At the first line that is no event, with its number; or if reading fails.
    pub fn read(mut from: impl BufRead) -> Result<History, HistoryError> {
        let mut events = Vec::new();
        let mut text = String::new();
        for number in 1.. {
            text.clear();
            let mut limited = io::Read::take(&mut from, LINE_BYTES_MAX as u64);
            if limited.read_line(&mut text)? == 0 {
                break;
            }
            if !text.trim().is_empty() {
                let event = parse(&text);
                events.push(event.map_err(|reason| HistoryError::BadLine { number, reason })?);
            }
        }
        events.sort_by_key(|event: &Event| event.time_us);
        Ok(History { events })
    }

    /// Writes lines of JSON.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let mut open = HashMap::new();
        for event in &self.events {
            if let Step::Invoke(action) = &event.step {
                open.insert(event.process, function_of(action));
            }
            let f = open.get(&event.process).copied().unwrap_or(Function::Get);
            serde_json::to_writer(&mut to, &line_of(event, f))?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn line_of(event: &Event, f: Function) -> Line {
    let (kind, value) = match &event.step {
        Step::Invoke(action) => (Kind::Invoke, asked(action)),
        Step::Ok(answer) => (Kind::Ok, answered(answer)),
        Step::Fail => (Kind::Fail, Value::Null),
        Step::Info => (Kind::Info, Value::Null),
    };
    Line {
        process: event.process,
        kind,
        f,
        key: event.key.to_string(),
        value,
        time: event.time_us,
    }
}

fn function_of(action: &Action) -> Function {
    match action {
        Action::Get => Function::Get,
        Action::Set(_) => Function::Set,
        Action::Delete => Function::Delete,
        Action::Cas { .. } => Function::Cas,
        Action::Increment(_) => Function::Incr,
        Action::SetAll(_) => Function::MSet,
        Action::GetAll => Function::MGet,
        Action::Stale => Function::Stale,
    }
}

fn asked(action: &Action) -> Value {
    match action {
        Action::Get | Action::Delete | Action::GetAll | Action::Stale => Value::Null,
        Action::Set(value) | Action::SetAll(value) => value_of(value),
        Action::Cas { old, new } => json!([value_of(old), value_of(new)]),
        Action::Increment(delta) => json!(delta),
    }
}

fn answered(answer: &Answer) -> Value {
    match answer {
        Answer::Done => Value::Null,
        Answer::Value(value) => value_of(value),
        Answer::Flag(flag) => json!(flag),
        Answer::Values(values) => values.iter().map(value_of).collect(),
    }
}

fn value_of(datum: &Datum) -> Value {
    match datum {
        Datum::Absent => Value::Null,
        Datum::Int(number) => json!(number),
        Datum::Text(text) => json!(&**text),
    }
}

fn parse(text: &str) -> Result<Event, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let step = match line.kind {
        Kind::Invoke => Step::Invoke(action_of(line.f, &line.value)?),
        Kind::Ok => Step::Ok(answer_of(line.f, &line.value)?),
        Kind::Fail => Step::Fail,
        Kind::Info => Step::Info,
    };
    Ok(Event {
        process: line.process,
        time_us: line.time,
        key: Arc::from(line.key),
        step,
    })
}

fn action_of(f: Function, value: &Value) -> Result<Action, String> {
    Ok(match f {
        Function::Get => Action::Get,
        Function::Set => Action::Set(datum_of(value)?),
        Function::Delete => Action::Delete,
        Function::Cas => match value.as_array().map(Vec::as_slice) {
            Some([old, new]) => Action::Cas {
                old: datum_of(old)?,
                new: datum_of(new)?,
            },
            _ => return Err(format!("cas takes [old, new], not {value}")),
        },
        Function::Incr => match value.as_i64() {
            Some(delta) => Action::Increment(delta),
            None => return Err(format!("incr takes an integer, not {value}")),
        },
        Function::MSet => Action::SetAll(datum_of(value)?),
        Function::MGet => Action::GetAll,
        Function::Stale => Action::Stale,
    })
}

fn answer_of(f: Function, value: &Value) -> Result<Answer, String> {
    Ok(match (f, value) {
        (Function::Get | Function::Stale, value) => Answer::Value(datum_of(value)?),
        (Function::MGet, Value::Array(values)) => {
            let values: Result<Vec<Datum>, String> = values.iter().map(datum_of).collect();
            Answer::Values(values?)
        }
        (Function::MGet, value) => return Err(format!("mget gives a list, not {value}")),
        (Function::Delete | Function::Cas, Value::Bool(flag)) => Answer::Flag(*flag),
        (Function::Incr, Value::Number(_)) => Answer::Value(datum_of(value)?),
        (_, Value::Null) => Answer::Done,
        (_, value) => return Err(format!("{value} is no answer to {f:?}")),
    })
}

fn datum_of(value: &Value) -> Result<Datum, String> {
    match value {
        Value::Null => Ok(Datum::Absent),
        Value::String(text) => Ok(Datum::Text(Arc::from(text.as_str()))),
        Value::Number(number) => number
            .as_i64()
            .map(Datum::Int)
            .ok_or_else(|| format!("{number} is no integer of 64 bits")),
        other => Err(format!("{other} is not null, an integer or a string")),
    }
}
