//! Tells the process's log what happens to the member: who leads, who is in the cluster, what fails.

use crate::{Event, MemberStatus, NodeId, Role};

/// Remembers what was said last, so that nothing is said twice.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    health: Option<String>,
    is_ready: bool,
}

impl Chronicle {
    pub(super) fn note_status(&mut self, status: &MemberStatus) {
        if self.health.as_ref() != Some(&status.health) {
            if status.health != "ok" {
                tracing::error!(health = status.health, "the log takes no writes");
            } else if self.health.is_some() {
                tracing::info!("the log takes writes again");
            }
            self.health = Some(status.health.clone());
        }
        if self.is_ready != status.is_ready {
            self.is_ready = status.is_ready;
            let (term, applied) = (status.term, status.applied);
            let leader = name(status.leader);
            match status.is_ready {
                true => tracing::info!(term, leader, applied, "ready"),
                false => tracing::warn!(term, leader, applied, "not ready"),
            }
        }
    }
}

/// Tells of something that happened.
pub(super) fn note_event(event: &Event) {
    match event {
        Event::Role { role, term, leader } => {
            let (role, leader) = (role_name(*role), name(*leader));
            tracing::info!(role, term, leader, "the node's role changed");
        }
        Event::Members {
            index,
            voters,
            learners,
        } => {
            let (voters, learners) = (names(voters), names(learners));
            tracing::info!(index, voters, learners, "the members changed");
        }
        Event::SnapshotTaken(id) => {
            tracing::info!(index = id.index, term = id.term, "snapshot written");
        }
        Event::SnapshotInstalled(id) => {
            let (index, term) = (id.index, id.term);
            tracing::info!(index, term, "another node's snapshot replaced the data");
        }
        Event::SnapshotFailed(cause) => tracing::error!(cause, "cannot write a snapshot"),
        Event::Truncated { from } => {
            tracing::warn!(from, "the leader's log replaced the tail of this node's");
        }
        Event::Refused => tracing::error!(
            "the others know this node's number from another data dir: it takes no part; \
             add it under a new number, or bring the old data dir back"
        ),
        Event::Removed => tracing::warn!("this node is no longer part of the cluster"),
        Event::Poisoned(cause) => {
            tracing::error!(
                cause,
                "the log failed: this node takes no part until a restart"
            );
        }
    }
}

/// A role's name in logs and to clients.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Learner => "learner",
        Role::Outsider => "outsider",
    }
}

fn name(node: Option<NodeId>) -> String {
    node.map_or_else(|| "none".to_owned(), |node| node.to_string())
}

fn names(nodes: &[NodeId]) -> String {
    let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    names.join(",")
}
