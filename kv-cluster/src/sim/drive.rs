//! What drives a node: its messages, timer, syncs and snapshots.

use kv_node::snapshot::Unpaced;
use kv_node::store::Journal;
use kv_sim::Arrivals;
use kv_wal::{Health, Lsn};
use raft::eraftpb::MessageType;

use super::{
    events::{Due, Place},
    node::{Caller, Fate},
    report::count,
    settings::{CRASH_AFTER_VOTE_PERMILLE, TICK_MS},
    world::{Stage, World},
};
use crate::{Completed, Event, Lane, NodeId, Outgoing, Output, PeerMessage, wire};

/// A loop of a node gathers what arrives within this time.
const TURN_US: u64 = 20;

/// Clients' endpoints in the network begin here.
const CLIENTS_FROM: u32 = 10_000;

pub(super) fn endpoint(node: Place) -> u32 {
    u32::try_from(node).expect("few nodes")
}

pub(super) fn client_endpoint(client: Place) -> u32 {
    CLIENTS_FROM + u32::try_from(client).expect("few clients")
}

impl World {
    /// Something happens to a node: at once, when it stands still no more, or not at all.
    pub(super) fn happen_to_node(&mut self, due: Due) -> Result<(), String> {
        let (place, epoch) = due.node().expect("only such events get here");
        let node = &mut self.nodes[place];
        if node.epoch != epoch || !node.is_up() {
            return Ok(());
        }
        if node.is_paused(self.now_us) {
            node.waiting.push(due);
            return Ok(());
        }
        self.trace
            .record(due.kind(), &[self.now_us, place as u64, u64::from(epoch)]);
        let span = tracing::debug_span!("at", us = self.now_us, node = place);
        let _entered = span.enter();
        self.handle(place, due)?;
        self.look_after(place)
    }

    fn handle(&mut self, place: Place, due: Due) -> Result<(), String> {
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        let now_ms = node.now_ms(now_us);
        let Some(member) = node.member.as_mut() else {
            return Ok(());
        };
        match due {
            Due::Message { from, message, .. } => {
                tracing::debug!(from, ?message, "receives");
                if self.network.is_open((endpoint(from), endpoint(place))) {
                    let from = NodeId(from as u64);
                    member.receive(from, *message, now_ms);
                }
            }
            Due::Request {
                client,
                attempt,
                batch,
                ..
            } => {
                let caller = Caller::Client { client, attempt };
                node.callers.insert(batch.ticket, caller);
                member.submit(*batch, now_ms);
            }
            Due::Tick { .. } => {
                look_for_room(&**member.journal());
                self.arm_timer(place);
            }
            Due::Work { .. } => {
                node.has_work_due = false;
                let output = member.work(now_ms);
                return self.put_out(place, output);
            }
            Due::Synced { .. } => {
                member.journal().flush();
                node.is_syncing = false;
                if std::mem::take(&mut node.wants_flush) {
                    self.begin_sync(place);
                }
            }
            Due::Snapshot { job, .. } => {
                member.finish_snapshot(job.run(&mut Unpaced), now_ms);
            }
            Due::Resume { .. } => self.catch_up(place),
            _ => unreachable!("not an event of a node"),
        }
        self.have_work_done(place);
        Ok(())
    }

    /// What arrived while a node stood still arrives now: what its clients sent, and what other
    /// nodes did, come on connections of their own, and so in any order.
    fn catch_up(&mut self, place: Place) {
        let node = &mut self.nodes[place];
        node.paused_until_us = None;
        let waiting = std::mem::take(&mut node.waiting);
        let peers_us = self.random.below(3) * 50 * TURN_US;
        for due in waiting {
            let later_us = match due {
                Due::Message { .. } => peers_us,
                _ => 0,
            };
            self.agenda.put(self.now_us + later_us, due);
        }
    }

    /// After anything that a node did: was the power cut, is all as it must be?
    fn look_after(&mut self, place: Place) -> Result<(), String> {
        let node = &self.nodes[place];
        if node.disk.is_cut() {
            self.coverage.hit("crashes during a change to the disk");
            self.crash(place);
            return Ok(());
        }
        match &node.member {
            Some(member) => self.invariants.look(place, member),
            None => Ok(()),
        }
    }

    pub(super) fn have_work_done(&mut self, place: Place) {
        let node = &mut self.nodes[place];
        if !node.has_work_due {
            node.has_work_due = true;
            let epoch = node.epoch;
            let work = Due::Work { node: place, epoch };
            self.agenda.put(self.now_us + TURN_US, work);
        }
    }

    fn arm_timer(&mut self, place: Place) {
        let node = &self.nodes[place];
        let next_us = node.clock.monotonic_us(self.now_us) + TICK_MS * 1000;
        let at_us = node.clock.when_monotonic_us(next_us);
        let epoch = node.epoch;
        self.agenda.put(at_us, Due::Tick { node: place, epoch });
    }

