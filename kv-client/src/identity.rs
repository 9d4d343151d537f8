//! Who writes: identities by which a server knows a write again.
//!
//! 1. Two writes in flight never have the same client number: a server remembers only the newest
//!    writes of each, and refuses older ones.
//! 2. A number is used again with the next sequence, whatever became of the write before. If that
//!    one is still on its way, it may happen late; whoever asked for it was told that this is unknown.

use std::sync::{Arc, Mutex, PoisonError};

use kv_proto::Identity;

/// Numbers kept for later; more writes than this at once leave some behind.
const FREE_COUNT_MAX: usize = 4096;

/// The identities of one client.
#[derive(Debug)]
pub(crate) struct Identities {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Not in use; each as its next write will have it.
    free: Vec<Identity>,
    next_client: u64,
}

/// An identity that one write has for as long as it takes.
#[derive(Debug)]
pub(crate) struct Lease {
    identities: Arc<Identities>,
    identity: Identity,
}

impl Identities {
    /// `random` makes them different from those of other clients.
    pub(crate) fn new(random: u64) -> Arc<Identities> {
        Arc::new(Identities {
            state: Mutex::new(State {
                free: Vec::new(),
                next_client: random,
            }),
        })
    }

    /// An identity that nothing else has.
    pub(crate) fn lease(self: &Arc<Identities>) -> Lease {
        Lease {
            identity: self.with_state(State::take),
            identities: self.clone(),
        }
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn take(&mut self) -> Identity {
        if let Some(identity) = self.free.pop() {
            return identity;
        }
        let client = self.next_client.max(1);
        self.next_client = client.wrapping_add(1);
        Identity {
            client,
            sequence: 1,
        }
    }

    fn give_back(&mut self, used: Identity) {
        if self.free.len() < FREE_COUNT_MAX {
            self.free.push(Identity {
                sequence: used.sequence + 1,
                ..used
            });
        }
    }
}

impl Lease {
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let used = self.identity;
        self.identities.with_state(|state| state.give_back(used));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_at_once_have_different_numbers_and_later_ones_higher_sequences() {
        let identities = Identities::new(u64::MAX);
        let first = identities.lease();
        let second = identities.lease();
        let of = |client, sequence| Identity { client, sequence };
        assert_eq!(first.identity(), of(u64::MAX, 1));
        assert_eq!(second.identity(), of(1, 1));
        drop(first);
        assert_eq!(identities.lease().identity(), of(u64::MAX, 2));
        assert_eq!(identities.lease().identity(), of(u64::MAX, 3));
    }
}
