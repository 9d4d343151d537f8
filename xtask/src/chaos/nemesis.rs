//! Who breaks the cluster: one fault at a time, and time to recover from it.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::READY_MAX;
use super::clocks::Clocks;
use super::disk::SmallDisk;
use super::recorder::Recorder;
use super::sync_failure::SyncFailure;
use crate::members::{Members, around};
use crate::random::Random;

/// Between faults, and how long they last, milliseconds.
const CALM_MS: (usize, usize) = (500, 2000);
const FAULT_MS: (usize, usize) = (500, 4000);

/// How far clocks are set off.
const CLOCK_JUMPS_S: [i64; 4] = [-86_400, -5, 5, 86_400];

/// What can be done to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
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
    /// Its clock, that is.
    SetClock,
    /// One sync of the leader's log.
    FailSync,
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

/// What this machine lets us do besides killing, pausing and cutting.
pub(super) struct Means {
    pub(super) disk: Option<SmallDisk>,
    pub(super) clocks: Option<Clocks>,
}

/// See the module.
pub(super) struct Nemesis<'a> {
    random: Random,
    recorder: Arc<Recorder>,
    means: &'a Means,
    /// Only these; all that are possible if there are none.
    only: &'a [Fault],
    /// While a sync is to fail, and of which node.
    sync_failure: Option<(u64, SyncFailure)>,
    done: Vec<Done>,
}

impl<'a> Nemesis<'a> {
    pub(super) fn new(
        random: Random,
        recorder: Arc<Recorder>,
        means: &'a Means,
        only: &'a [Fault],
    ) -> Nemesis<'a> {
        Nemesis {
            random,
            recorder,
            means,
            only,
            sync_failure: None,
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
            let fault = self.choose()?;
            let done = self.torment(members, fault);
            done.with_context(|| format!("fault {}: {fault}", self.done.len() + 1))?;
        }
        Ok(())
    }

    /// One of those that are possible and wanted.
    ///
    /// # Errors
    ///
    /// When there is none.
    fn choose(&mut self) -> Result<Fault> {
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
        faults.extend(self.means.disk.as_ref().map(|_| Fault::FillDisk));
        faults.extend(self.means.clocks.as_ref().map(|_| Fault::SetClock));
        faults.extend(SyncFailure::is_possible().then_some(Fault::FailSync));
        if !self.only.is_empty() {
            faults.retain(|fault| self.only.contains(fault));
        }
        ensure!(!faults.is_empty(), "no fault of --only is possible here");
        Ok(*self.random.pick(&faults))
    }

    fn torment(&mut self, members: &mut Members, fault: Fault) -> Result<()> {
        let at_us = self.recorder.elapsed_us();
        eprintln!("chaos: {:>6.1} s  {fault}", at_us as f64 / 1e6);
        self.begin(members, fault)?;
        self.wait(FAULT_MS);
        self.end(members)?;
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

    /// Undoes what [`Members::heal`] does not know of.
    fn end(&mut self, members: &mut Members) -> Result<()> {
        // A node whose log failed may go on, refusing writes, or end; either way it is done for.
        if let Some((id, failure)) = self.sync_failure.take() {
            drop(failure);
            let member = members.member(id)?;
            if member.take_ended()?.is_none() {
                member.kill()?;
            }
        }
        for id in members.ids() {
            // Whoever is down was taken down; nobody else may be.
            let ended = members.member(id)?.take_ended()?;
            ensure!(ended.is_none(), "{}", ended.unwrap_or_default());
            if let Some(clocks) = &self.means.clocks {
                clocks.set(id, 0)?;
            }
        }
        self.means.disk.as_ref().map_or(Ok(()), SmallDisk::free)
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
            Fault::FillDisk => self.means.disk.as_ref().map_or(Ok(()), SmallDisk::fill),
            Fault::SetClock => {
                let seconds = *self.random.pick(&CLOCK_JUMPS_S);
                let clocks = self.means.clocks.as_ref();
                clocks.map_or(Ok(()), |clocks| clocks.set(any, seconds))
            }
            Fault::FailSync => {
                let pid = members.member(leader)?.pid().context("the leader runs")?;
                self.sync_failure = Some((leader, SyncFailure::start(pid)?));
                Ok(())
            }
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
            Fault::SetClock => "clock set",
            Fault::FailSync => "failed sync of the leader",
        })
    }
}
