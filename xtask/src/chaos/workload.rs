//! What clients do: which keys, which operations, and what the store is told.
//!
//! | every  | key holds                                       | operations                     |
//! | ------ | ----------------------------------------------- | ------------------------------ |
//! | 1st    | a counter                                       | incr, get                      |
//! | 2nd    | a text                                          | get, set, cas, delete          |
//! | 3rd    | a text                                          | get, set, cas, delete          |
//! | 4th    | three keys with one text                        | mset, mget                     |
//! | last   | a number that one client raises                 | set, stale                     |
//!
//! Keys live for a while and are then replaced by new ones, so that operations with an unknown
//! outcome do not pile up on any; all are read once more at the end.

use std::sync::Arc;
use std::time::Duration;

use kv_sim::{Action, Answer, Datum, Step};

use crate::random::Random;
use crate::resp::{Command, Reply, command};

/// How long keys live.
const GENERATION: Duration = Duration::from_secs(10);

/// Every so many keys begins the same kinds again.
const KINDS: u64 = 4;

/// Keys of a group.
const GROUP: [&str; 3] = ["a", "b", "c"];

/// Errors that promise that nothing happened, and may come in bad times.
const REFUSALS: [&str; 8] = [
    "NOTLEADER",
    "NOLEADER",
    "BUSY",
    "OOM",
    "STORAGEFULL",
    "STALE",
    "LOADING",
    "TRYAGAIN",
];

/// The keys that clients share.
pub(super) struct Workload {
    key_count: u64,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Register,
    Group,
    /// What stale reads look at.
    Session,
}

/// One key, or a few that count as one.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Workload {
    pub(super) fn new(key_count: u64) -> Workload {
        Workload {
            key_count: key_count.max(4),
        }
    }

    /// Any of the keys of the moment, `elapsed` after the start, but for the one of sessions.
    pub(super) fn key(&self, elapsed: Duration, random: &mut Random) -> Key {
        let index = random.next() % self.key_count;
        self.at(generation(elapsed), index)
    }

    /// Any of the counters of the moment.
    pub(super) fn counter(&self, elapsed: Duration, random: &mut Random) -> Key {
        let count = self.key_count.div_ceil(KINDS);
        self.at(generation(elapsed), random.next() % count * KINDS)
    }

    /// The key of the moment that one client raises and others read stale.
    pub(super) fn session_key(&self, elapsed: Duration) -> Key {
        self.at(generation(elapsed), self.key_count)
    }

    /// Every key that was used until `elapsed`.
    pub(super) fn all(&self, elapsed: Duration) -> Vec<Key> {
        let generations = 0..=generation(elapsed);
        generations
            .flat_map(|generation| (0..=self.key_count).map(move |i| self.at(generation, i)))
            .collect()
    }

    fn at(&self, generation: u64, index: u64) -> Key {
        let kind = match index {
            last if last == self.key_count => Kind::Session,
            index => match index % KINDS {
                0 => Kind::Counter,
                3 => Kind::Group,
                _ => Kind::Register,
            },
        };
        let name = format!("chaos:{generation}:{index}");
        Key { name, kind }
    }
}

fn generation(elapsed: Duration) -> u64 {
    elapsed.as_secs() / GENERATION.as_secs()
}

impl Key {
    /// Something to do with it. `unique` is a text that nobody else writes; `seen` is what the key
    /// held when this client last looked.
    pub(super) fn action(&self, random: &mut Random, unique: &str, seen: &Datum) -> Action {
        let text = || Datum::Text(Arc::from(unique));
        match (self.kind, random.below(100)) {
            (Kind::Counter, 0..60) => Action::Increment(1 + random.below(5).cast_signed() as i64),
            (Kind::Group, 0..50) => Action::SetAll(text()),
            (Kind::Group, _) => Action::GetAll,
            (Kind::Register, 0..30) => Action::Set(text()),
            (Kind::Register, 30..55) => Action::Cas {
                old: seen.clone(),
                new: text(),
            },
            (Kind::Register, 55..65) => Action::Delete,
            _ => Action::Get,
        }
    }

    /// Asks for what it holds.
    pub(super) fn look(&self) -> Action {
        match self.kind {
            Kind::Group => Action::GetAll,
            _ => Action::Get,
        }
    }

