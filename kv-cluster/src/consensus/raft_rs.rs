//! The consensus by raft-rs.

use std::collections::HashSet;

use raft::eraftpb::{
    ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState, HardState,
    Message, MessageType,
};
use raft::storage::MemStorage;
use raft::{Config, ProgressState, RawNode, Ready, SnapshotStatus, StateRole};

use super::{Consensus, Dropped, PeerProgress, Step};
use crate::log::{Mark, RaftLog};
use crate::membership::{Kind, Reconfiguration};
use crate::{MemberSettings, NodeId, OpenError, Role};

/// Appends to one node that are on their way.
const APPENDS_IN_FLIGHT_MAX: usize = 256;

/// Entries applied in one step.
const STEP_COMMITTED_BYTES_MAX: u64 = 4 << 20;

/// raft-rs around our log.
pub(crate) struct RaftRs {
    node: RawNode<RaftLog>,
    pending: Option<Ready>,
    seed: u64,
    election_ticks: usize,
}

impl RaftRs {
    /// `applied` is the last entry that the state machine has.
    pub(crate) fn new(
        settings: &MemberSettings,
        log: RaftLog,
        applied: u64,
    ) -> Result<RaftRs, OpenError> {
        let config = Config {
            id: settings.id.raft(),
            election_tick: settings.election_ticks,
            heartbeat_tick: settings.heartbeat_ticks,
            applied,
            max_size_per_msg: settings.append_bytes_max,
            max_inflight_msgs: APPENDS_IN_FLIGHT_MAX,
            check_quorum: true,
            pre_vote: true,
            // raft-rs appends entries to an empty message of another place in the log: wrong entries
            // would be taken for the ones that are meant.
            batch_append: false,
            max_uncommitted_size: settings.queue_bytes_max.max(settings.append_bytes_max),
            max_committed_size_per_ready: STEP_COMMITTED_BYTES_MAX,
            ..Config::default()
        };
        let silent = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&config, log, &silent).map_err(|error| OpenError::Corrupt {
            path: "wal",
            problem: error.to_string(),
        })?;
        let mut raft = RaftRs {
            node,
            pending: None,
            seed: settings.seed,
            election_ticks: settings.election_ticks,
        };
        raft.settle();
        Ok(raft)
    }

    /// raft-rs has drawn an election timeout at random by now and then; ours follows from the seed.
    fn settle(&mut self) {
        let raft = &mut self.node.raft;
        let chance = mix(self.seed ^ mix(raft.id ^ mix(raft.term)));
        let span = self.election_ticks as u64;
        let more = usize::try_from(chance % span).expect("below a usize");
        raft.set_randomized_election_timeout(self.election_ticks + more);
    }

    /// The first entry that is in no step yet: from there on the log says what was, not what is.
    #[cfg(feature = "sim")]
    pub(crate) fn first_unlogged(&self) -> u64 {
        self.node.raft.raft_log.unstable.offset
    }

    /// Whether raft-rs would take the message for a sign that the disk lost what it had
    /// acknowledged, and end the process.
    fn is_impossible(&self, message: &Message) -> bool {
        let log = &self.node.raft.raft_log;
        match message.get_msg_type() {
            MessageType::MsgHeartbeat => message.commit > log.last_index(),
            MessageType::MsgAppend => message.entries.iter().any(|entry| {
                entry.index <= log.committed
                    && log
                        .term(entry.index)
                        .is_ok_and(|term| term != 0 && term != entry.term)
            }),
            _ => false,
        }
    }
}

/// The finaliser of splitmix64.
pub(crate) fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

impl Consensus for RaftRs {
    fn tick(&mut self) {
        self.node.tick();
        self.settle();
    }

    fn step(&mut self, message: Message) {
        if self.is_impossible(&message) {
            tracing::error!(
                from = message.from,
                kind = ?message.get_msg_type(),
                term = message.term,
                "a message contradicts what is committed here: ignored"
            );
            return;
        }
        if let Err(error) = self.node.step(message) {
            tracing::debug!(%error, "a message was ignored");
        }
        self.settle();
    }

    fn campaign(&mut self) {
        if let Err(error) = self.node.campaign() {
            tracing::debug!(%error, "no election");
        }
        self.settle();
    }

    fn propose(&mut self, data: Vec<u8>) -> Result<(), Dropped> {
        self.node.propose(Vec::new(), data).map_err(|_| Dropped)
    }

    /// raft-rs turns a change that cannot be made now into an empty entry; so the caller checks
    /// before. What the change is, others read from the context, which has our own bytes.
    fn propose_change(&mut self, change: &Reconfiguration) -> Result<(), Dropped> {
        let context = change.encode();
        self.node
            .propose_conf_change(context, conf_change(change))
            .map_err(|_| Dropped)
    }

    fn apply_change(&mut self, change: &Reconfiguration) -> Result<ConfState, Dropped> {
        let applied = self.node.apply_conf_change(&conf_change(change));
        applied.map_err(|error| {
            tracing::warn!(%error, "a change of members was refused");
            Dropped
        })
    }

    fn commit_by_count(&mut self) {
        let raft = &mut self.node.raft;
        let mut index = raft.raft_log.last_index();
        while raft.raft_log.term(index) == Ok(raft.term) {
            index -= 1;
        }
        if raft.state == StateRole::Leader && index > raft.raft_log.committed {
            raft.raft_log.commit_to(index);
            raft.bcast_append();
        }
    }

    fn read_index(&mut self, context: Vec<u8>) {
        self.node.read_index(context);
    }

