//! Who is answered what: replies on their way to whoever asked, here or on another node.

use kv_proto::{Command, ErrorCode, ErrorReply, Reply, Request};

use super::propose::{Origin, Prepared, Proposed, What};
use super::{Answer, Completed, Member, PeerMessage};
use crate::planted::Bug;

impl Member {
    pub(super) fn refuse_what(&mut self, what: What, error: &ErrorReply) {
        match what {
            What::Change(ticket) => self.complete_local(ticket, vec![error.clone().into()]),
            What::Writes(prepared) => {
                for batch in prepared {
                    self.refuse_prepared(batch, error);
                }
            }
        }
    }

    /// What was refused before stays so.
    pub(super) fn refuse_prepared(&mut self, batch: Prepared, error: &ErrorReply) {
        let mut replies = vec![Reply::Error(error.clone()); batch.requests.len()];
        for (at, refusal) in batch.refused {
            replies[at] = Reply::Error(refusal);
        }
        self.complete_part(batch.origin, batch.has_more, replies);
    }

    /// A batch's replies go out together.
    pub(super) fn complete_part(&mut self, origin: Origin, has_more: bool, replies: Vec<Reply>) {
        match has_more {
            true => self
                .proposals
                .begun
                .entry(origin)
                .or_default()
                .extend(replies),
            false => self.complete(origin, replies),
        }
    }

    pub(super) fn refuse(&mut self, origin: Origin, requests: &[Request], error: &ErrorReply) {
        let replies = vec![Reply::Error(error.clone()); requests.len()];
        self.complete(origin, replies);
    }

    pub(super) fn complete(&mut self, origin: Origin, mut replies: Vec<Reply>) {
        if let Some(mut begun) = self.proposals.begun.remove(&origin) {
            begun.append(&mut replies);
            replies = begun;
        }
        let ordinal = self.machine.ordinal();
        match origin {
            Origin::Own => {}
            Origin::Local(ticket) => self.complete_local(ticket, replies),
            Origin::Peer(node, id) => {
                let answer = Answer {
                    id,
                    replies,
                    ordinal,
                };
                self.send(node, PeerMessage::Answer(answer));
            }
        }
    }

    pub(super) fn complete_local(&mut self, ticket: u64, replies: Vec<Reply>) {
        let ordinal = self.machine.ordinal();
        self.out.replies.push(Completed {
            ticket,
            replies,
            ordinal,
            age_ms: None,
        });
    }

    /// Answers before a quorum has it: a deliberate fault.
    pub(super) fn plant_early_answers(&mut self, proposed: &mut Proposed) {
        let What::Writes(prepared) = &mut proposed.what else {
            return;
        };
        if !self.settings.plants(Bug::AckBeforeQuorum) {
            return;
        }
        let is_plain = |batch: &Prepared| {
            let mut requests = batch.requests.iter();
            requests.all(|request| matches!(request.command, Command::Set(_)))
        };
        let early: Vec<_> = prepared
            .iter_mut()
            .filter(|batch| is_plain(batch) && !batch.has_more)
            .map(|batch| {
                (
                    std::mem::replace(&mut batch.origin, Origin::Own),
                    batch.requests.len(),
                )
            })
            .collect();
        for (origin, count) in early {
            self.complete(origin, vec![Reply::Ok; count]);
        }
    }
}

pub(super) fn no_leader() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::NoLeader,
        "no node leads the cluster now; try again",
    )
}

pub(super) fn lost_place() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::NoLeader,
        "another leader came first, and nothing happened; try again",
    )
}
