//! The search: all configurations, from answer to answer.

use super::{
    bits::{BITS, Bits},
    configurations::{Configuration, Configurations},
    register::{Effect, State},
};

/// Why there is no next configuration.
pub(super) enum Stuck {
    /// None fits; what the register could hold before.
    NoOrder(Vec<State>),
    /// Too much of something.
    TooMuch(&'static str),
}

/// An operation that has begun and has not been answered.
#[derive(Clone, Copy, Debug)]
struct Open {
    operation: usize,
    effect: Effect,
    is_unknown: bool,
    /// An open operation that does the same and goes first; see the module's second invariant.
    twin: Option<usize>,
}

/// All explanations of a key's history up to some moment.
pub(super) struct Search {
    configurations_max: usize,
    /// By slot: the number that stands for an open operation in a set.
    open: Vec<Option<Open>>,
    unknown: Bits,
    possible: Vec<Configuration>,
}

impl Search {
    pub(super) fn new(configurations_max: usize) -> Search {
        Search {
            configurations_max,
            open: Vec::new(),
            unknown: Bits::default(),
            possible: vec![Configuration {
                state: State::Absent,
                done: Bits::default(),
            }],
        }
    }

    /// An operation begins, whose outcome will be known or not.
    pub(super) fn begin(
        &mut self,
        operation: usize,
        effect: Effect,
        is_unknown: bool,
    ) -> Result<(), Stuck> {
        let twin = is_unknown.then(|| self.last_twin(effect)).flatten();
        let slot = self.free_slot()?;
        self.open[slot] = Some(Open {
            operation,
            effect,
            is_unknown,
            twin,
        });
        if is_unknown {
            self.unknown = self.unknown.with(slot);
        }
        let mut possible = std::mem::take(&mut self.possible);
        for configuration in &mut possible {
            *configuration = self.settled(*configuration);
        }
        self.possible = possible;
        Ok(())
    }

    /// An operation is answered: whatever explains the history has it happened by now.
    pub(super) fn answer(&mut self, operation: usize) -> Result<(), Stuck> {
        let is_it = |open: &Option<Open>| open.is_some_and(|open| open.operation == operation);
        let answered = self.open.iter().position(is_it).expect("it has begun");
        let next = self.until_done(answered)?;
        if next.len() == 0 {
            return Err(Stuck::NoOrder(self.states()));
        }
        self.possible = next.into_list();
        self.open[answered] = None;
        Ok(())
    }

    /// All configurations in which the operation has just happened, or had already.
    fn until_done(&self, answered: usize) -> Result<Configurations, Stuck> {
        let (mut seen, mut reached) = (Configurations::default(), Configurations::default());
        let mut todo = Vec::with_capacity(self.possible.len());
        for configuration in &self.possible {
            if configuration.done.has(answered) {
                reached.insert(configuration.without(answered), self.unknown);
            } else if seen.insert(*configuration, self.unknown) {
                todo.push(*configuration);
            }
        }
        while let Some(configuration) = todo.pop() {
            for next in self.successors(configuration) {
                if next.done.has(answered) {
                    reached.insert(next.without(answered), self.unknown);
                } else if seen.insert(next, self.unknown) {
                    todo.push(next);
                }
            }
            if seen.len() + reached.len() > self.configurations_max {
                return Err(Stuck::TooMuch("too many orders are possible"));
            }
        }
        Ok(reached)
    }

    /// What one more operation that happens leads to.
    fn successors(&self, from: Configuration) -> impl Iterator<Item = Configuration> {
        self.open
            .iter()
            .enumerate()
            .filter_map(move |(slot, open)| {
                let open = open.as_ref()?;
                let waits = open.twin.is_some_and(|twin| !from.done.has(twin));
                if from.done.has(slot) || waits {
                    return None;
                }
                let state = open.effect.apply(from.state)?;
                let is_pointless = open.is_unknown && state == from.state;
                let done = from.done.with(slot);
                let next = Configuration { state, done };
                (!is_pointless).then(|| self.settled(next))
            })
    }

    /// With all operations done that only look, and may see what there is: they are in nobody's
    /// way, so there is nothing to gain from letting them wait.
    fn settled(&self, mut configuration: Configuration) -> Configuration {
        for (slot, open) in self.open.iter().enumerate() {
            let Some(open) = open.as_ref().filter(|open| open.effect.only_looks()) else {
                continue;
            };
            if open.effect.apply(configuration.state).is_some() {
                configuration.done = configuration.done.with(slot);
            }
        }
        configuration
    }

    fn last_twin(&self, effect: Effect) -> Option<usize> {
        let slots = self.open.iter().enumerate();
        let open = slots.filter_map(|(slot, open)| open.as_ref().map(|open| (slot, open)));
        let twins = open.filter(|(_, open)| open.is_unknown && open.effect == effect);
        twins
            .max_by_key(|(_, open)| open.operation)
            .map(|(slot, _)| slot)
    }

    fn free_slot(&mut self) -> Result<usize, Stuck> {
        if let Some(slot) = self.open.iter().position(Option::is_none) {
            return Ok(slot);
        }
        if self.open.len() == BITS {
            return Err(Stuck::TooMuch("too many operations are open at once"));
        }
        self.open.push(None);
        Ok(self.open.len() - 1)
    }

    fn states(&self) -> Vec<State> {
        let mut states: Vec<State> = self.possible.iter().map(|one| one.state).collect();
        states.sort_unstable();
        states.dedup();
        states
    }
}

impl Configuration {
    fn without(self, slot: usize) -> Configuration {
        Configuration {
            done: self.done.without(slot),
            ..self
        }
    }
}
