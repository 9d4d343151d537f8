//! Tests of the checker: against an oracle that tries every order, on histories of registers that
//! exist and on such that were tampered with.

use proptest::prelude::*;

use super::*;
use crate::{
    Random,
    history::{Answer, Event, History, Step},
};

mod large;
mod oracle;

use oracle::has_an_order;

/// A register that exists, and clients that use it at once.
struct World {
    random: Random,
    value: Datum,
    history: History,
    clock: u64,
}

/// Where a client is in its operation.
enum Stage {
    Idle,
    Begun(Action),
    Happened(Answer),
}

impl World {
    fn new(seed: u64) -> World {
        World {
            random: Random::new(seed),
            value: Datum::Absent,
            history: History::default(),
            clock: 0,
        }
    }

    /// Any interleaving of `count` operations of some clients.
    fn run(mut self, clients: usize, count: usize, unknown_permille: u32) -> History {
        let mut stages: Vec<Stage> = (0..clients).map(|_| Stage::Idle).collect();
        let mut processes: Vec<u64> = (0..clients as u64).collect();
        let mut left = count;
        loop {
            let client = self.random.index(clients);
            let stage = std::mem::replace(&mut stages[client], Stage::Idle);
            stages[client] = match stage {
                Stage::Idle if left == 0 => break,
                Stage::Idle => {
                    left -= 1;
                    let action = self.action();
                    self.push(processes[client], Step::Invoke(action.clone()));
                    Stage::Begun(action)
                }
                Stage::Begun(_) if self.random.chance(unknown_permille) => {
                    self.push(processes[client], Step::Info);
                    Stage::Idle
                }
                Stage::Begun(action) => Stage::Happened(self.perform(&action)),
                Stage::Happened(_) if self.random.chance(unknown_permille) => {
                    processes[client] += 1000;
                    Stage::Idle
                }
                Stage::Happened(answer) => {
                    self.push(processes[client], Step::Ok(answer));
                    Stage::Idle
                }
            };
        }
        self.history
    }

    fn action(&mut self) -> Action {
        match self.random.below(8) {
            0..=2 => Action::Get,
            3 | 4 => Action::Set(self.datum()),
            5 => Action::Delete,
            6 => Action::Cas {
                old: self.datum(),
                new: self.datum(),
            },
            _ => Action::Increment(1),
        }
    }

    fn datum(&mut self) -> Datum {
        Datum::Int(i64::try_from(self.random.below(3)).unwrap())
    }

    fn perform(&mut self, action: &Action) -> Answer {
        let (value, answer) = oracle::perform(&self.value, action);
        self.value = value;
        answer
    }

    fn push(&mut self, process: u64, step: Step) {
        self.clock += 1;
        self.history.push(Event {
            process,
            time_us: self.clock,
            key: Arc::from("k"),
            step,
        });
    }
}

/// Changes one answer.
fn tamper(history: &History, random: &mut Random) -> History {
    let mut events = history.events().to_vec();
    let is_answer =
        |event: &&mut Event| matches!(event.step, Step::Ok(Answer::Value(_) | Answer::Flag(_)));
    let mut answers: Vec<&mut Event> = events.iter_mut().filter(is_answer).collect();
    if !answers.is_empty() {
        let place = random.index(answers.len());
        answers[place].step = match &answers[place].step {
            Step::Ok(Answer::Flag(flag)) => Step::Ok(Answer::Flag(!flag)),
            _ => Step::Ok(Answer::Value(match random.below(4) {
                0 => Datum::Absent,
                number => Datum::Int(i64::try_from(number).unwrap() - 1),
            })),
        };
    }
    let mut tampered = History::default();
    events.into_iter().for_each(|event| tampered.push(event));
    tampered
}

