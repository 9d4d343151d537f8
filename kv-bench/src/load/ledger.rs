//! Checks that reads return what was written.
//!
//! In verification each connection is the only writer of its keys and its answers come in order,
//! so it knows what every key must hold: what its last acknowledged write stored. What a key held
//! before the load is unknown; then a value is only checked to be one of its key's.
//!
//! 1. A refused write leaves the key unknown: it may or may not have happened.

use std::collections::HashMap;

use crate::protocol::Answer;
use crate::workload::{KeySpace, Kind, Operation};

/// What one connection knows of its keys.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Nonce of the last acknowledged write.
    written: HashMap<u64, u64>,
}

impl Ledger {
    /// Notes the answer to an operation; false if it contradicts what is known.
    pub(super) fn agrees(
        &mut self,
        space: &KeySpace,
        operation: &Operation,
        answer: &Answer<'_>,
    ) -> bool {
        let known = self.written.get(&operation.key).copied();
        match (operation.kind, answer) {
            (Kind::Read, Answer::Refused(_)) => true,
            (Kind::Read, Answer::Nothing) => known.is_none(),
            (Kind::Read, Answer::Value(value)) => match known {
                Some(nonce) => space.is_value(operation.key, nonce, value),
                None => space.is_value_of(operation.key, value),
            },
            (Kind::Read, Answer::Done) => false,
            (Kind::Write, Answer::Done) => {
                self.written.insert(operation.key, operation.nonce);
                true
            }
            (Kind::Write, Answer::Refused(_)) => {
                self.written.remove(&operation.key);
                true
            }
            (Kind::Write, Answer::Value(_) | Answer::Nothing) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        ledger: Ledger,
        space: KeySpace,
    }

    impl Fixture {
        fn new() -> Fixture {
            Fixture {
                ledger: Ledger::default(),
                space: KeySpace::new(10, 20, 40).unwrap(),
            }
        }

        fn value(&self, key: u64, nonce: u64) -> Vec<u8> {
            let mut value = Vec::new();
            self.space.write_value(key, nonce, &mut value);
            value
        }

        fn write(&mut self, key: u64, nonce: u64, answer: Answer<'_>) -> bool {
            let operation = Operation {
                kind: Kind::Write,
                key,
                nonce,
            };
            self.ledger.agrees(&self.space, &operation, &answer)
        }

        fn read(&mut self, key: u64, answer: Answer<'_>) -> bool {
            let operation = Operation {
                kind: Kind::Read,
                key,
                nonce: 0,
            };
            self.ledger.agrees(&self.space, &operation, &answer)
        }
    }

    #[test]
    fn the_last_acknowledged_write_must_be_read() {
        let mut fixture = Fixture::new();
        let (older, newer) = (fixture.value(1, 10), fixture.value(1, 11));
        assert!(fixture.write(1, 10, Answer::Done));
        assert!(fixture.write(1, 11, Answer::Done));
        assert!(fixture.read(1, Answer::Value(&newer)));
        assert!(!fixture.read(1, Answer::Value(&older)));
        assert!(!fixture.read(1, Answer::Nothing));
    }

    #[test]
    fn an_unknown_key_may_hold_nothing_or_a_value_of_its_own() {
        let mut fixture = Fixture::new();
        let (own, other) = (fixture.value(1, 10), fixture.value(2, 10));
        assert!(fixture.read(1, Answer::Nothing));
        assert!(fixture.read(1, Answer::Value(&own)));
        assert!(!fixture.read(1, Answer::Value(&other)));
        assert!(!fixture.read(1, Answer::Value(b"short")));
    }

    #[test]
    fn a_refused_write_leaves_the_key_unknown() {
        let mut fixture = Fixture::new();
        let (older, newer) = (fixture.value(1, 10), fixture.value(1, 11));
        assert!(fixture.write(1, 10, Answer::Done));
        assert!(fixture.write(1, 11, Answer::Refused(b"UNKNOWN")));
        assert!(fixture.read(1, Answer::Value(&older)));
        assert!(fixture.read(1, Answer::Value(&newer)));
    }

    #[test]
    fn an_answer_of_the_wrong_kind_is_noticed() {
        let mut fixture = Fixture::new();
        assert!(!fixture.write(1, 10, Answer::Nothing));
        assert!(!fixture.read(1, Answer::Done));
    }
}