    fn transfer(&mut self, to: NodeId) {
        self.node.transfer_leader(to.raft());
    }

    fn step_down(&mut self) {
        let term = self.node.raft.term;
        self.node.raft.become_follower(term, 0);
        self.settle();
    }

    fn unreachable(&mut self, peer: NodeId) {
        self.node.report_unreachable(peer.raft());
    }

    fn snapshot_ended(&mut self, peer: NodeId, has_arrived: bool) {
        let status = match has_arrived {
            true => SnapshotStatus::Finish,
            false => SnapshotStatus::Failure,
        };
        self.node.report_snapshot(peer.raft(), status);
    }

    fn has_step(&self) -> bool {
        self.node.has_ready()
    }

    fn take_step(&mut self) -> Step {
        assert!(self.pending.is_none(), "one step at a time");
        let before = self.node.store().hard_state().clone();
        let mut ready = self.node.ready();
        let hard_state = self.node.raft.hard_state();
        let snapshot = ready.snapshot().get_metadata();
        let install = (snapshot.index != 0).then_some(Mark {
            index: snapshot.index,
            term: snapshot.term,
        });
        let step = Step {
            number: ready.number(),
            is_vote: (hard_state.term, hard_state.vote) != (before.term, before.vote),
            hard_state,
            entries: ready.take_entries(),
            install,
            messages: ready.take_messages(),
            messages_after_sync: ready.take_persisted_messages(),
            reads: ready
                .take_read_states()
                .into_iter()
                .map(|state| (state.request_ctx, state.index))
                .collect(),
            committed: ready.take_committed_entries(),
        };
        self.pending = Some(ready);
        step
    }

    fn accept_step(&mut self) {
        let ready = self.pending.take().expect("a step was taken");
        self.node.advance_append_async(ready);
    }

    fn persisted(&mut self, number: u64) {
        self.node.on_persist_ready(number);
    }

    fn applied(&mut self, index: u64) {
        self.node.advance_apply_to(index);
    }

    fn log(&self) -> &RaftLog {
        self.node.store()
    }

    fn log_mut(&mut self) -> &mut RaftLog {
        self.node.mut_store()
    }

    fn role(&self) -> Role {
        let raft = &self.node.raft;
        let conf = raft.prs().conf();
        match raft.state {
            StateRole::Leader => Role::Leader,
            StateRole::Candidate | StateRole::PreCandidate => Role::Candidate,
            StateRole::Follower if raft.promotable() => Role::Follower,
            StateRole::Follower if conf.learners().contains(&raft.id) => Role::Learner,
            StateRole::Follower => Role::Outsider,
        }
    }

    fn term(&self) -> u64 {
        self.node.raft.term
    }

    fn leader(&self) -> Option<NodeId> {
        NodeId::from_raft(self.node.raft.leader_id)
    }

    fn hard_state(&self) -> HardState {
        self.node.raft.hard_state()
    }

    fn committed(&self) -> u64 {
        self.node.raft.raft_log.committed
    }

    fn last_index(&self) -> u64 {
        self.node.raft.raft_log.last_index()
    }

    fn persisted_index(&self) -> u64 {
        self.node.raft.raft_log.persisted
    }

    fn unlogged_bytes(&self) -> usize {
        let unlogged = self.node.raft.raft_log.unstable_entries();
        unlogged
            .iter()
            .map(|entry| entry.data.len() + entry.context.len())
            .sum()
    }

    fn is_term_committed(&self) -> bool {
        self.node.raft.commit_to_current_term()
    }

    fn transferee(&self) -> Option<NodeId> {
        self.node.raft.lead_transferee.and_then(NodeId::from_raft)
    }

    fn has_pending_change(&self) -> bool {
        self.node.raft.has_pending_conf()
    }

    fn is_quorum(&self, nodes: &[NodeId]) -> bool {
        let mut ids: HashSet<u64, _> = nodes.iter().map(|node| node.raft()).collect();
        ids.insert(self.node.raft.id);
        self.node.raft.prs().has_quorum(&ids)
    }

    fn progress(&self, peer: NodeId) -> Option<PeerProgress> {
        let progress = self.node.raft.prs().get(peer.raft())?;
        Some(PeerProgress {
            matched: progress.matched,
            is_active: progress.recent_active,
            is_receiving_snapshot: progress.state == ProgressState::Snapshot,
        })
    }
}

fn conf_change(change: &Reconfiguration) -> ConfChangeV2 {
    let singles = change.changes().map(|(kind, id)| {
        let mut single = ConfChangeSingle::default();
        single.set_change_type(match kind {
            Kind::AddVoter => ConfChangeType::AddNode,
            Kind::AddLearner => ConfChangeType::AddLearnerNode,
            Kind::Remove => ConfChangeType::RemoveNode,
        });
        single.node_id = id.raft();
        single
    });
    let mut conf_change = ConfChangeV2::default();
    conf_change.set_transition(ConfChangeTransition::Auto);
    conf_change.set_changes(singles.collect::<Vec<_>>().into());
    conf_change
}

/// Who takes part after a change, if it can be made; as a node computes that is being opened.
pub(crate) fn next_conf(conf: &ConfState, change: &Reconfiguration) -> Option<ConfState> {
    let config = Config {
        election_tick: 10,
        heartbeat_tick: 1,
        ..Config::new(u64::MAX)
    };
    let silent = slog::Logger::root(slog::Discard, slog::o!());
    let storage = MemStorage::new_with_conf_state(conf.clone());
    let mut node = RawNode::new(&config, storage, &silent).ok()?;
    node.apply_conf_change(&conf_change(change)).ok()
}
