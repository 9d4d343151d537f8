//! One simulated node: a member, its disk, its clocks, and what waits while it stands still.

use std::{collections::HashMap, path::Path, sync::Arc};

use kv_node::db::{IndexOptions, Rule, Rules};
use kv_node::store::{InlineJournal, Journal, ManualClock};
use kv_sim::{NodeClock, Random, mix};
use kv_wal::{Log, SimStorage, Storage};

use super::{
    events::Due,
    settings::{ELECTION_TICKS, HEARTBEAT_TICKS, Shape, SimSettings, TICK_MS},
};
use crate::{Member, MemberAddress, MemberSettings, NodeId, OpenError};

/// The wall clocks begin here.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// Who waits for a batch's replies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller {
    Client { client: usize, attempt: u64 },
    Operator,
}

/// What a node is in the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It runs, or will again.
    Lives,
    /// It was removed from the cluster, and switched off.
    Retired,
}

pub(super) struct SimNode {
    pub(super) id: NodeId,
    pub(super) fate: Fate,
    /// Whom it is told of: all founders, or those whom a node that joins may ask.
    pub(super) members: Vec<MemberAddress>,
    pub(super) joining: bool,
    /// Another one at every start.
    incarnation: u64,
    pub(super) disk: SimStorage,
    pub(super) clock: NodeClock,
    pub(super) wall: Arc<ManualClock>,
    pub(super) member: Option<Member>,
    /// Counts its starts: what was on its way to an earlier one is lost.
    pub(super) epoch: u32,
    pub(super) paused_until_us: Option<u64>,
    /// What arrived while it stands still.
    pub(super) waiting: Vec<Due>,
    pub(super) sync_us: Option<u64>,
    pub(super) is_syncing: bool,
    pub(super) wants_flush: bool,
    pub(super) has_work_due: bool,
    pub(super) callers: HashMap<u64, Caller>,
    pub(super) restart_due: bool,
    /// There is no space on the disk.
    pub(super) is_full: bool,
    /// Calls of the disk may fail.
    pub(super) has_armed_faults: bool,
}

impl SimNode {
    pub(super) fn new(
        id: NodeId,
        members: Vec<MemberAddress>,
        joining: bool,
        random: &mut Random,
    ) -> SimNode {
        SimNode {
            id,
            members,
            fate: Fate::Lives,
            joining,
            incarnation: random.draw(),
            disk: SimStorage::new(random.draw()),
            clock: NodeClock::new(EPOCH_MS),
            wall: Arc::new(ManualClock::new(EPOCH_MS)),
            member: None,
            epoch: 0,
            paused_until_us: None,
            waiting: Vec::new(),
            sync_us: None,
            is_syncing: false,
            wants_flush: false,
            has_work_due: false,
            callers: HashMap::new(),
            restart_due: false,
            is_full: false,
            has_armed_faults: false,
        }
    }

    /// What its monotonic clock shows, once its wall clock was set.
    pub(super) fn now_ms(&self, now_us: u64) -> u64 {
        self.wall.set(self.clock.wall_ms(now_us));
        self.clock.monotonic_ms(now_us)
    }

    pub(super) fn is_up(&self) -> bool {
        self.member.is_some()
    }

    pub(super) fn is_paused(&self, now_us: u64) -> bool {
        self.paused_until_us
            .is_some_and(|until_us| now_us < until_us)
    }

    /// Starts it on its disk.
    pub(super) fn open(
        &mut self,
        now_us: u64,
        settings: &SimSettings,
        shape: &Shape,
    ) -> Result<(), OpenError> {
        self.incarnation = mix(self.incarnation);
        let now_ms = self.now_ms(now_us);
        let options = wal_options(self.disk.operations() ^ self.incarnation, shape);
        let storage: Arc<dyn Storage> = Arc::new(self.disk.clone());
        let member = Member::open(
            self.settings(settings, shape),
            storage,
            |storage, after, visit| {
                let log = Log::open(storage, Path::new("wal"), options, after, visit)?;
                Ok(Arc::new(InlineJournal::new(log)) as Arc<dyn Journal>)
            },
            Arc::clone(&self.wall) as _,
            now_ms,
        )?;
        self.member = Some(member);
        self.is_syncing = false;
        self.wants_flush = false;
        self.has_work_due = false;
        Ok(())
    }

    fn settings(&self, settings: &SimSettings, shape: &Shape) -> MemberSettings {
        MemberSettings {
            cluster_id: 1,
            joining: self.joining,
            incarnation: self.incarnation,
            tick_ms: TICK_MS,
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            lease: shape.lease,
            request_timeout_ms: 1_000,
            append_bytes_max: shape.append_bytes_max,
            log_memory_bytes_max: shape.log_memory_bytes_max,
            snapshot_wal_bytes: shape.snapshot_wal_bytes,
            indexes: no_indexes(),
            seed: settings.seed,
            hash_seed: Some(settings.seed),
            #[cfg(feature = "planted-bugs")]
            planted: settings.planted,
            ..MemberSettings::new(self.id, self.members.clone())
        }
    }

    /// The power goes: what was not synced survives or not.
    pub(super) fn cut_power(&mut self) {
        self.member = None;
        self.disk.cut();
        self.disk = self.disk.reboot();
        self.has_armed_faults = false;
        self.stop();
    }

    /// It loses its disk and comes back with an empty one.
    pub(super) fn wipe(&mut self, random: &mut Random) {
        self.member = None;
        self.disk = SimStorage::new(random.draw());
        self.incarnation = random.draw();
        self.stop();
    }

    fn stop(&mut self) {
        self.epoch += 1;
        self.paused_until_us = None;
        self.waiting.clear();
        self.callers.clear();
        self.restart_due = false;
    }
}

/// What is found by searches is tested elsewhere.
fn no_indexes() -> IndexOptions {
    IndexOptions {
        rules: Rules::new([Rule::none()]),
        shard_count: 1,
        ..IndexOptions::default()
    }
}

fn wal_options(salt: u64, shape: &Shape) -> kv_wal::Options {
    kv_wal::Options {
        segment_bytes: shape.segment_bytes,
        segment_bytes_first: shape.segment_bytes,
        salt_seed: Some(salt),
        ..kv_wal::Options::default()
    }
}
