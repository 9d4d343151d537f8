//! The simulation itself: its parts, and its course from a storm to the last read.

use kv_sim::{
    Action, Agenda, Answer, Coverage, Datum, Event, Fault, History, Network, PlanSettings, Planned,
    Random, Step, Trace, Weights, mix,
};

use super::{
    client::Client,
    events::{Due, Place},
    faults::Active,
    invariants::Invariants,
    node::SimNode,
    operator::{Disturbance, Operator},
    report::{EXPECTED, SimFailure, SimReport},
    settings::{PROGRESS_US_MAX, STORM_US_MAX, Shape, SimSettings},
    workload::{Wish, Workload},
};
use crate::{MemberAddress, NodeId};

/// More events than any seed has: the simulation does not come to an end.
const EVENTS_MAX: u64 = 20_000_000;

/// Where the simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Faults and clients do what they can.
    Storm,
    /// All is repaired; clients go on.
    Calm,
    /// Everything is read once more.
    Closing,
}

pub(super) struct World {
    pub(super) settings: SimSettings,
    pub(super) shape: Shape,
    pub(super) now_us: u64,
    pub(super) agenda: Agenda<Due>,
    pub(super) random: Random,
    pub(super) network: Network,
    pub(super) nodes: Vec<SimNode>,
    pub(super) clients: Vec<Client>,
    pub(super) workload: Workload,
    pub(super) history: History,
    pub(super) operations: usize,
    pub(super) plan: Vec<Planned<Disturbance>>,
    pub(super) active: Vec<Active>,
    pub(super) faults_left: usize,
    pub(super) operator: Operator,
    pub(super) stage: Stage,
    pub(super) closing: Vec<Wish>,
    pub(super) tickets: u64,
    pub(super) trace: Trace,
    pub(super) coverage: Coverage,
    pub(super) invariants: Invariants,
}

impl World {
    pub(super) fn new(settings: SimSettings) -> World {
        let mut random = Random::new(settings.seed);
        let shape = Shape::draw(&mut random, &settings);
        let plan = plan(&mut random, &settings, &shape);
        let ids = (0..u64::from(shape.nodes)).map(NodeId);
        let founders: Vec<MemberAddress> = ids.clone().map(address).collect();
        let nodes = ids
            .map(|id| SimNode::new(id, founders.clone(), false, &mut random))
            .collect();
        let clients = (0..shape.clients).map(|number| {
            let target = random.index(shape.nodes as usize);
            Client::new(u64::from(number), target)
        });
        World {
            clients: clients.collect(),
            workload: Workload::new(&shape),
            network: Network::new(random.draw()),
            nodes,
            settings,
            now_us: 0,
            agenda: Agenda::default(),
            history: History::default(),
            operations: 0,
            active: plan.iter().map(|_| Active::default()).collect(),
            faults_left: plan.len(),
            plan,
            operator: Operator::default(),
            stage: Stage::Storm,
            closing: Vec::new(),
            tickets: 0,
            trace: Trace::default(),
            coverage: Coverage::expecting(EXPECTED),
            invariants: Invariants::default(),
            shape,
            random,
        }
    }

    pub(super) fn run(mut self) -> Result<SimReport, SimFailure> {
        match self.course() {
            Ok(report) => Ok(report),
            Err(problem) => Err(SimFailure {
                seed: self.settings.seed,
                at_us: self.now_us,
                problem,
            }),
        }
    }

    fn course(&mut self) -> Result<SimReport, String> {
        self.begin();
        let never = u64::MAX;
        self.run_until(never, "the storm", |world| {
            let is_long = world.now_us > world.shape.faults_until_us + STORM_US_MAX;
            world.faults_left == 0 && (is_long || world.operations >= world.settings.operations_min)
        })?;
        self.repair();
        let repaired_us = self.now_us;
        let deadline_us = repaired_us + PROGRESS_US_MAX;
        self.run_until(deadline_us, "all clients are answered again", |world| {
            world.clients.iter().all(|client| client.is_done)
        })?;
        let recovery_us = self.now_us - repaired_us;
        let deadline_us = self.now_us + PROGRESS_US_MAX;
        self.run_until(deadline_us, "the operator is done", |world| {
            world.operator.is_idle()
        })?;
        self.close();
        let deadline_us = self.now_us + PROGRESS_US_MAX;
        self.run_until(deadline_us, "everything is read once more", |world| {
            world.closing.is_empty() && world.clients.iter().all(|client| client.open.is_none())
        })?;
        let deadline_us = self.now_us + PROGRESS_US_MAX;
        self.run_until(deadline_us, "all nodes have caught up", World::is_even)?;
        let checked = self.check_ending()?;
        Ok(self.report(checked, recovery_us))
    }