    fn begin_sync(&mut self, place: Place) {
        let node = &mut self.nodes[place];
        if node.is_syncing {
            node.wants_flush = true;
            return;
        }
        node.is_syncing = true;
        let takes_us = match node.sync_us {
            Some(slow_us) => slow_us,
            None => self.random.between(200, 1_500),
        };
        let epoch = node.epoch;
        let synced = Due::Synced { node: place, epoch };
        self.agenda.put(self.now_us + takes_us, synced);
    }

    /// Does what a member wants done.
    fn put_out(&mut self, place: Place, output: Output) -> Result<(), String> {
        if self.nodes[place].disk.is_cut() {
            return Ok(());
        }
        // A member with nothing to say waits for time or for others, whatever it has queued.
        let is_idle = is_empty(&output);
        for outgoing in output.messages {
            self.invariants.look_at_message(place, &outgoing)?;
            let is_last_word = is_vote(&outgoing)
                && self.stage == Stage::Storm
                && self.random.chance(CRASH_AFTER_VOTE_PERMILLE);
            self.send(place, outgoing)?;
            if is_last_word {
                self.coverage.hit("crashes after a vote");
                self.crash(place);
                return Ok(());
            }
        }
        for completed in output.replies {
            self.reply(place, completed);
        }
        if output.flush {
            self.begin_sync(place);
        }
        for event in output.events {
            self.note_event(place, &event);
        }
        let epoch = self.nodes[place].epoch;
        if let Some(job) = output.snapshot {
            let at_us = self.now_us + self.random.between(500, 40_000);
            let job = Box::new(job);
            let due = Due::Snapshot {
                node: place,
                epoch,
                job,
            };
            self.agenda.put(at_us, due);
        }
        let member = self.nodes[place].member.as_ref();
        if !is_idle && member.is_some_and(crate::Member::has_work) {
            self.have_work_done(place);
        }
        Ok(())
    }

    fn send(&mut self, from: Place, outgoing: Outgoing) -> Result<(), String> {
        let Some(to) = usize::try_from(outgoing.to.0)
            .ok()
            .filter(|to| *to < self.nodes.len())
        else {
            return Err(format!("a message to nobody: {outgoing:?}"));
        };
        tracing::debug!(to, message = ?outgoing.message, "sends");
        self.trace_message(from, to, &outgoing.message);
        let lane = match outgoing.lane {
            Lane::Consensus => 0,
            Lane::Bulk => 1,
        };
        let message = match self.shape.through_wire {
            true => through_wire(outgoing.message)?,
            false => outgoing.message,
        };
        let receiver = &self.nodes[to];
        if !receiver.is_up() {
            if let Some(member) = &mut self.nodes[from].member {
                member.unreachable(outgoing.to);
            }
            return Ok(());
        }
        let epoch = receiver.epoch;
        let Arrivals { first_us, again_us } =
            self.network
                .send(self.now_us, (endpoint(from), endpoint(to)), lane);
        let deliver = |message| Due::Message {
            from,
            to,
            epoch,
            message,
        };
        let Some(first_us) = first_us else {
            return Ok(());
        };
        let message = Box::new(message);
        if let Some(again_us) = again_us {
            self.agenda.put(again_us, deliver(message.clone()));
        }
        self.agenda.put(first_us, deliver(message));
        Ok(())
    }

    fn trace_message(&mut self, from: Place, to: Place, message: &PeerMessage) {
        let (kind, numbers) = match message {
            PeerMessage::Raft(message) => (
                40,
                [
                    message.get_msg_type() as u64,
                    message.term,
                    message.index,
                    message.commit ^ (message.entries.len() as u64) << 32,
                ],
            ),
            PeerMessage::Hello(hello) => (41, [hello.incarnation, 0, 0, 0]),
            PeerMessage::Welcome(welcome) => (42, [u64::from(welcome.is_accepted), 0, 0, 0]),
            PeerMessage::Offer(offer) => (43, [offer.id.index, offer.id.term, 0, 0]),
            PeerMessage::Chunk(chunk) => (
                44,
                [
                    chunk.id.index,
                    u64::from(chunk.file),
                    chunk.offset,
                    u64::from(chunk.crc),
                ],
            ),
            PeerMessage::ChunkAck(ack) => (
                45,
                [
                    ack.id.index,
                    u64::from(ack.file),
                    ack.offset,
                    u64::from(ack.is_refused),
                ],
            ),
            PeerMessage::Forward(forward) => {
                (46, [forward.id, forward.requests.len() as u64, 0, 0])
            }
            PeerMessage::Answer(answer) => (47, [answer.id, answer.ordinal, 0, 0]),
        };
        let [a, b, c, d] = numbers;
        self.trace
            .record(kind, &[self.now_us, from as u64, to as u64, a, b, c, d]);
    }