fn is_linearizable(history: &History) -> bool {
    match check(&history.operations().unwrap()) {
        Ok(_) => true,
        Err(Failure::Violation(_)) => false,
        Err(Failure::Undecided(undecided)) => panic!("{undecided}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_a_register_answers_is_linearizable(seed: u64, clients in 1..5_usize, unknown in 0..300_u32) {
        let history = World::new(seed).run(clients, 40, unknown);
        prop_assert!(is_linearizable(&history));
    }

    #[test]
    fn the_verdict_is_that_of_all_orders(seed: u64, clients in 1..5_usize, unknown in 0..300_u32) {
        let history = World::new(seed).run(clients, 7, unknown);
        let operations = history.operations().unwrap();
        prop_assert!(has_an_order(&operations));
        let tampered = tamper(&history, &mut Random::new(seed));
        let operations = tampered.operations().unwrap();
        prop_assert_eq!(is_linearizable(&tampered), has_an_order(&operations));
    }
}

#[test]
fn tampering_makes_both_kinds_of_verdicts() {
    let verdicts = (0..500).map(|seed| {
        let history = World::new(seed).run(3, 7, 100);
        is_linearizable(&tamper(&history, &mut Random::new(seed)))
    });
    let fine = verdicts.filter(|verdict| *verdict).count();
    assert!((50..450).contains(&fine), "{fine} of 500");
}

fn history(lines: &[(u64, Step)]) -> History {
    let mut history = History::default();
    for (time_us, (process, step)) in (1..).zip(lines) {
        history.push(Event {
            process: *process,
            time_us,
            key: Arc::from("k"),
            step: step.clone(),
        });
    }
    history
}

fn set(number: i64) -> Step {
    Step::Invoke(Action::Set(Datum::Int(number)))
}

fn seen(number: i64) -> Step {
    Step::Ok(Answer::Value(Datum::Int(number)))
}

const DONE: Step = Step::Ok(Answer::Done);
const GET: Step = Step::Invoke(Action::Get);

#[test]
fn a_violation_is_the_first_answer_that_fits_no_order() {
    let stale = history(&[
        (1, set(1)),
        (1, DONE),
        (1, set(2)),
        (1, DONE),
        (2, GET),
        (2, seen(1)),
        (1, set(3)),
        (1, DONE),
    ]);
    let Err(Failure::Violation(violation)) = check(&stale.operations().unwrap()) else {
        panic!("a stale read is a violation");
    };
    assert_eq!(violation.events, 6);
    assert_eq!(violation.possible, [Datum::Int(2)]);
    assert_eq!(
        violation.to_string(),
        "key k is not linearizable: no order explains\n  \
         [        5 ..         6] process 2   get = 1\n  \
         (answered in event 6); before it the key could hold 2\n\
         operations on the key until then:\n  \
         [        1 ..         2] process 1   set 1 = done\n  \
         [        3 ..         4] process 1   set 2 = done\n  \
         [        5 ..         6] process 2   get = 1\n"
    );
}

#[test]
fn an_unknown_write_may_happen_late_or_never_but_once() {
    let with = |reads: &[i64]| {
        let mut lines = vec![(1, set(1)), (1, Step::Info), (2, set(2)), (2, DONE)];
        for number in reads {
            lines.extend([(2, GET), (2, seen(*number))]);
        }
        is_linearizable(&history(&lines))
    };
    assert!(with(&[2, 2]) && with(&[2, 1]) && with(&[1, 1]));
    assert!(!with(&[1, 2]) && !with(&[2, 1, 2]));
}

/// Many operations of which nobody knows, then reads of what they may have left.
fn is_linearizable_after(unknown: impl Fn(i64) -> Action, reads: &[i64]) -> bool {
    let mut lines = Vec::new();
    for number in 0..200 {
        let process = u64::try_from(number).unwrap();
        let begins = Step::Invoke(unknown(number));
        lines.extend([(process, begins), (process, Step::Info)]);
    }
    for number in reads {
        lines.extend([(1000, GET), (1000, seen(*number))]);
    }
    is_linearizable(&history(&lines))
}

#[test]
fn many_unknown_operations_are_no_trouble() {
    let sets = |reads: &[i64]| is_linearizable_after(|n| Action::Set(Datum::Int(n)), reads);
    assert!(sets(&[100, 101, 3, 3, 150]) && !sets(&[100, 101, 100]) && !sets(&[200]));
    let increments = |reads: &[i64]| is_linearizable_after(|_| Action::Increment(1), reads);
    assert!(increments(&[10, 11, 150, 200]) && !increments(&[11, 10]) && !increments(&[201]));
}

#[test]
fn too_many_open_operations_are_undecided_and_no_verdict() {
    let mut lines: Vec<_> = (0..300).map(|process| (process, set(1))).collect();
    lines.push((0, DONE));
    let operations = history(&lines).operations().unwrap();
    let Err(Failure::Undecided(undecided)) = check(&operations) else {
        panic!("300 are more than fit");
    };
    assert_eq!(
        undecided.to_string(),
        "cannot decide whether key k is linearizable: too many operations are open at once"
    );
}