    /// The action as the store is told.
    pub(super) fn command(&self, action: &Action) -> Command {
        let name = self.name.as_str();
        match action {
            Action::Get | Action::Stale => command(&["GET", name]),
            Action::Set(value) => command(&["SET", name, &text_of(value)]),
            Action::Delete => command(&["DEL", name]),
            Action::Increment(delta) => command(&["INCRBY", name, &delta.to_string()]),
            Action::Cas {
                old: Datum::Absent,
                new,
            } => command(&["SET", name, &text_of(new), "NX"]),
            Action::Cas { old, new } => {
                command(&["SET", name, &text_of(new), "IFEQ", &text_of(old)])
            }
            Action::SetAll(value) => {
                let mut words = command(&["MSET"]);
                for part in GROUP {
                    words.push(format!("{name}:{part}").into_bytes());
                    words.push(text_of(value).into_bytes());
                }
                words
            }
            Action::GetAll => {
                let mut words = command(&["MGET"]);
                words.extend(GROUP.map(|part| format!("{name}:{part}").into_bytes()));
                words
            }
        }
    }

    /// What a reply means; an error if it is none that the store may give.
    pub(super) fn outcome(&self, action: &Action, reply: &Reply) -> Result<Step, String> {
        if let Some(error) = reply.error() {
            return refusal(&error);
        }
        let wrong = || format!("{reply:?} is no answer to {action:?}");
        let answer = match action {
            Action::Get | Action::Stale => Answer::Value(self.datum(reply).ok_or_else(wrong)?),
            Action::Set(_) | Action::SetAll(_) if reply.is_status("OK") => Answer::Done,
            Action::Set(_) | Action::SetAll(_) => return Err(wrong()),
            Action::Delete => Answer::Flag(reply.integer().ok_or_else(wrong)? == 1),
            Action::Increment(_) => Answer::Value(Datum::Int(reply.integer().ok_or_else(wrong)?)),
            Action::Cas { .. } => match reply {
                Reply::Nil(_) => Answer::Flag(false),
                reply if reply.is_status("OK") => Answer::Flag(true),
                _ => return Err(wrong()),
            },
            Action::GetAll => match reply {
                Reply::Many(_, items) => {
                    let values: Option<Vec<Datum>> = items.iter().map(|i| self.datum(i)).collect();
                    Answer::Values(values.ok_or_else(wrong)?)
                }
                _ => return Err(wrong()),
            },
        };
        Ok(Step::Ok(answer))
    }

    fn datum(&self, reply: &Reply) -> Option<Datum> {
        let bytes = match reply {
            Reply::Nil(_) => return Some(Datum::Absent),
            reply => reply.bytes()?,
        };
        let text = str::from_utf8(bytes).ok()?;
        match self.kind {
            Kind::Counter | Kind::Session => text.parse().ok().map(Datum::Int),
            Kind::Register | Kind::Group => Some(Datum::Text(Arc::from(text))),
        }
    }
}

/// Whether an error promises that nothing happened, and may come in bad times.
pub(super) fn is_refusal(error: &str) -> bool {
    let prefix = error.split(' ').next().unwrap_or_default();
    REFUSALS.contains(&prefix)
}

fn refusal(error: &str) -> Result<Step, String> {
    match error {
        unknown if unknown.starts_with("UNKNOWN ") => Ok(Step::Info),
        error if is_refusal(error) => Ok(Step::Fail),
        _ => Err(format!("the store answers -{error}")),
    }
}

fn text_of(value: &Datum) -> String {
    match value {
        Datum::Absent => String::new(),
        Datum::Int(number) => number.to_string(),
        Datum::Text(text) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> Key {
        Workload::new(4).at(0, 1)
    }

    #[test]
    fn a_comparison_with_nothing_asks_for_an_absent_key() {
        let text = |text: &str| Datum::Text(Arc::from(text));
        let cas = |old| Action::Cas {
            old,
            new: text("n"),
        };
        let key = register();
        assert_eq!(
            key.command(&cas(Datum::Absent)),
            command(&["SET", "chaos:0:1", "n", "NX"])
        );
        assert_eq!(
            key.command(&cas(text("o"))),
            command(&["SET", "chaos:0:1", "n", "IFEQ", "o"])
        );
        let nil = key.outcome(&cas(text("o")), &Reply::Nil(b'$'));
        assert_eq!(nil, Ok(Step::Ok(Answer::Flag(false))));
    }

    #[test]
    fn errors_are_refusals_or_unknown_or_wrong() {
        let outcome = |error: &str| {
            let reply = Reply::Line(b'-', error.as_bytes().to_vec());
            register().outcome(&Action::Delete, &reply)
        };
        assert_eq!(outcome("NOLEADER wait"), Ok(Step::Fail));
        assert_eq!(outcome("UNKNOWN maybe"), Ok(Step::Info));
        assert!(outcome("ERR syntax error").is_err());
    }

    #[test]
    fn keys_change_with_time_and_are_all_read_at_the_end() {
        let workload = Workload::new(4);
        let keys = workload.all(Duration::from_secs(25));
        assert_eq!(keys.len(), 3 * 5);
        let session = workload.session_key(Duration::from_secs(25));
        assert_eq!(
            (session.name.as_str(), session.kind),
            ("chaos:2:4", Kind::Session)
        );
    }
}