    fn reply(&mut self, place: Place, completed: Completed) {
        let node = &mut self.nodes[place];
        let Some(Caller::Client { client, attempt }) = node.callers.remove(&completed.ticket)
        else {
            return;
        };
        let link = (endpoint(place), client_endpoint(client));
        if let Some(at_us) = self.network.send(self.now_us, link, 0).first_us {
            let due = Due::Response {
                client,
                attempt,
                node: place,
                completed: Box::new(completed),
            };
            self.agenda.put(at_us, due);
        }
    }

    fn note_event(&mut self, place: Place, event: &Event) {
        tracing::info!(?event, "tells");
        self.trace
            .record_bytes(50, format!("{place} {event:?}").as_bytes());
        match event {
            Event::Members { .. } => self.coverage.hit("membership changes"),
            Event::Refused => self.coverage.hit("wiped disks refused"),
            Event::Poisoned(_) => {
                self.coverage.hit("failed logs");
                self.plan_restart(place);
            }
            _ => {}
        }
    }

    /// The power of a node goes, and comes back after a while.
    pub(super) fn crash(&mut self, place: Place) {
        self.power_off(place);
        self.coverage.hit("crashes");
        self.plan_start(place);
    }

    pub(super) fn power_off(&mut self, place: Place) {
        if let Some(member) = &self.nodes[place].member {
            let status = member.status(self.nodes[place].now_ms(self.now_us));
            count(&mut self.coverage, &status.counters);
        }
        tracing::info!(us = self.now_us, node = place, "is switched off");
        self.trace.record(60, &[self.now_us, place as u64]);
        self.nodes[place].cut_power();
        self.network.reconnect(endpoint(place));
        self.invariants.forget(place);
    }

    pub(super) fn plan_start(&mut self, place: Place) {
        let at_us = self.now_us + self.random.between(20_000, 600_000);
        self.agenda.put(at_us, Due::Start { node: place });
    }

    /// Somebody looks after a node whose log failed, and starts it again.
    fn plan_restart(&mut self, place: Place) {
        if !std::mem::replace(&mut self.nodes[place].restart_due, true) {
            self.plan_start(place);
        }
    }

    /// Starts a node, or one that takes no part any more anew.
    pub(super) fn start(&mut self, place: Place) -> Result<(), String> {
        if self.nodes[place].restart_due {
            self.power_off(place);
        }
        let node = &mut self.nodes[place];
        if node.is_up() || node.fate == Fate::Retired {
            return Ok(());
        }
        tracing::info!(us = self.now_us, node = place, "starts");
        self.trace.record(61, &[self.now_us, place as u64]);
        match node.open(self.now_us, &self.settings, &self.shape) {
            Ok(()) => {
                self.arm_timer(place);
                self.have_work_done(place);
                self.look_after(place)
            }
            Err(error) => self.start_failed(place, &error),
        }
    }

    /// A start may fail for a fault of the disk; never for what an earlier run left there.
    fn start_failed(&mut self, place: Place, error: &crate::OpenError) -> Result<(), String> {
        let node = &mut self.nodes[place];
        let is_full = node.disk.used_bytes() > 0 && node.is_full;
        if !node.disk.is_cut() && !is_full && !node.has_armed_faults {
            return Err(format!("node {} does not start: {error:?}", node.id));
        }
        node.has_armed_faults = false;
        node.cut_power();
        self.plan_start(place);
        Ok(())
    }
}

fn is_empty(output: &Output) -> bool {
    output.messages.is_empty()
        && output.replies.is_empty()
        && output.events.is_empty()
        && output.snapshot.is_none()
        && !output.flush
}

/// Whether it promises something that must never be forgotten.
fn is_vote(outgoing: &Outgoing) -> bool {
    match &outgoing.message {
        PeerMessage::Raft(message) => {
            message.get_msg_type() == MessageType::MsgRequestVoteResponse && !message.reject
        }
        _ => false,
    }
}

/// A log on threads of its own looks for room from time to time; one without has to be told.
fn look_for_room(journal: &dyn Journal) {
    if matches!(journal.health(), Health::StorageFull(_)) {
        journal.purge(Lsn(0));
    }
}

fn through_wire(message: PeerMessage) -> Result<PeerMessage, String> {
    let mut bytes = Vec::new();
    wire::encode(&message, &mut bytes);
    let again = wire::decode(bytes.into()).map_err(|error| format!("{error}: {message:?}"))?;
    if again != message {
        return Err(format!("{message:?} is read as {again:?}"));
    }
    Ok(again)
}
