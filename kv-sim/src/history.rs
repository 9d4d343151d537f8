//! What clients asked and were answered, in the order of time.
//!
//! ```text
//! {"process":3,"type":"invoke","f":"cas","key":"k7","value":["a","b"],"time":1204331}
//! {"process":3,"type":"ok","f":"cas","key":"k7","value":true,"time":1209015}
//!
//! f       value of invoke   value of ok
//! get     null              what the key holds: null (nothing), an integer, or a string
//! set     what to store     null
//! delete  null              true or false: whether there was something; null: not told
//! cas     [old, new]        true or false; null: not told
//! incr    an integer        the sum; null: not told
//! mset    what to store     null                     the key names a group of keys, each of which
//! mget    null              a list, one a key        is given the same value
//! stale   null              as get; see `sessions`
//! ```
//!
//! 1. `time` is in µs, from any beginning; lines with equal times are in the order of the file.
//! 2. A process has one operation open at a time. It ends with `ok`; with `fail`, which promises
//!    that nothing happened; or with `info`: it may take effect at any later time, or never.
//!    One that never ends is like one that ends with `info`.
//! 3. A number that the store keeps as text is an integer here: `incr` counts in it.

use std::{collections::HashMap, fmt, sync::Arc};

mod line;
mod operation;

pub use line::HistoryError;
pub use operation::Operation;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Datum {
    /// Nothing.
    Absent,
    /// An integer.
    Int(i64),
    /// Text.
    Text(Arc<str>),
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Absent => write!(f, "nothing"),
            Datum::Int(number) => write!(f, "{number}"),
            Datum::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The present value.
    Get,
    /// Store a value.
    Set(Datum),
    /// Store nothing.
    Delete,
    /// Store `new` if the key holds `old`.
    Cas {
        /// What it must hold.
        old: Datum,
        /// What it then will.
        new: Datum,
    },
    /// Add to an integer, from 0 if there is nothing.
    Increment(i64),
    /// Store one value under all keys of a group, at once.
    SetAll(Datum),
    /// All values of a group, as of one moment.
    GetAll,
    /// Some value that was present once, but never one older than this process has seen.
    Stale,
}

/// What it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done, and there is nothing more to say.
    Done,
    /// What the key holds, or the sum.
    Value(Datum),
    /// Whether there was something to delete, or whether the comparison held.
    Flag(bool),
    /// The values of a group.
    Values(Vec<Datum>),
}

/// One thing that happened to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It began.
    Invoke(Action),
    /// It took effect.
    Ok(Answer),
    /// It did not, and will not.
    Fail,
    /// Nobody knows.
    Info,
}

/// A step, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which client.
    pub process: u64,
    /// When.
    pub time_us: u64,
    /// Of which key or group.
    pub key: Arc<str>,
    /// What.
    pub step: Step,
}

/// Events in the order in which they happened.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// Adds what happened last.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// All events.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The operations, in the order in which they began. Those that failed are left out: they
    /// never happened.
    ///
    /// # Errors
    /// If a process begins what it has not ended, or ends what it has not begun.
    pub fn operations(&self) -> Result<Vec<Operation>, HistoryError> {
        operation::pair(&self.events)
    }
}

/// Operations by key, each list in the order in which they began; keys in order.
pub(crate) fn by_key(operations: &[Operation]) -> Vec<(Arc<str>, Vec<&Operation>)> {
    let mut keys: HashMap<&Arc<str>, Vec<&Operation>> = HashMap::new();
    for operation in operations {
        keys.entry(&operation.key).or_default().push(operation);
    }
    let mut keys: Vec<_> = keys
        .into_iter()
        .map(|(key, operations)| (Arc::clone(key), operations))
        .collect();
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    keys
}

#[cfg(test)]
mod tests;
