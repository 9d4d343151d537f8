//! Who runs the cluster: adds and removes nodes, moves leadership, restarts nodes one by one, and
//! replaces one that lost its disk.
//!
//! It looks at the cluster from time to time, and asks the leader for the next thing that is not
//! yet so. So it never waits for an answer, and any of its requests may be lost. What it has begun
//! it finishes: a node would else be neither in nor out.

use std::collections::VecDeque;

use kv_sim::Random;

use super::{
    events::{Due, Place},
    node::{Caller, Fate, SimNode},
    world::{World, address},
};
use crate::{Administration, Change, MemberStatus, NodeId, Role};

/// It looks so often.
const PERIOD_US: u64 = 40_000;

/// A cluster is never shrunk below so many voters.
const VOTERS_MIN: usize = 3;

/// Nodes that there ever are in a simulation.
const NODES_MAX: usize = 14;

/// Something that the plan of faults has the operator do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    Transfer,
    Snapshot,
    /// A node joins.
    Grow,
    /// A voter is removed, the leader for once; another one joins first if they are few.
    Shrink(bool),
    /// One joins and another goes in one step.
    Swap,
    Rolling,
    Wipe,
}

impl Disturbance {
    pub(super) fn draw(random: &mut Random) -> Disturbance {
        match random.below(14) {
            0..=3 => Disturbance::Transfer,
            4 | 5 => Disturbance::Snapshot,
            6 | 7 => Disturbance::Grow,
            8 => Disturbance::Shrink(true),
            9 => Disturbance::Shrink(false),
            10 => Disturbance::Swap,
            11 => Disturbance::Rolling,
            _ => Disturbance::Wipe,
        }
    }
}

/// What the operator is at.
#[derive(Clone, Debug)]
enum Task {
    /// The node is to be a voter.
    Add(Place),
    /// The node is to be in the cluster no more.
    Remove(Place),
    /// The first is to be a voter and the second nothing, at once.
    Swap(Place, Place),
    /// These are to be restarted, the last one first.
    Rolling(Vec<Place>),
}

#[derive(Debug, Default)]
pub(super) struct Operator {
    task: Option<Task>,
    queue: VecDeque<Disturbance>,
    repairs: VecDeque<Task>,
    has_wiped: bool,
}

impl Operator {
    pub(super) fn is_idle(&self) -> bool {
        self.task.is_none() && self.repairs.is_empty()
    }

    /// Nothing new from now on.
    pub(super) fn calm_down(&mut self) {
        self.queue.clear();
    }
}

impl World {
    pub(super) fn disturb(&mut self, disturbance: Disturbance) {
        self.operator.queue.push_back(disturbance);
    }

    pub(super) fn operate(&mut self) -> Result<(), String> {
        self.agenda.put(self.now_us + PERIOD_US, Due::Operate);
        let Some(leader) = self.leader() else {
            return Ok(());
        };
        let Some(status) = self.status(leader) else {
            return Ok(());
        };
        if let Some(task) = self.operator.task.take() {
            self.operator.task = self.go_on(task, leader, &status);
            return Ok(());
        }
        if let Some(repair) = self.operator.repairs.pop_front() {
            self.operator.task = Some(repair);
        } else if let Some(disturbance) = self.operator.queue.pop_front() {
            self.take_on(disturbance, leader, &status);
        }
        Ok(())
    }

    fn take_on(&mut self, disturbance: Disturbance, leader: Place, status: &MemberStatus) {
        self.trace
            .record_bytes(80, format!("{disturbance:?}").as_bytes());
        match disturbance {
            Disturbance::Transfer => {
                let to = self.any_voter(status).filter(|_| self.random.coin());
                self.coverage.hit("leader transfers");
                self.administer(leader, Administration::TransferLeader(to.map(id_of)));
            }
            Disturbance::Snapshot => {
                let living = self.living();
                let place = *self.random.pick(&living);
                self.administer(place, Administration::Snapshot);
            }
            Disturbance::Grow => self.operator.task = self.new_node(status).map(Task::Add),
            Disturbance::Shrink(is_leader) => {
                let victim = match is_leader {
                    true => Some(leader),
                    false => self.any_voter(status),
                };
                if voters(status).len() <= VOTERS_MIN {
                    self.operator.task = self.new_node(status).map(Task::Add);
                } else {
                    self.operator.task = victim.map(Task::Remove);
                }
            }
            Disturbance::Swap => {
                if let (Some(leaves), Some(joins)) = (self.any_voter(status), self.new_node(status))
                {
                    self.operator.task = Some(Task::Swap(joins, leaves));
                }
            }
            Disturbance::Rolling => self.operator.task = Some(Task::Rolling(self.living())),
            Disturbance::Wipe => self.wipe(status),
        }
    }

