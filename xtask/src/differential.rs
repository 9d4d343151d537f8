//! The differential run: random commands to a real `redis-server` and to ours, and the replies
//! compared.
//!
//! 1. A seed gives the same commands again; a failure prints it.
//! 2. An epoch starts from two empty servers and fresh connections, RESP2 and RESP3 in turn. A
//!    failure is shrunk to the fewest commands of its epoch that still fail.
//! 3. At the end of an epoch everything that is stored is compared: values, expiries, count.
//!
//! `compare` and `arguments` list the differences that are meant.

mod arguments;
mod compare;
mod grammar;
mod pair;
mod sequence;
mod shrink;

use anyhow::{Result, bail};

use crate::random::Random;
use crate::resp::{command, typed};
use compare::Mode;
use pair::{Mismatch, Pair};
use sequence::{Lane, Step};

/// Sequences in an epoch.
const EPOCH_LEN: usize = 20;

/// How many shorter histories are tried.
const SHRINK_TRIES_MAX: usize = 400;

/// What to run, against which servers.
pub(crate) struct Options {
    pub redis: String,
    pub ours: String,
    pub seed: u64,
    /// At least so many commands.
    pub command_count: usize,
}

/// Runs epochs until enough commands have been compared; returns how many.
///
/// # Errors
///
/// At the first difference, with the seed and the shortest history that shows it.
pub(crate) fn run(options: &Options) -> Result<usize> {
    let mut random = Random::new(options.seed);
    let mut compared = 0;
    for epoch in 0.. {
        if compared >= options.command_count {
            break;
        }
        let history = epoch_steps(&mut random);
        let protocol = if epoch % 2 == 0 { "2" } else { "3" };
        if let Some(mismatch) = options.play(protocol, &history)? {
            bail!("{}", options.explain(epoch, protocol, &history, &mismatch)?);
        }
        compared += history.len();
    }
    Ok(compared)
}

impl Options {
    fn play(&self, protocol: &str, history: &[Step]) -> Result<Option<Mismatch>> {
        Pair::open(&self.redis, &self.ours, protocol)?.play(history)
    }

    fn explain(
        &self,
        epoch: usize,
        protocol: &str,
        history: &[Step],
        mismatch: &Mismatch,
    ) -> Result<String> {
        let failing = &history[..=mismatch.index];
        let still_fails = |steps: &[Step]| {
            self.play(protocol, steps)
                .is_ok_and(|mismatch| mismatch.is_some())
        };
        let shortest = shrink::shrink(failing, SHRINK_TRIES_MAX, still_fails);
        let last = self.play(protocol, &shortest)?;
        // A history that fails only now and then is shown whole.
        let (steps, shown) = match &last {
            Some(mismatch) => (&shortest[..=mismatch.index], mismatch),
            None => (failing, mismatch),
        };
        Ok(format!(
            "replies differ: seed {}, epoch {epoch}, RESP{protocol}; shortest history:\n{}\n\
             expected {}\n     got {}",
            self.seed,
            listed(steps),
            shown.expected,
            shown.got,
        ))
    }
}

fn epoch_steps(random: &mut Random) -> Vec<Step> {
    let mut steps: Vec<Step> = (0..EPOCH_LEN)
        .flat_map(|_| sequence::random(random))
        .collect();
    steps.extend(full_comparison());
    steps
}

/// Leaves any transaction, reads everything, then counts: no key is left that has expired unseen.
fn full_comparison() -> impl Iterator<Item = Step> {
    let on = |name: &str, key: &[u8]| vec![name.as_bytes().to_vec(), key.to_vec()];
    let reads = move |key: &'static [u8]| ["GET", "TYPE", "PEXPIRETIME"].map(|name| on(name, key));
    let read_all = arguments::keys().flat_map(reads);
    let steps = std::iter::once(command(&["RESET"]))
        .chain(read_all)
        .chain([command(&["KEYS", "*"])])
        .map(|command| Step::new(Lane::B, command));
    let count = Step {
        mode: Mode::Exact,
        ..Step::new(Lane::B, command(&["DBSIZE"]))
    };
    steps.chain([count])
}

fn listed(steps: &[Step]) -> String {
    let line = |step: &Step| format!("  {:?}> {}", step.lane, typed(&step.command));
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_an_epoch_has_a_command_name() {
        let steps = epoch_steps(&mut Random::new(5));
        assert!(steps.len() > EPOCH_LEN * sequence::LEN);
        assert!(steps.iter().all(|step| !step.command.is_empty()));
    }

    #[test]
    fn the_same_seed_gives_the_same_epoch() {
        let epoch = |seed| listed(&epoch_steps(&mut Random::new(seed)));
        assert_eq!(epoch(9), epoch(9));
    }
}
