//! Does what the member says.

use kv_node::peer::{Lane as PeerLane, Unsent};

use super::{Driver, chronicle, shared};
use crate::{Completed, Event, Lane, NodeId, Outgoing, Output, wire};

impl Driver {
    pub(super) fn perform(&self, output: Output) {
        if !output.messages.is_empty() {
            self.send(&output.messages);
        }
        if output.flush {
            self.flush();
        }
        for completed in output.replies {
            self.complete(completed);
        }
        if !output.events.is_empty() {
            self.note_events(&output.events);
        }
        if let Some(job) = output.snapshot {
            self.start_snapshot(job);
        }
    }

    fn note_events(&self, events: &[Event]) {
        for event in events {
            chronicle::note_event(event);
        }
        let changes_members = |event: &Event| matches!(event, Event::Members { .. });
        if events.iter().any(changes_members) {
            self.meet_members();
        }
        self.show();
    }

    fn send(&self, messages: &[Outgoing]) {
        let begun = shared::now();
        let mut unreachable: Vec<NodeId> = Vec::new();
        for message in messages {
            let sent = self.queue(message);
            let is_lost = matches!(sent, Err(Unsent::Disconnected | Unsent::Full));
            if is_lost && !unreachable.contains(&message.to) {
                unreachable.push(message.to);
            }
        }
        self.transport.flush();
        self.shared.stages.send.record(begun.elapsed());
        for peer in unreachable {
            self.member.borrow_mut().unreachable(peer);
        }
    }

    fn queue(&self, outgoing: &Outgoing) -> Result<(), Unsent> {
        let lane = match outgoing.lane {
            Lane::Consensus => PeerLane::Consensus,
            Lane::Bulk => PeerLane::Bulk,
        };
        self.transport.send(outgoing.to.0, lane, |out| {
            wire::encode(&outgoing.message, out);
        })
    }

    fn flush(&self) {
        let journal = &self.shared.journal;
        if self.syncing.get().is_none() {
            let synced = journal.durable_lsn().0;
            self.syncing.set(Some((synced, shared::now())));
        }
        journal.flush();
    }

    /// Takes note of how long the log took for what it was asked to sync.
    pub(super) fn note_synced(&self) {
        let durable = self.shared.journal.durable_lsn().0;
        if let Some((before, since)) = self.syncing.get()
            && durable > before
        {
            self.shared.stages.sync.record(since.elapsed());
            self.syncing.set(None);
        }
    }

    fn complete(&self, completed: Completed) {
        let debt = self.claims.borrow_mut().remove(&completed.ticket);
        if let Some(debt) = debt {
            debt.complete(completed);
        }
    }
}