    /// One voter loses its disk; it is replaced by a node with another id. One only: a second could
    /// be the last to have what was acknowledged.
    fn wipe(&mut self, status: &MemberStatus) {
        let is_safe = !self.operator.has_wiped && voters(status).len() >= VOTERS_MIN;
        let Some(victim) = self.any_voter(status).filter(|_| is_safe) else {
            return;
        };
        let Some(replacement) = self.new_node(status) else {
            return;
        };
        self.operator.has_wiped = true;
        self.coverage.hit("wiped disks");
        self.power_off(victim);
        self.nodes[victim].wipe(&mut self.random);
        self.invariants.forgive(victim);
        self.plan_start(victim);
        self.operator.repairs.push_back(Task::Remove(victim));
        self.operator.repairs.push_back(Task::Add(replacement));
    }

    /// Asks for what is not yet so; `None` when nothing is left.
    fn go_on(&mut self, task: Task, leader: Place, status: &MemberStatus) -> Option<Task> {
        match &task {
            Task::Add(place) if is_voter(status, *place) => {
                self.coverage.hit("members that joined");
                return None;
            }
            Task::Add(place) => match is_member(status, *place) {
                true => self.change(leader, vec![Change::Promote(id_of(*place))]),
                false => self.change(leader, vec![Change::AddLearner(address(id_of(*place)))]),
            },
            Task::Remove(place) if !is_member(status, *place) => {
                self.retire(*place);
                return None;
            }
            Task::Remove(place) => self.change(leader, vec![Change::Remove(id_of(*place))]),
            Task::Swap(joins, leaves) => match is_member(status, *joins) {
                false => self.change(leader, vec![Change::AddLearner(address(id_of(*joins)))]),
                true if is_voter(status, *joins) => return Some(Task::Remove(*leaves)),
                true => {
                    let (joins, leaves) = (id_of(*joins), id_of(*leaves));
                    self.change(leader, vec![Change::Promote(joins), Change::Remove(leaves)]);
                }
            },
            Task::Rolling(left) => return self.roll(left.clone()),
        }
        Some(task)
    }

    /// Restarts the next node once the one before is up again.
    fn roll(&mut self, mut left: Vec<Place>) -> Option<Task> {
        let living = self.living();
        let is_waiting = living.iter().any(|place| !self.nodes[*place].is_up());
        if is_waiting {
            return Some(Task::Rolling(left));
        }
        let Some(next) = left.pop() else {
            self.coverage.hit("rolling restarts");
            return None;
        };
        if living.contains(&next) {
            self.power_off(next);
            let at_us = self.now_us + self.random.between(5_000, 80_000);
            self.agenda.put(at_us, Due::Start { node: next });
        }
        Some(Task::Rolling(left))
    }

    fn retire(&mut self, place: Place) {
        self.coverage.hit("members removed");
        self.power_off(place);
        self.nodes[place].fate = Fate::Retired;
    }

    /// A node that is to join, and may ask all that are members now.
    fn new_node(&mut self, status: &MemberStatus) -> Option<Place> {
        let place = self.nodes.len();
        if place >= NODES_MAX {
            return None;
        }
        let members = status.members.iter().map(|member| member.address.clone());
        let members = members.chain([address(id_of(place))]).collect();
        let node = SimNode::new(id_of(place), members, true, &mut self.random);
        self.nodes.push(node);
        self.agenda.put(self.now_us, Due::Start { node: place });
        Some(place)
    }

    fn change(&mut self, leader: Place, changes: Vec<Change>) {
        self.administer(leader, Administration::Change(changes));
    }

    fn administer(&mut self, place: Place, request: Administration) {
        self.tickets += 1;
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        let now_ms = node.now_ms(now_us);
        if node.is_paused(now_us) {
            return;
        }
        if let Some(member) = &mut node.member {
            node.callers.insert(self.tickets, Caller::Operator);
            member.administer(self.tickets, request, now_ms);
            self.have_work_done(place);
        }
    }

    /// Who leads, as far as anybody can tell.
    fn leader(&self) -> Option<Place> {
        let probes = self.living().into_iter().filter_map(|place| {
            let node = &self.nodes[place];
            let probe = node.member.as_ref()?.probe();
            let leads = probe.role == Role::Leader && !node.is_paused(self.now_us);
            leads.then_some((probe.term, place))
        });
        probes.max().map(|(_, place)| place)
    }

    fn status(&self, place: Place) -> Option<MemberStatus> {
        let node = &self.nodes[place];
        let member = node.member.as_ref()?;
        Some(member.status(node.now_ms(self.now_us)))
    }

    fn any_voter(&mut self, status: &MemberStatus) -> Option<Place> {
        let voters = voters(status);
        (!voters.is_empty()).then(|| *self.random.pick(&voters))
    }
}

fn id_of(place: Place) -> NodeId {
    NodeId(place as u64)
}

fn place_of(id: NodeId) -> Place {
    usize::try_from(id.0).expect("few nodes")
}

fn voters(status: &MemberStatus) -> Vec<Place> {
    let voters = status.members.iter().filter(|member| member.is_voter);
    voters.map(|member| place_of(member.address.id)).collect()
}

fn is_voter(status: &MemberStatus, place: Place) -> bool {
    voters(status).contains(&place)
}

fn is_member(status: &MemberStatus, place: Place) -> bool {
    let mut ids = status.members.iter().map(|member| member.address.id);
    ids.any(|id| id == id_of(place))
}
