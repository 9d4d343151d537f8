//! Keys that one client writes together, and what they may hold.

use anyhow::{Result, ensure};

use crate::resp::{Command, Reply, command};

/// How a slot is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `SET`.
    Set,
    /// `SET` and `DEL` in turn.
    SetDel,
    /// `INCR`.
    Incr,
    /// `MSET` of three keys.
    Mset,
    /// `MULTI`, a `SET` of each of two keys, `EXEC`.
    Exec,
}

/// Keys that always change together. The state of a slot is a number that all its keys carry, or
/// that none of them exists.
pub(super) struct Slot {
    kind: Kind,
    keys: Vec<String>,
    /// The state last seen, then the ones sent since, in order.
    states: Vec<Option<u64>>,
    /// How many of the states after the first are acknowledged.
    acknowledged: usize,
}

impl Slot {
    /// Keys of its own, which do not exist yet.
    pub(super) fn new(kind: Kind, name: &str) -> Slot {
        let key_count = match kind {
            Kind::Set | Kind::SetDel | Kind::Incr => 1,
            Kind::Mset => 3,
            Kind::Exec => 2,
        };
        let keys = (0..key_count)
            .map(|at| format!("{name}:{kind:?}:{at}"))
            .collect();
        Slot {
            kind,
            keys,
            states: vec![None],
            acknowledged: 0,
        }
    }

    /// The commands that bring the next state.
    pub(super) fn next(&mut self) -> Vec<Command> {
        let next = self.last().unwrap_or(self.states.len() as u64) + 1;
        let deletes = self.kind == Kind::SetDel && self.last().is_some();
        let next = match self.kind {
            Kind::Incr => self.last().unwrap_or(0) + 1,
            _ => next,
        };
        self.states.push((!deletes).then_some(next));
        match self.kind {
            Kind::SetDel if deletes => vec![self.with_keys("DEL")],
            Kind::Set | Kind::SetDel => vec![self.with_pairs("SET", next)],
            Kind::Incr => vec![self.with_keys("INCR")],
            Kind::Mset => vec![self.with_pairs("MSET", next)],
            Kind::Exec => self.transaction(next),
        }
    }

    /// Takes the replies to the commands of the oldest state that is not acknowledged.
    ///
    /// # Errors
    ///
    /// When they are not what the write must answer.
    pub(super) fn acknowledge(&mut self, replies: &[Reply]) -> Result<()> {
        self.acknowledged += 1;
        let state = self.states[self.acknowledged];
        let last = replies.last();
        let fine = match self.kind {
            Kind::SetDel if state.is_none() => last.and_then(Reply::integer) == Some(1),
            Kind::Set | Kind::SetDel | Kind::Mset => {
                last.is_some_and(|reply| reply.is_status("OK"))
            }
            Kind::Incr => {
                last.and_then(Reply::integer) == state.and_then(|n| i64::try_from(n).ok())
            }
            Kind::Exec => matches!(last, Some(Reply::Many(b'*', items)) if items.len() == 2),
        };
        ensure!(fine, "{}: {replies:?} for state {state:?}", self.keys[0]);
        Ok(())
    }

    /// The command that reads it.
    pub(super) fn read(&self) -> Command {
        self.with_keys("MGET")
    }

    /// Takes what is stored and starts again from there; returns how many of its keys exist.
    ///
    /// # Errors
    ///
    /// When that is older than what was acknowledged, or was never sent, or is torn.
    pub(super) fn verify(&mut self, stored: &Reply) -> Result<usize> {
        let allowed = &self.states[self.acknowledged..];
        let found = allowed
            .iter()
            .find(|state| self.shown_as(**state) == *stored)
            .copied();
        ensure!(
            found.is_some(),
            "{:?} hold {stored:?}, but {:?} was acknowledged and up to {:?} sent",
            self.keys,
            allowed.first(),
            allowed.last(),
        );
        self.states = vec![found.flatten()];
        self.acknowledged = 0;
        Ok(if self.states[0].is_some() {
            self.keys.len()
        } else {
            0
        })
    }

