//! One client: an operation at a time, sent to one node after the other until it is answered.
//!
//! 1. A write that carries the client's number and its own may be sent again; it happens once.
//! 2. A plain write may not: once it may have happened without an answer, its outcome is unknown.
//! 3. An operation that no node took has failed: nothing happened.

use std::{collections::HashMap, sync::Arc};

use kv_proto::{ErrorCode, Reply};
use kv_sim::{Action, Answer, Datum};

use super::{
    events::Place,
    workload::{Wish, is_write},
};
use crate::{Completed, Once, ReadMode};

/// A client of the cluster.
#[derive(Debug)]
pub(super) struct Client {
    /// Its number among all clients there ever were.
    pub(super) number: u64,
    pub(super) open: Option<Open>,
    /// Whom it asks next.
    pub(super) target: Place,
    pub(super) sequence: u64,
    /// Attempts so far; each has a number of its own.
    pub(super) attempts: u64,
    /// The last write that it knows of.
    pub(super) token: u64,
    pub(super) seen: HashMap<Arc<str>, Datum>,
    pub(super) is_done: bool,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) wish: Wish,
    pub(super) once: Once,
    pub(super) reads: ReadMode,
    /// The attempt that is waited for.
    pub(super) attempt: u64,
    pub(super) give_up_us: u64,
    /// An attempt of which nothing is known may have had, or may yet have, its effect.
    pub(super) may_have_happened: bool,
}

/// What to make of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered.
    Answered(Answer),
    /// It did not happen; it may be tried again, at this node if that is known.
    NotYet(Option<String>),
    /// It may have happened or may yet happen.
    Unknown,
    /// No node may reply so.
    Nonsense(String),
}

impl Client {
    pub(super) fn new(number: u64, target: Place) -> Client {
        Client {
            number,
            open: None,
            target,
            sequence: 0,
            attempts: 0,
            token: 0,
            seen: HashMap::new(),
            is_done: false,
        }
    }

    /// The number of a new attempt at what is open.
    pub(super) fn next_attempt(&mut self) -> u64 {
        self.attempts += 1;
        if let Some(open) = &mut self.open {
            open.attempt = self.attempts;
        }
        self.attempts
    }

    /// Whether this attempt is the one that is waited for.
    pub(super) fn waits_for(&self, attempt: u64) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.attempt == attempt)
    }

    pub(super) fn note(&mut self, key: &Arc<str>, action: &Action, answer: &Answer) {
        let value = match (action, answer) {
            (Action::Get, Answer::Value(value)) | (Action::Set(value), _) => value.clone(),
            (Action::Cas { new, .. }, Answer::Flag(true)) => new.clone(),
            (Action::Delete, _) => Datum::Absent,
            _ => return,
        };
        self.seen.insert(Arc::clone(key), value);
    }
}

impl Open {
    /// Whether it may be sent again though it may have happened.
    pub(super) fn is_repeatable(&self) -> bool {
        self.once != Once::default() || !is_write(&self.wish.action)
    }
}

/// What replies say; `answer` reads one that is no error.
pub(super) fn verdict(completed: &Completed, answer: impl Fn(&Reply) -> Option<Answer>) -> Verdict {
    let [reply] = &completed.replies[..] else {
        return Verdict::Nonsense(format!(
            "{} replies to one request",
            completed.replies.len()
        ));
    };
    let Reply::Error(error) = reply else {
        return match answer(reply) {
            Some(answer) => Verdict::Answered(answer),
            None => Verdict::Nonsense(format!("{reply:?}")),
        };
    };
    match error.code {
        ErrorCode::NotLeader => Verdict::NotYet(Some(error.message.to_string())),
        ErrorCode::NoLeader | ErrorCode::Busy | ErrorCode::StorageFull | ErrorCode::Stale => {
            Verdict::NotYet(None)
        }
        ErrorCode::Unknown => Verdict::Unknown,
        _ => Verdict::Nonsense(error.to_string()),
    }
}
