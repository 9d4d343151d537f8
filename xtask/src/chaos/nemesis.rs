//! Who breaks the cluster: one fault at a time, and time to recover from it.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::READY_MAX;
use super::disk::SmallDisk;
use super::recorder::Recorder;
use crate::members::{Members, around};
use crate::random::Random;

/// Between faults, and how long they last, milliseconds.
const CALM_MS: (usize, usize) = (500, 2000);
const FAULT_MS: (usize, usize) = (500, 4000);

/// What can be done to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    KillLeader,
    KillAny,
    KillAll,
    PauseLeader,
    PauseAny,
    IsolateLeader,
    IsolateAny,
    /// The leader is heard by nobody, but hears everybody.
    MuteLeader,
    /// One link, both ways: the two still share a neighbour.
    CutOneLink,
    FillDisk,
}

/// A fault that was done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) fault: Fault,
    /// When, in the time of the history.
    pub(super) at_us: u64,
    /// From its end until every node was ready again.
    pub(super) back_after: Duration,
}

/// See the module.
pub(super) struct Nemesis<'a> {
    random: Random,
    recorder: Arc<Recorder>,
    disk: Option<&'a SmallDisk>,
    done: Vec<Done>,
}

impl<'a> Nemesis<'a> {
    pub(super) fn new(
        random: Random,
        recorder: Arc<Recorder>,
        disk: Option<&'a SmallDisk>,
    ) -> Nemesis<'a> {
        Nemesis {
            random,
            recorder,
            disk,
            done: Vec::new(),
        }
    }

    /// What was done.
    pub(super) fn faults(&self) -> &[Done] {
        &self.done
    }

    /// Breaks and heals for `time`; all is well when it returns.
    ///
    /// # Errors
    ///
    /// When a node ends by itself or does not come back.
    pub(super) fn run(&mut self, members: &mut Members, time: Duration) -> Result<()> {
        while self.recorder.elapsed() < time {
            self.wait(CALM_MS);
            let fault = self.choose();
            let done = self.torment(members, fault);
            done.with_context(|| format!("fault {}: {fault}", self.done.len() + 1))?;
        }
        Ok(())
    }

    fn choose(&mut self) -> Fault {
        let mut faults = vec![
            Fault::KillLeader,
            Fault::KillLeader,
            Fault::KillAny,
            Fault::KillAll,
            Fault::PauseLeader,
            Fault::PauseAny,
            Fault::IsolateLeader,
            Fault::IsolateAny,
            Fault::MuteLeader,
            Fault::CutOneLink,
        ];
        if self.disk.is_some() {
            faults.push(Fault::FillDisk);
        }
        *self.random.pick(&faults)
    }

    fn torment(&mut self, members: &mut Members, fault: Fault) -> Result<()> {
        let at_us = self.recorder.elapsed_us();
        eprintln!("chaos: {:>6.1} s  {fault}", at_us as f64 / 1e6);
        self.begin(members, fault)?;
        self.wait(FAULT_MS);
        // Whoever is down, a fault must not have ended anybody else.
        for id in members.ids() {
            let ended = members.member(id)?.take_ended()?;
            anyhow::ensure!(ended.is_none(), "{}", ended.unwrap_or_default());
        }
        if let Some(disk) = self.disk {
            disk.free()?;
        }
        let healed_at = crate::clock::now();
        members.heal()?;
        members.wait_ready(READY_MAX)?;
        self.done.push(Done {
            fault,
            at_us,
            back_after: healed_at.elapsed(),
        });
        Ok(())
    }

    fn begin(&mut self, members: &mut Members, fault: Fault) -> Result<()> {
        let ids = members.ids();
        let any = *self.random.pick(&ids);
        let leader = members.leader().unwrap_or(any);
        match fault {
            Fault::KillLeader => members.member(leader)?.kill(),
            Fault::KillAny => members.member(any)?.kill(),
            Fault::KillAll => ids.iter().try_for_each(|id| members.member(*id)?.kill()),
            Fault::PauseLeader => members.member(leader)?.pause(),
            Fault::PauseAny => members.member(any)?.pause(),
            Fault::IsolateLeader => cut(members, around(&[leader], &ids)),
            Fault::IsolateAny => cut(members, around(&[any], &ids)),
            Fault::MuteLeader => {
                let links = around(&[leader], &ids);
                cut(
                    members,
                    links.into_iter().filter(|(from, _)| *from == leader),
                )
            }
            Fault::CutOneLink => {
                let other = ids[(index_of(&ids, any) + 1) % ids.len()];
                cut(members, [(any, other), (other, any)])
            }
            Fault::FillDisk => self.disk.map_or(Ok(()), SmallDisk::fill),
        }
    }

    fn wait(&mut self, (min, max): (usize, usize)) {
        let ms = min + self.random.below(max - min);
        thread::sleep(Duration::from_millis(ms as u64));
    }
}

fn cut(members: &Members, links: impl IntoIterator<Item = (u64, u64)>) -> Result<()> {
    members.cut().set(links);
    Ok(())
}

fn index_of(ids: &[u64], id: u64) -> usize {
    ids.iter().position(|other| *other == id).unwrap_or(0)
}

impl Fault {
    /// Whether writes stop until there is another leader.
    pub(super) fn ends_a_leader(self) -> bool {
        self == Fault::KillLeader
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::KillLeader => "kill -9 of the leader",
            Fault::KillAny => "kill -9 of a node",
            Fault::KillAll => "kill -9 of all nodes",
            Fault::PauseLeader => "pause of the leader",
            Fault::PauseAny => "pause of a node",
            Fault::IsolateLeader => "leader cut off",
            Fault::IsolateAny => "node cut off",
            Fault::MuteLeader => "leader not heard",
            Fault::CutOneLink => "one link cut",
            Fault::FillDisk => "full disk",
        })
    }
}
