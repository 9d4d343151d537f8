//! From committed entries to data and replies.

use kv_proto::{Command, ErrorCode, ErrorReply, Reply};
use raft::eraftpb::{Entry, EntryType};

use super::propose::{Prepared, Proposed, What};
use super::{Event, Member};
use crate::NodeId;
use crate::consensus::Consensus;
use crate::entry::{self, Writes};
use crate::log::Mark;
use crate::machine::{Run, conf_ids};
use crate::membership::Reconfiguration;
use crate::planted::Bug;

impl Member {
    pub(super) fn apply_all(&mut self, entries: Vec<Entry>) {
        let Some(last) = entries.last().map(|entry| entry.index) else {
            return;
        };
        for entry in entries {
            if let Err(problem) = self.apply(&entry) {
                let index = entry.index;
                self.fail(format!("entry {index} cannot be applied: {problem}"));
                return;
            }
        }
        self.consensus.applied(last);
    }

    /// Applying succeeds everywhere, fails identically everywhere, or stops the node.
    fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        let mark = Mark {
            index: entry.index,
            term: entry.term,
        };
        let proposed = self.take_proposed(mark);
        match entry.get_entry_type() {
            EntryType::EntryNormal => self.apply_writes(entry, proposed)?,
            EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => {
                self.apply_change(entry, proposed)?;
            }
        }
        self.machine.advance(mark);
        Ok(())
    }

    fn apply_writes(&mut self, entry: &Entry, proposed: Option<Proposed>) -> Result<(), String> {
        let writes = entry::decode(entry.data.clone()).map_err(|error| error.to_string())?;
        let prepared = match proposed.map(|proposed| proposed.what) {
            Some(What::Writes(prepared)) => prepared,
            // The consensus put nothing in the place of a change that could not be made.
            Some(What::Change(ticket)) => {
                self.complete_local(ticket, vec![Reply::Error(superseded())]);
                Vec::new()
            }
            None => Vec::new(),
        };
        let Some(writes) = writes else {
            return Ok(());
        };
        let answered = self.run_writes(entry.term, &writes, prepared);
        self.counters.writes_applied += writes.commands.len() as u64;
        for (prepared, replies) in answered {
            self.complete_part(prepared.origin, prepared.has_more, replies);
        }
        Ok(())
    }

    /// Applies an entry's commands, and the reads among those that this node proposed, in order.
    fn run_writes(
        &mut self,
        term: u64,
        writes: &Writes,
        prepared: Vec<Prepared>,
    ) -> Vec<(Prepared, Vec<Reply>)> {
        let now_ms = self.wall_ms();
        let mut retries = 0;
        let mut run = self.machine.run(term, writes);
        if self.settings.plants(Bug::RetryTwice) {
            run.apply_retries_twice();
        }
        let mut answered = Vec::with_capacity(prepared.len());
        for batch in prepared {
            let replies = answer(&mut run, &batch, now_ms, &mut retries);
            answered.push((batch, replies));
        }
        while run.has_next() {
            retries += u64::from(run.next(false).is_retry);
        }
        drop(run);
        self.counters.retries_answered += retries;
        for (batch, replies) in &mut answered {
            self.name_primaries(&batch.requests, replies);
        }
        answered
    }

    fn apply_change(&mut self, entry: &Entry, proposed: Option<Proposed>) -> Result<(), String> {
        let change = Reconfiguration::decode(&entry.context)
            .ok_or("it is no change of members that is known here")?;
        let reply = match self.consensus.apply_change(&change) {
            Ok(conf) => {
                self.machine.reconfigure(&change, conf);
                self.counters.configurations += 1;
                self.announce_members(entry.index);
                Reply::Ok
            }
            Err(_) => Reply::Error(superseded()),
        };
        if let Some(Proposed {
            what: What::Change(ticket),
            ..
        }) = proposed
        {
            self.complete_local(ticket, vec![reply]);
        }
        Ok(())
    }

    fn announce_members(&mut self, index: u64) {
        let conf = &self.machine.state().conf;
        let ids = |list: &[u64]| -> Vec<NodeId> {
            let mut ids: Vec<_> = list
                .iter()
                .filter_map(|id| NodeId::from_raft(*id))
                .collect();
            ids.sort_unstable();
            ids
        };
        let (voters, learners) = (ids(&conf.voters), ids(&conf.learners));
        let is_in = conf_ids(conf).contains(&self.settings.id);
        self.out.events.push(Event::Members {
            index,
            voters,
            learners,
        });
        if !is_in {
            self.out.events.push(Event::Removed);
        }
    }
}

/// What a proposer's batch is answered at its place.
fn answer(run: &mut Run<'_>, batch: &Prepared, now_ms: u64, retries: &mut u64) -> Vec<Reply> {
    let mut refused = batch.refused.iter().peekable();
    let mut replies = Vec::with_capacity(batch.requests.len());
    for (at, request) in batch.requests.iter().enumerate() {
        replies.push(match refused.next_if(|(refused, _)| *refused == at) {
            Some((_, error)) => Reply::Error(error.clone()),
            None if request.command.is_write() => {
                let applied = run.next(batch.lost.contains(&at));
                *retries += u64::from(applied.is_retry);
                applied.reply
            }
            None => run.read(now_ms, &request.command),
        });
    }
    replies
}

/// Something else took the change's place.
pub(super) fn superseded() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::Busy,
        "another change of members came first; look at the status and try again",
    )
}

/// Whether a reply of [`Command::Meta`] can be told who wrote the entry.
pub(super) fn is_meta(command: &Command) -> bool {
    matches!(command, Command::Meta(_))
}
