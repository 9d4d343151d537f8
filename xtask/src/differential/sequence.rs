//! A sequence: thirty commands over three connections, and what they need to be there.

use super::compare::{Mode, mode_of};
use super::grammar;
use crate::random::Random;
use crate::resp::{Command, command};

/// Commands in a sequence, without those that make watched keys exist.
pub(super) const LEN: usize = 30;

/// Which connection sends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    A,
    B,
    /// Subscribes and does nothing else, so that its pushes can be told from replies.
    Subscriber,
}

/// One command on one connection.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub lane: Lane,
    pub command: Command,
    /// How the replies are compared.
    pub mode: Mode,
}

impl Step {
    /// A step whose replies are compared as its command asks for.
    pub(super) fn new(lane: Lane, command: Command) -> Step {
        Step {
            lane,
            mode: mode_of(&command),
            command,
        }
    }
}

/// A random sequence; which kind is random too.
pub(super) fn random(random: &mut Random) -> Vec<Step> {
    let mut steps = Vec::new();
    while steps.len() < LEN {
        match random.below(10) {
            0..5 => plain(random, &mut steps, 3),
            5..8 => transaction(random, &mut steps),
            8 => pubsub(random, &mut steps),
            _ => plain(random, &mut steps, 50),
        }
    }
    steps.truncate(LEN);
    steps.into_iter().flat_map(watching_what_exists).collect()
}

/// A step; before a `WATCH`, what makes its keys exist.
///
/// Ours compares versions: a key that is absent at `WATCH` and at `EXEC` has not changed, whatever
/// was between. Redis remembers that it was touched. The difference is meant, so it is avoided.
fn watching_what_exists(step: Step) -> Vec<Step> {
    let is_watch = step.command[0].eq_ignore_ascii_case(b"WATCH");
    let keys = if is_watch {
        step.command[1..].to_vec()
    } else {
        Vec::new()
    };
    let make = |key| vec![b"SETNX".to_vec(), key, b"x".to_vec()];
    let mut steps: Vec<Step> = keys
        .into_iter()
        .map(|key| Step::new(step.lane, make(key)))
        .collect();
    steps.push(step);
    steps
}

/// Ten commands, now and then from the other connection; some are damaged.
fn plain(random: &mut Random, steps: &mut Vec<Step>, damage_percent: usize) {
    let mut lane = Lane::A;
    for _ in 0..10 {
        if random.chance(10) {
            lane = if lane == Lane::A { Lane::B } else { Lane::A };
        }
        steps.push(Step::new(lane, grammar::any(random, damage_percent)));
    }
}

/// A transaction on A, with a write on B that may or may not touch what A watches.
fn transaction(random: &mut Random, steps: &mut Vec<Step>) {
    let a = |command| Step::new(Lane::A, command);
    if random.chance(60) {
        steps.push(a(grammar::on_key(random, "WATCH")));
    }
    if random.chance(50) {
        steps.push(Step::new(Lane::B, grammar::data(random, 0)));
    }
    steps.push(a(command(&["MULTI"])));
    for _ in 0..random.below(6) {
        steps.push(a(grammar::data(random, 4)));
    }
    if random.chance(30) {
        steps.push(Step::new(Lane::B, grammar::data(random, 0)));
    }
    let end = if random.chance(90) { "EXEC" } else { "DISCARD" };
    steps.push(a(command(&[end])));
}

/// Subscriptions, and messages to them.
fn pubsub(random: &mut Random, steps: &mut Vec<Step>) {
    for _ in 0..3 {
        steps.push(Step::new(Lane::Subscriber, grammar::subscriber(random)));
        steps.push(Step::new(Lane::B, grammar::publish(random)));
    }
}
