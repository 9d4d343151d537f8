//! How a node without state makes sure that it is nobody's second coming; see [`crate::identity`].

use std::collections::BTreeSet;

use super::{Event, Hello, Member, PeerMessage, Welcome};
use crate::NodeId;

/// How far a node is with that.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// The others are to be asked.
    pub(super) is_due: bool,
    accepted_by: BTreeSet<NodeId>,
    pub(super) is_refused: bool,
}

impl Greeting {
    pub(super) fn new() -> Greeting {
        Greeting {
            is_due: true,
            ..Greeting::default()
        }
    }
}

impl Member {
    /// Asks the others, now and then, until enough have answered.
    pub(super) fn greet_others(&mut self) {
        if self.identity.is_established || !self.greeting.is_due || self.greeting.is_refused {
            return;
        }
        self.greeting.is_due = false;
        self.establish_if_accepted();
        if self.identity.is_established || self.failure.is_some() {
            return;
        }
        let incarnation = self.identity.incarnation;
        for id in self.others_to_greet() {
            self.send(id, PeerMessage::Hello(Hello { incarnation }));
        }
    }

    fn others_to_greet(&self) -> Vec<NodeId> {
        let ids = self.identity.members.iter().map(|member| member.id);
        ids.filter(|id| *id != self.settings.id).collect()
    }

    fn establish_if_accepted(&mut self) {
        let others = self.others_to_greet().len();
        let needed = if others == 0 { 0 } else { others / 2 + 1 };
        if self.greeting.accepted_by.len() < needed {
            return;
        }
        match self.identity.establish(&*self.storage) {
            Ok(()) => self.hasten_first_election(),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Another node introduces itself.
    pub(super) fn greet(&mut self, from: NodeId, hello: Hello) {
        let state = self.machine.state();
        let is_spent = state.removed.contains(&from);
        let is_member = state.members.contains_key(&from)
            || self.identity.members.iter().any(|member| member.id == from);
        if !is_member && !is_spent {
            // It may be added in a moment, and will ask again.
            return;
        }
        let incarnation = hello.incarnation;
        let accepted = match is_spent {
            true => Ok(false),
            false => self.identity.accepts(&*self.storage, from, incarnation),
        };
        match accepted {
            Ok(is_accepted) => {
                let welcome = Welcome {
                    incarnation,
                    is_accepted,
                };
                self.send(from, PeerMessage::Welcome(welcome));
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    pub(super) fn welcomed(&mut self, from: NodeId, welcome: Welcome) {
        if self.identity.is_established || welcome.incarnation != self.identity.incarnation {
            return;
        }
        if welcome.is_accepted {
            if self.others_to_greet().contains(&from) {
                self.greeting.accepted_by.insert(from);
                self.establish_if_accepted();
            }
        } else if !self.greeting.is_refused {
            self.greeting.is_refused = true;
            self.out.events.push(Event::Refused);
            tracing::error!(
                by = %from,
                "this node's id is known from another data directory: add it under a new id"
            );
        }
    }
}