    /// Lets happen what is due until a condition holds.
    fn run_until(
        &mut self,
        deadline_us: u64,
        what: &str,
        holds: impl Fn(&World) -> bool,
    ) -> Result<(), String> {
        while !holds(self) {
            let Some((at_us, due)) = self.agenda.take() else {
                return Err(format!("nothing is left to happen before {what}"));
            };
            if at_us > deadline_us || self.trace.events() > EVENTS_MAX {
                return Err(format!("it takes too long until {what}{}", self.describe()));
            }
            self.now_us = at_us;
            self.happen(due)?;
        }
        Ok(())
    }

    fn happen(&mut self, due: Due) -> Result<(), String> {
        match due {
            Due::Start { node } => self.start(node),
            Due::Response {
                client,
                attempt,
                node,
                completed,
            } => self.responded(client, attempt, node, &completed),
            Due::Next { client } => self.begin_operation(client),
            Due::Again { client, attempt } => self.send_again(client, attempt),
            Due::Timeout { client, attempt } => self.timed_out(client, attempt),
            Due::FaultBegins(place) => self.begin_fault(place),
            Due::FaultEnds(place) => self.end_fault(place),
            Due::Operate => self.operate(),
            due => self.happen_to_node(due),
        }
    }

    fn begin(&mut self) {
        for node in 0..self.nodes.len() {
            let at_us = self.random.below(5_000);
            self.agenda.put(at_us, Due::Start { node });
        }
        for client in 0..self.clients.len() {
            let at_us = self.random.between(10_000, 400_000);
            self.agenda.put(at_us, Due::Next { client });
        }
        for (place, planned) in self.plan.iter().enumerate() {
            self.agenda.put(planned.at_us, Due::FaultBegins(place));
        }
        self.agenda.put(100_000, Due::Operate);
    }

    pub(super) fn record(&mut self, process: Place, key: &std::sync::Arc<str>, step: Step) {
        tracing::info!(us = self.now_us, process, %key, ?step, "client");
        let (kind, value) = fingerprint(&step);
        self.trace
            .record(kind, &[self.now_us, process as u64, value]);
        self.trace.record_bytes(kind, key.as_bytes());
        if step == Step::Info {
            self.coverage.hit("unknown outcomes");
        }
        self.history.push(Event {
            process: process as u64,
            time_us: self.now_us,
            key: std::sync::Arc::clone(key),
            step,
        });
    }
}

/// A step in two numbers, for the trace.
fn fingerprint(step: &Step) -> (u8, u64) {
    match step {
        Step::Invoke(Action::Set(value) | Action::SetAll(value)) => (30, number_of(value)),
        Step::Invoke(Action::Cas { old, new }) => (31, mix(number_of(old)) ^ number_of(new)),
        Step::Invoke(_) => (32, 0),
        Step::Ok(Answer::Done) => (33, 0),
        Step::Ok(Answer::Value(value)) => (34, number_of(value)),
        Step::Ok(Answer::Flag(flag)) => (35, u64::from(*flag)),
        Step::Ok(Answer::Values(values)) => {
            let hash = |hash, value| mix(hash ^ number_of(value));
            (36, values.iter().fold(0, hash))
        }
        Step::Fail => (37, 0),
        Step::Info => (38, 0),
    }
}

fn number_of(value: &Datum) -> u64 {
    match value {
        Datum::Absent => 0,
        Datum::Int(number) => number.unsigned_abs() + 1,
        Datum::Text(text) => text
            .bytes()
            .fold(1, |hash, byte| mix(hash ^ u64::from(byte))),
    }
}

fn plan(random: &mut Random, settings: &SimSettings, shape: &Shape) -> Vec<Planned<Disturbance>> {
    let plan = PlanSettings {
        nodes: (0..shape.nodes).collect(),
        count: settings.faults,
        from_us: 300_000,
        until_us: shape.faults_until_us.max(400_000),
        lasts_us_min: 50_000,
        lasts_us_max: shape.fault_us_max,
        weights: Weights::default(),
    };
    plan.draw(random, Disturbance::draw)
}

/// Where a node is: its number says it all.
pub(super) fn address(id: NodeId) -> MemberAddress {
    MemberAddress {
        id,
        client: format!("c{id}"),
        peer: format!("p{id}"),
    }
}

/// Faults that lose power or a disk make a node forget what it had not synced.
pub(super) fn is_lasting<X>(fault: &Fault<X>) -> bool {
    !matches!(fault, Fault::WallJump(..) | Fault::Other(_))
}