    /// Writes acknowledged, and sent without an answer.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.acknowledged, self.states.len() - 1 - self.acknowledged)
    }

    fn last(&self) -> Option<u64> {
        self.states.last().copied().flatten()
    }

    /// What `MGET` answers in `state`.
    fn shown_as(&self, state: Option<u64>) -> Reply {
        let value = |key: &String| match (state, self.kind) {
            (None, _) => Reply::Nil(b'$'),
            (Some(number), Kind::Incr) => Reply::Bulk(b'$', number.to_string().into_bytes()),
            (Some(number), _) => Reply::Bulk(b'$', value(key, number).into_bytes()),
        };
        Reply::Many(b'*', self.keys.iter().map(value).collect())
    }

    fn with_keys(&self, name: &str) -> Command {
        let mut words = vec![name];
        words.extend(self.keys.iter().map(String::as_str));
        command(&words)
    }

    fn with_pairs(&self, name: &str, number: u64) -> Command {
        let mut words = vec![name.as_bytes().to_vec()];
        for key in &self.keys {
            words.push(key.clone().into_bytes());
            words.push(value(key, number).into_bytes());
        }
        words
    }

    fn transaction(&self, number: u64) -> Vec<Command> {
        let set = |key: &String| command(&["SET", key, &value(key, number)]);
        let sets = self.keys.iter().map(set);
        std::iter::once(command(&["MULTI"]))
            .chain(sets)
            .chain([command(&["EXEC"])])
            .collect()
    }
}

/// A value that shows any part that is missing or foreign; up to about 2 KB long.
fn value(key: &str, number: u64) -> String {
    let length = usize::try_from(number.wrapping_mul(0x9e37_79b9) % 100).expect("below 100");
    format!("{key}={number};").repeat(1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok() -> Vec<Reply> {
        vec![Reply::Line(b'+', b"OK".to_vec())]
    }

    #[test]
    fn what_was_acknowledged_may_not_be_gone() {
        let mut slot = Slot::new(Kind::Set, "a");
        let before = slot.shown_as(None);
        slot.next();
        slot.acknowledge(&ok()).unwrap();
        assert!(slot.verify(&before).is_err());
    }

    #[test]
    fn what_was_not_answered_may_be_there_or_not() {
        for kind in [Kind::Set, Kind::SetDel, Kind::Incr, Kind::Mset, Kind::Exec] {
            for sent in 0..3 {
                let mut slot = Slot::new(kind, "a");
                (0..3).for_each(|_| drop(slot.next()));
                let stored = slot.shown_as(slot.states[sent]);
                assert!(slot.verify(&stored).is_ok(), "{kind:?} {sent}");
                assert_eq!(slot.counts(), (0, 0));
            }
        }
    }

    #[test]
    fn a_torn_batch_is_found() {
        let mut slot = Slot::new(Kind::Mset, "a");
        slot.next();
        let (Reply::Many(_, old), Reply::Many(_, new)) =
            (slot.shown_as(None), slot.shown_as(slot.states[1]))
        else {
            panic!("MGET answers an array");
        };
        let torn = Reply::Many(b'*', vec![new[0].clone(), new[1].clone(), old[2].clone()]);
        assert!(slot.verify(&torn).is_err());
    }

    #[test]
    fn an_increment_that_is_applied_twice_is_found() {
        let mut slot = Slot::new(Kind::Incr, "a");
        slot.next();
        assert!(
            slot.acknowledge(&[Reply::Line(b':', b"2".to_vec())])
                .is_err()
        );
    }

    #[test]
    fn a_state_that_nobody_sent_is_found() {
        let mut slot = Slot::new(Kind::Set, "a");
        slot.next();
        let future = slot.shown_as(Some(77));
        assert!(slot.verify(&future).is_err());
    }
}
