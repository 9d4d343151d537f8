//! The state machine: what every node computes from the agreed log, and so has equal.
//!
//! 1. What an entry does depends on the entries before it and on nothing else.
//! 2. A write's ordinal is its place among all writes; it is the version of what it stores.
//! 3. Who wrote what is known without a word in the entry itself: ordinals from some number on were
//!    written under one primary, see [`Provenance`].
//! 4. A write that was sent twice is applied once, for as long as its client is remembered: see
//!    [`Sessions`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kv_node::db::Writer;
use kv_node::{Db, Stamp};
use kv_proto::{Command, ErrorCode, ErrorReply, Reply};
use raft::eraftpb::ConfState;

use crate::entry::Writes;
use crate::log::Mark;
use crate::membership::Reconfiguration;
use crate::{Change, MemberAddress, NodeId, Once};

pub(crate) mod annex;
mod provenance;
mod sessions;

pub(crate) use provenance::Provenance;
pub(crate) use sessions::{Known, Sessions};

/// Ids of removed nodes that are remembered, so that none is given away again.
const REMOVED_MAX: usize = 4096;

/// All that the agreed log amounts to.
#[derive(Debug)]
pub(crate) struct Machine {
    db: Arc<Db>,
    state: State,
}

/// What the data itself does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// The last entry applied.
    pub(crate) applied: Mark,
    pub(crate) conf: ConfState,
    pub(crate) members: BTreeMap<NodeId, MemberAddress>,
    pub(crate) removed: BTreeSet<NodeId>,
    pub(crate) clock: BTreeMap<NodeId, u64>,
    pub(crate) provenance: Provenance,
    pub(crate) sessions: Sessions,
}

/// Applies one entry, command by command.
pub(crate) struct Run<'a> {
    writer: Writer<'a>,
    state: &'a mut State,
    writes: &'a Writes,
    term: u64,
    at: usize,
    retries_apply_twice: bool,
}

/// What became of one command.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) reply: Reply,
    /// It had been applied before, and this is the reply of then.
    pub(crate) is_retry: bool,
}

impl Machine {
    pub(crate) fn new(db: Arc<Db>, state: State) -> Machine {
        Machine { db, state }
    }

    pub(crate) fn db(&self) -> &Arc<Db> {
        &self.db
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn set_state(&mut self, state: State) {
        self.state = state;
    }

    pub(crate) fn applied(&self) -> Mark {
        self.state.applied
    }

    /// The ordinal of the last write.
    pub(crate) fn ordinal(&self) -> u64 {
        self.db.applied().index
    }

    /// Begins to apply an entry. The caller goes on until [`Run::next`] has had all commands, and
    /// ends with [`Machine::advance`].
    pub(crate) fn run<'a>(&'a mut self, term: u64, writes: &'a Writes) -> Run<'a> {
        Run {
            writer: self.db.writer(),
            state: &mut self.state,
            writes,
            term,
            at: 0,
            retries_apply_twice: false,
        }
    }

    /// Everything up to `mark` is applied.
    ///
    /// # Panics
    /// If that leaves out an entry.
    pub(crate) fn advance(&mut self, mark: Mark) {
        let before = self.state.applied.index;
        assert!(
            mark.index == before + 1,
            "entry {} is applied after {before}",
            mark.index
        );
        self.state.applied = mark;
    }

    /// A change of members took effect; `conf` is what the consensus says of it.
    pub(crate) fn reconfigure(&mut self, change: &Reconfiguration, conf: ConfState) {
        let state = &mut self.state;
        for change in &change.changes {
            if let Change::AddLearner(address) = change {
                state.members.insert(address.id, address.clone());
            }
        }
        let named = conf_ids(&conf);
        let gone = state.members.keys().filter(|id| !named.contains(id));
        state.removed.extend(gone.copied().collect::<Vec<_>>());
        while state.removed.len() > REMOVED_MAX {
            state.removed.pop_first();
        }
        state.members.retain(|id, _| named.contains(id));
        state.conf = conf;
    }
}

/// Everybody that a configuration names.
pub(crate) fn conf_ids(conf: &ConfState) -> BTreeSet<NodeId> {
    let lists = [
        &conf.voters,
        &conf.learners,
        &conf.voters_outgoing,
        &conf.learners_next,
    ];
    let ids = lists.into_iter().flatten();
    ids.filter_map(|id| NodeId::from_raft(*id)).collect()
}

impl Run<'_> {
    /// A deliberate fault.
    pub(crate) fn apply_retries_twice(&mut self) {
        self.retries_apply_twice = true;
    }

    pub(crate) fn has_next(&self) -> bool {
        self.at < self.writes.commands.len()
    }

    /// Applies the next command. With `loses_effect`, memory loses it.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn next(&mut self, loses_effect: bool) -> Applied {
        let (once, command) = &self.writes.commands[self.at];
        self.at += 1;
        self.state.sessions.expire(self.writes.now_ms);
        match self.known(*once) {
            Known::New => {
                let reply = self.write(command, loses_effect);
                self.state
                    .sessions
                    .remember(*once, self.writes.now_ms, &reply);
                let is_retry = false;
                Applied { reply, is_retry }
            }
            Known::Done(reply) => Applied {
                reply,
                is_retry: true,
            },
            Known::Forgotten => Applied {
                reply: forgotten(),
                is_retry: true,
            },
        }
    }

    fn known(&mut self, once: Once) -> Known {
        match self.retries_apply_twice {
            true => Known::New,
            false => self.state.sessions.look_up(once, self.writes.now_ms),
        }
    }

    fn write(&mut self, command: &Command, loses_effect: bool) -> Reply {
        let stamp = Stamp {
            index: self.writer.applied().index + 1,
            now_ms: self.writes.now_ms,
        };
        let primary = self.writes.primary;
        self.state.clock.insert(primary, stamp.index);
        self.state.provenance.note(stamp.index, primary, self.term);
        match loses_effect {
            true => self.writer.apply_without_effect(stamp, command),
            false => self.writer.apply(stamp, command),
        }
    }

    /// Answers a read at this place.
    pub(crate) fn read(&self, now_ms: u64, command: &Command) -> Reply {
        self.writer.read(now_ms, command)
    }
}

/// The write was applied, but so long ago that its reply is gone.
fn forgotten() -> Reply {
    Reply::Error(ErrorReply::new(
        ErrorCode::Unknown,
        "the write is older than what is remembered of this client: it may or may not have happened",
    ))
}

#[cfg(test)]
mod tests;
