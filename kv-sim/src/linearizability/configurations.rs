//! Configurations, without those that another one stands for (invariant 1 of the module above).

use std::collections::{HashMap, hash_map::Entry};

use foldhash::fast::FixedState;

use super::{bits::Bits, register::State};

/// What the register holds, and which open operations have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Configuration {
    pub(super) state: State,
    pub(super) done: Bits,
}

/// A set of configurations.
#[derive(Debug, Default)]
pub(super) struct Configurations {
    /// By state and by which of the operations with a known outcome have happened: each set of
    /// unknown ones that suffices, none of them a part of another.
    minimal: HashMap<Configuration, Vec<Bits>, FixedState>,
    len: usize,
}

impl Configurations {
    /// Adds one, unless another stands for it. `unknown` are the operations that need not happen.
    pub(super) fn insert(&mut self, configuration: Configuration, unknown: Bits) -> bool {
        let key = Configuration {
            done: configuration.done.outside(unknown),
            ..configuration
        };
        let used = configuration.done.within(unknown);
        match self.minimal.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(vec![used]);
                self.len += 1;
                true
            }
            Entry::Occupied(mut entry) => {
                let sets = entry.get_mut();
                if sets.iter().any(|set| set.is_subset_of(used)) {
                    return false;
                }
                self.len -= sets.len();
                sets.retain(|set| !used.is_subset_of(*set));
                sets.push(used);
                self.len += sets.len();
                true
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All of them.
    pub(super) fn into_list(self) -> Vec<Configuration> {
        let mut list = Vec::with_capacity(self.len);
        for (key, sets) in self.minimal {
            list.extend(sets.into_iter().map(|used| Configuration {
                state: key.state,
                done: key.done.union(used),
            }));
        }
        list
    }
}
