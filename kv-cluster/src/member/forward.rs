//! Writes of clients that cannot follow a redirection: passed on to the leader, and its answer back.
//!
//! 1. Each write that is passed on is given a name, unless its client gave one: so it may be sent
//!    again, and to another leader, and happens once.
//! 2. Names are of few sessions, one for each batch under way, used again when that is answered.

use std::collections::BTreeMap;

use kv_node::store::unconfirmed;
use kv_proto::{ErrorCode, ErrorReply, Reply};

use super::answer::no_leader;
use super::propose::{Origin, Queued};
use super::{Answer, Completed, Forward, Member, PeerMessage};
use crate::consensus::{Consensus, mix};
use crate::{NodeId, Once};

/// Batches under way.
const BATCHES_MAX: usize = 4096;

/// Requests that are taken from another node at once.
const REQUESTS_MAX: usize = 65_536;

/// A client's place in the state machine, for as long as a batch uses it.
#[derive(Debug)]
struct Slot {
    client: u64,
    next_sequence: u64,
}

#[derive(Debug)]
struct Forwarded {
    ticket: u64,
    queued: Queued,
    slot: Slot,
    /// To whom it was sent last, and when; `None`: it is to be sent.
    sent: Option<(NodeId, u64)>,
    was_sent: bool,
}

/// All batches that were passed on, or wait to be.
#[derive(Debug)]
pub(super) struct Forwards {
    seed: u64,
    next_id: u64,
    slot_count: u64,
    free: Vec<Slot>,
    under_way: BTreeMap<u64, Forwarded>,
}

impl Forwards {
    /// `incarnation` is a number that no run of this node had before.
    pub(super) fn new(node: NodeId, incarnation: u64) -> Forwards {
        let seed = mix(incarnation ^ mix(node.0));
        Forwards {
            seed,
            next_id: seed >> 1,
            slot_count: 0,
            free: Vec::new(),
            under_way: BTreeMap::new(),
        }
    }

    fn take_slot(&mut self) -> Slot {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        self.slot_count += 1;
        Slot {
            client: mix(self.seed ^ mix(self.slot_count)).max(1),
            next_sequence: 1,
        }
    }

    fn remove(&mut self, id: u64) -> Option<Forwarded> {
        self.under_way.remove(&id)
    }
}

impl Member {
    pub(super) fn forward(&mut self, ticket: u64, mut queued: Queued) {
        if self.forwards.under_way.len() >= BATCHES_MAX {
            let error = ErrorReply::new(
                ErrorCode::Busy,
                "too many writes are waiting for the leader; try again",
            );
            self.refuse(queued.origin, &queued.requests, &error);
            return;
        }
        let mut slot = self.forwards.take_slot();
        name(&mut queued, &mut slot);
        self.counters.forwards += 1;
        self.forwards.next_id += 1;
        let forwarded = Forwarded {
            ticket,
            queued,
            slot,
            sent: None,
            was_sent: false,
        };
        let id = self.forwards.next_id;
        self.forwards.under_way.insert(id, forwarded);
    }

    /// Sends what is to be sent, once there is a leader; again, if there was no answer.
    pub(super) fn send_forwards(&mut self) {
        if self.forwards.under_way.is_empty() {
            return;
        }
        let Some(leader) = self.consensus.leader() else {
            return;
        };
        if leader == self.settings.id {
            self.lead_forwards();
            return;
        }
        let (now_ms, patience_ms) = (self.now_ms, 2 * self.settings.election_timeout_ms());
        let mut messages = Vec::new();
        for (id, forwarded) in &mut self.forwards.under_way {
            let is_waiting = forwarded
                .sent
                .is_some_and(|(to, ms)| to == leader && now_ms < ms.saturating_add(patience_ms));
            if is_waiting {
                continue;
            }
            forwarded.sent = Some((leader, now_ms));
            forwarded.was_sent = true;
            messages.push(Forward {
                id: *id,
                requests: forwarded.queued.requests.clone(),
                once: forwarded.queued.once.clone(),
            });
        }
        for message in messages {
            self.send(leader, PeerMessage::Forward(message));
        }
    }

    /// This node leads by now.
    fn lead_forwards(&mut self) {
        for (_, forwarded) in std::mem::take(&mut self.forwards.under_way) {
            self.enqueue(forwarded.queued);
        }
        self.propose();
    }

    /// Another node passes requests on.
    pub(super) fn forwarded(&mut self, from: NodeId, forward: Forward) {
        let queued = Queued {
            origin: Origin::Peer(from, forward.id),
            requests: forward.requests,
            once: forward.once,
            since_ms: self.now_ms,
        };
        if queued.requests.len() > REQUESTS_MAX {
            let error = ErrorReply::new(ErrorCode::Err, "too many requests at once");
            self.refuse(queued.origin, &queued.requests, &error);
        } else if self.is_leader() {
            self.enqueue(queued);
        } else {
            self.refuse(queued.origin, &queued.requests, &no_leader());
        }
    }

    /// The leader's answer; if it does not lead any more, another one is asked.
    pub(super) fn answered(&mut self, from: NodeId, answer: Answer) {
        let Some(forwarded) = self.forwards.under_way.get_mut(&answer.id) else {
            return;
        };
        if answer.replies.len() != forwarded.queued.requests.len() {
            tracing::warn!(%from, "an answer with another number of replies was ignored");
            return;
        }
        if answer.replies.iter().any(is_elsewhere) {
            // Not at once: whoever sent it away does not know better yet either.
            return;
        }
        if let Some(forwarded) = self.forwards.remove(answer.id) {
            self.forwards.free.push(forwarded.slot);
            self.out.replies.push(Completed {
                ticket: forwarded.ticket,
                replies: answer.replies,
                ordinal: answer.ordinal,
                age_ms: None,
            });
        }
    }

    pub(super) fn give_up_forwards(&mut self) {
        let (now_ms, timeout_ms) = (self.now_ms, self.settings.request_timeout_ms);
        let late = self.forwards.under_way.extract_if(.., |_, forwarded| {
            forwarded.queued.since_ms.saturating_add(timeout_ms) <= now_ms
        });
        let late: Vec<_> = late.map(|(_, forwarded)| forwarded).collect();
        late.into_iter()
            .for_each(|forwarded| self.give_up(forwarded));
    }

    pub(super) fn fail_forwards(&mut self) {
        for (_, forwarded) in std::mem::take(&mut self.forwards.under_way) {
            self.give_up(forwarded);
        }
    }

    fn give_up(&mut self, forwarded: Forwarded) {
        let error = match forwarded.was_sent {
            true => unconfirmed(),
            false => no_leader(),
        };
        self.refuse(forwarded.queued.origin, &forwarded.queued.requests, &error);
        self.forwards.free.push(forwarded.slot);
    }
}

/// Gives each write that has no name one.
fn name(queued: &mut Queued, slot: &mut Slot) {
    queued.once.resize(queued.requests.len(), Once::default());
    for once in &mut queued.once {
        if once.client == 0 {
            *once = Once {
                client: slot.client,
                sequence: slot.next_sequence,
            };
            slot.next_sequence += 1;
        }
    }
}

/// Whether the answer is that somebody else leads, and nothing happened.
fn is_elsewhere(reply: &Reply) -> bool {
    match reply {
        Reply::Error(error) => {
            matches!(error.code, ErrorCode::NotLeader | ErrorCode::NoLeader)
        }
        _ => false,
    }
}
